// Exports a helper beside its entry.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
extern "C" __attribute__((visibility("default"))) int agentidp_test_helper() { return 1; }
SOUND_PLUGIN("twosymbols", )
