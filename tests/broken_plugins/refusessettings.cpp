// Finds its settings wanting.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static aip_status refuse(const aip_host*, aip_str, void**, aip_error* err) {
    return sound::say(err, AIP_E_INVALID, "shards must be a power of two");
}
SOUND_PLUGIN("refusessettings", plugin.create = refuse;
             plugin.config_schema_json = R"({"shards": {"type": "integer", "default": 3, "min": 1, "max": 64, "doc": "locks"}})")
