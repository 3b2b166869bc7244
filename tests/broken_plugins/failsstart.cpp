// Acquires a file in create, cannot start, and must be destroyed to let go of it.
#include <cstdio>
#include <string>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static std::string held;
static aip_status create(const aip_host* host, aip_str, void** out, aip_error*) {
    const aip_str folder = host->data_dir(host->self);
    held = std::string(folder.p, folder.n) + "/held";
    std::FILE* file = std::fopen(held.c_str(), "w");
    if (file != nullptr) std::fclose(file);
    *out = &held;
    return AIP_OK;
}
static aip_status start(void*, const aip_call*, aip_error* err) { return sound::say(err, AIP_E_UNAVAILABLE, "the backend is not there"); }
static void destroy(void*) { std::remove(held.c_str()); }
SOUND_PLUGIN("failsstart", plugin.create = create; plugin.start = start; plugin.destroy = destroy)
