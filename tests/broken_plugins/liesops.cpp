// Says that its operations table has 8 bytes.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
SOUND_PLUGIN("liesops", table.size = 8)
