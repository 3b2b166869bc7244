/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is slow to say "durable": preloaded into a server, it lets fsync, fdatasync and sync_file_range wait before they work. How
 * long stands, in microseconds, in the file that SLOW_FSYNC_FILE names; it is read at each call, so that a test changes it at run time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void hold(void) {
    const char* path = getenv("SLOW_FSYNC_FILE");
    char text[24] = {0};
    int before = errno;
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    long micros = got > 0 ? strtol(text, NULL, 10) : 0;
    if (micros > 0) {
        struct timespec left = {micros / 1000000, micros % 1000000 * 1000};
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
    }
    errno = before;
}

int fsync(int file) {
    hold();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    hold();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}

int sync_file_range(int file, off64_t from, off64_t count, unsigned flags) {
    hold();
    return ((int (*)(int, off64_t, off64_t, unsigned))dlsym(RTLD_NEXT, "sync_file_range"))(file, from, count, flags);
}
