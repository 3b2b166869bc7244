// Describes a setting of a type that does not exist.
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
SOUND_PLUGIN("badschema", plugin.config_schema_json = R"({"rate": {"type": "float"}})")
