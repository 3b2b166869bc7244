#include "scripts.h"

#include <Poco/Redis/Command.h>
#include <Poco/SHA1Engine.h>

namespace agentidp::ratelimit_redis {
namespace {

// A key that lost its number (evicted, flushed, a failover) starts from what this process has granted: never more is granted for it.
// ceil(previous * left / window), with previous split by window so that no product leaves the whole numbers of a double.
constexpr std::string_view kTake = R"lua(
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local left, window = tonumber(ARGV[3]), tonumber(ARGV[4])
local held = redis.call('MGET', KEYS[1], KEYS[2])
local stored = tonumber(held[1] or '0')
local current = math.max(stored, tonumber(ARGV[6]))
local previous = math.max(tonumber(held[2] or '0'), tonumber(ARGV[7]))
local whole = math.floor(previous / window)
local weighted = whole * left + math.ceil((previous - whole * window) * left / window)
if current + weighted + cost > limit then return {0, current, weighted} end
current = current + cost
redis.call('INCRBY', KEYS[1], string.format('%.0f', current - stored))
if stored == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return {1, current, weighted}
)lua";

// A second of difference between two clocks does not move the end of a period.
constexpr std::string_view kCount = R"lua(
local cost, ends = tonumber(ARGV[1]), tonumber(ARGV[3])
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
local sum = math.max(held, tonumber(ARGV[2])) + cost
if sum > held then
  redis.call('INCRBY', KEYS[1], string.format('%.0f', sum - held))
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 or left + 1000 < ends then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return sum
)lua";

constexpr std::string_view kAnnounce = R"lua(
if tonumber(ARGV[1]) > 0 then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return redis.call('PUBLISH', ARGV[2], ARGV[3])
)lua";

constexpr std::int64_t kFinest = 90'000'000;

}  // namespace

Script::Script(std::string_view text) : text_(text) {
    Poco::SHA1Engine engine;
    engine.update(text_.data(), text_.size());
    sha_ = Poco::DigestEngine::digestToHex(engine.digest());
}

std::string Script::made(std::string_view verb, std::string_view script, const std::vector<std::string>& keys,
                         const std::vector<std::string>& arguments) {
    Poco::Redis::Command command{std::string(verb)};
    command << std::string(script) << std::to_string(keys.size()) << keys << arguments;
    return command.toString();
}

std::string Script::evalsha(const std::vector<std::string>& keys, const std::vector<std::string>& arguments) const {
    return made("EVALSHA", sha_, keys, arguments);
}
std::string Script::eval(const std::vector<std::string>& keys, const std::vector<std::string>& arguments) const {
    return made("EVAL", text_, keys, arguments);
}

const Script& takeScript() {
    static const Script script(kTake);
    return script;
}
const Script& countScript() {
    static const Script script(kCount);
    return script;
}
const Script& announceScript() {
    static const Script script(kAnnounce);
    return script;
}

Ticks ticksOf(std::int64_t leftUs, std::int64_t windowUs) {
    std::int64_t tick = 1;
    while (windowUs / tick > kFinest) tick *= 1'000;
    return {(leftUs + tick - 1) / tick, (windowUs + tick - 1) / tick};
}

}  // namespace agentidp::ratelimit_redis
