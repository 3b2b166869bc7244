// A keys plugin by its note, in the file of a ratelimit plugin.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_KEYS);
SOUND_PLUGIN("wrongkind", )
