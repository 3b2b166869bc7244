// Carries the note and exports nothing.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
