#pragma once
/// @file tests/broken_plugins/sound.h
/// The smallest sound ratelimit plugin, in the C ABI alone. Each fixture beside it takes this and breaks one thing, so that what
/// is refused is refused for that thing.
#include <agentidp/plugin.h>

#include <cstdint>
#include <cstring>

namespace sound {

inline int instance = 0;

inline aip_status create(const aip_host*, aip_str, void** out, aip_error*) {
    *out = &instance;
    return AIP_OK;
}
inline aip_status quiet(void*, const aip_call*, aip_error*) { return AIP_OK; }
inline aip_status health(void*, const aip_call*, aip_sink json, aip_error*) {
    return json.put(json.ctx, "{}", 2) == 0 ? AIP_OK : AIP_E_CANCELLED;
}
inline aip_status describe(void*, aip_sink json, aip_error*) {
    return json.put(json.ctx, "{\"shared\":false}", 16) == 0 ? AIP_OK : AIP_E_CANCELLED;
}
inline void destroy(void*) {}
inline aip_status take(void*, const aip_call*, aip_str, std::int64_t limit, std::int64_t, std::int64_t, aip_budget* out, aip_error*) {
    out->allowed = 1;
    out->limit = limit;
    out->remaining = limit;
    out->reset_us = 0;
    return AIP_OK;
}

inline aip_ratelimit_ops ops() {
    aip_ratelimit_ops table{};
    table.size = sizeof table;
    table.take = take;
    table.count = take;
    return table;
}

inline aip_plugin descriptor(const char* name, const aip_ratelimit_ops& table) {
    aip_plugin made{};
    made.size = sizeof made;
    made.abi_major = AIP_ABI_MAJOR;
    made.abi_minor = AIP_ABI_MINOR;
    made.kind = AIP_KIND_RATELIMIT;
    made.flags = AIP_F_CONCURRENT;
    made.name = name;
    made.version = "1.0.0";
    made.vendor = "AgentIdP tests";
    made.config_schema_json = "{}";
    made.create = create;
    made.start = quiet;
    made.health = health;
    made.describe = describe;
    made.stop = quiet;
    made.destroy = destroy;
    made.ops = &table;
    return made;
}

inline aip_status say(aip_error* err, aip_status status, const char* message) {
    err->status = status;
    std::strncpy(err->public_msg, message, sizeof err->public_msg - 1);
    return status;
}

}  // namespace sound

/// The entry, with `CHANGES` made to `plugin` once.
#define SOUND_PLUGIN(NAME, CHANGES)                                                                \
    extern "C" __attribute__((visibility("default"))) const aip_plugin* agentidp_plugin_v1(void) { \
        static aip_ratelimit_ops table = sound::ops();                                             \
        static aip_plugin plugin = [] {                                                            \
            aip_plugin plugin = sound::descriptor(NAME, table);                                    \
            CHANGES;                                                                               \
            return plugin;                                                                         \
        }();                                                                                       \
        return &plugin;                                                                            \
    }
