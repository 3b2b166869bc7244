/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out when a test says so: preloaded into a program, it lets the n-th allocation from now fail, once. n is a 64-bit number
 * in the file that FAILING_MALLOC names, which the test maps too; 0 means never. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void* __libc_malloc(size_t size);

static int64_t* left;

__attribute__((constructor)) static void attach(void) {
    const char* path = getenv("FAILING_MALLOC");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void* mapped = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) left = mapped;
}

void* malloc(size_t size) {
    if (left != NULL && __atomic_load_n(left, __ATOMIC_RELAXED) > 0 && __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) == 0) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}
