// Loads well and breaks its contract call by call; the key says how.
#include <cstring>
#include <string_view>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static aip_status take(void*, const aip_call*, aip_str key, std::int64_t limit, std::int64_t, std::int64_t, aip_budget* out,
                       aip_error* err) {
    const std::string_view how(key.p, key.n);
    if (how == "throws") throw 7;
    if (how == "unknown status") return 4711;
    if (how == "unterminated") {
        std::memset(err->public_msg, 'x', sizeof err->public_msg);
        std::memset(err->detail, 'y', sizeof err->detail);
        return AIP_E_UNAVAILABLE;
    }
    if (how == "not utf-8") return sound::say(err, AIP_E_DENIED, "\xff\xfe");
    (void)sound::take(nullptr, nullptr, key, limit, 0, 0, out, err);
    if (how == "more than all") out->remaining = limit + 1;
    if (how == "other limit") out->limit = limit * 2;
    if (how == "allowed twice") out->allowed = 2;
    return AIP_OK;
}
SOUND_PLUGIN("badanswers", table.take = take)
