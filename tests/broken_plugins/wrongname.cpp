// Calls itself otherwise than its file.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
SOUND_PLUGIN("memory", )
