// Needs a function that nothing offers; with lazy binding the process would die at the first call.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
extern "C" void agentidp_test_nobody_offers_this();
static aip_status start(void*, const aip_call*, aip_error*) {
    agentidp_test_nobody_offers_this();
    return AIP_OK;
}
SOUND_PLUGIN("unresolved", plugin.start = start)
