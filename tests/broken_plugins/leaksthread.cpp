// Starts a thread that stop does not end.
#include <unistd.h>

#include <thread>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static aip_status start(void*, const aip_call*, aip_error*) {
    std::thread([] {
        for (;;) pause();
    }).detach();
    return AIP_OK;
}
SOUND_PLUGIN("leaksthread", plugin.start = start; plugin.flags |= AIP_F_THREADS)
