// Never comes back from start.
#include <unistd.h>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static aip_status hang(void*, const aip_call*, aip_error*) {
    for (;;) pause();
}
SOUND_PLUGIN("hangsstart", plugin.start = hang)
