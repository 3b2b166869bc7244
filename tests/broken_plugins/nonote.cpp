// Carries no note; its constructor must never run.
#include <cstdlib>

#include "sound.h"
__attribute__((constructor)) static void early() { std::abort(); }
SOUND_PLUGIN("nonote", )
