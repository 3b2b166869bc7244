// Built for the next major version of the ABI.
#include "sound.h"
__attribute__((section(AIP_NOTE_SECTION), used, aligned(4))) static const aip_note note = {
    9u, 16u, AIP_NOTE_TYPE, AIP_NOTE_OWNER, {AIP_ABI_MAJOR + 1, 0, AIP_KIND_RATELIMIT, 0}};
SOUND_PLUGIN("wrongmajor", plugin.abi_major = AIP_ABI_MAJOR + 1)
