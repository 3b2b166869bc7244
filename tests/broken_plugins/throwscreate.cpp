// Throws a C++ exception out of create.
#include <stdexcept>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static aip_status thrower(const aip_host*, aip_str, void**, aip_error*) { throw std::runtime_error("no"); }
SOUND_PLUGIN("throwscreate", plugin.create = thrower)
