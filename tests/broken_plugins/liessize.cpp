// Says that its descriptor has 16 bytes.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
SOUND_PLUGIN("liessize", plugin.size = 16)
