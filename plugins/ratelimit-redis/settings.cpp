#include "settings.h"

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::uint16_t kSentinelPort = 26'379;
constexpr std::size_t kMaxPrefix = 64;
constexpr std::size_t kMaxSentinels = 16;

bool isPlain(std::string_view text) {
    for (const char byte : text)
        if (static_cast<unsigned char>(byte) <= 0x20 || static_cast<unsigned char>(byte) >= 0x7f) return false;
    return true;
}

}  // namespace

aip::Outcome<Settings> Settings::read(const aip::Config& config) {
    Settings out;
    out.url = config.text("url", "env:REDIS_URL");
    out.prefix = config.text("prefix");
    out.caFile = config.text("tls_ca_file");
    out.tlsName = config.text("tls_name");
    out.master = config.text("master");
    out.sentinelPassword = config.text("sentinel_password");
    out.pool = static_cast<std::size_t>(config.integer("pool", 2));
    out.localKeys = static_cast<std::size_t>(config.integer("local_keys", 100'000));
    out.hashTags = config.boolean("hash_tags", false);
    out.connectWithin = std::chrono::milliseconds(config.integer("connect_timeout_ms", 1'000));
    out.answerWithin = std::chrono::milliseconds(config.integer("timeout_ms", 150));
    if (out.url.empty()) return aip::invalid("url is missing: a reference to the Redis url, such as env:REDIS_URL");
    if (out.prefix.size() > kMaxPrefix || !isPlain(out.prefix) || out.prefix.find_first_of("{}") != std::string::npos)
        return aip::invalid("prefix is at most 64 printable characters without spaces and braces");
    const auto sentinels = config.list("sentinels");
    if (sentinels.size() > kMaxSentinels) return aip::invalid("there are more than 16 sentinels");
    for (const auto& text : sentinels) {
        auto at = parseHostPort(text, kSentinelPort);
        if (!at) return aip::invalid("sentinels: " + at.fail().message);
        out.sentinels.push_back(std::move(*at));
    }
    if (out.sentinels.empty() != out.master.empty())
        return aip::invalid("sentinels and master are set together: the master's name among the Sentinels");
    if (!isPlain(out.master)) return aip::invalid("master holds a space or a control character");
    if (out.sentinels.empty() && !out.sentinelPassword.empty()) return aip::invalid("sentinel_password is set and sentinels are not");
    return out;
}

}  // namespace agentidp::ratelimit_redis
