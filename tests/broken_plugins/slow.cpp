// Blocks, and waits where the test's "gate.v1" says so: how the tests hold a call inside a plugin.
#include <string_view>

#include "gate.h"
#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static const agentidp::tests::Gate* gate = nullptr;
static aip_status create(const aip_host* host, aip_str, void** out, aip_error*) {
    gate = static_cast<const agentidp::tests::Gate*>(host->iface(host->self, {"gate.v1", 7}, 0));
    *out = &gate;
    return AIP_OK;
}
static aip_status take(void* self, const aip_call* call, aip_str key, std::int64_t limit, std::int64_t window, std::int64_t cost,
                       aip_budget* out, aip_error* err) {
    if (gate != nullptr && std::string_view(key.p, key.n) == "wait") gate->wait(gate->self);
    if (call->cancelled(call) != 0 && gate != nullptr) gate->sawCancel(gate->self);
    return sound::take(self, call, key, limit, window, cost, out, err);
}
#ifdef SLOW_SERIAL
SOUND_PLUGIN("slowserial", plugin.create = create; plugin.flags = AIP_F_BLOCKS; table.take = take)
#else
SOUND_PLUGIN("slow", plugin.create = create; plugin.flags = AIP_F_BLOCKS | AIP_F_CONCURRENT; table.take = take)
#endif
