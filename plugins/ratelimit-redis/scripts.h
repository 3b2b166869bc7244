#pragma once
/// @file plugins/ratelimit-redis/scripts.h
/// The rules of aip_ratelimit_ops as they run inside Redis: each answer is one atomic step over one or two keys of one hash tag, and one
/// round trip. Counters are string integers by INCRBY, as the reference's tools read them.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::ratelimit_redis {

class Script {
public:
    /// `text` is a literal.
    explicit Script(std::string_view text);
    /// By its SHA-1, which is all that travels where the server knows it.
    [[nodiscard]] std::string evalsha(const std::vector<std::string>& keys, const std::vector<std::string>& arguments) const;
    /// With its text, for a server that has lost it (NOSCRIPT).
    [[nodiscard]] std::string eval(const std::vector<std::string>& keys, const std::vector<std::string>& arguments) const;

private:
    [[nodiscard]] static std::string made(std::string_view verb, std::string_view script, const std::vector<std::string>& keys,
                                          const std::vector<std::string>& arguments);
    std::string_view text_;
    std::string sha_;
};

/// Numbers inside a script are doubles: whole ones are exact below this.
inline constexpr std::int64_t kMostInScript = std::int64_t{1} << 52U;

/// Keys: current window, previous window. Arguments: limit, cost, what is left of the window, its length (both in ticks), milliseconds
/// until the current key may go, and what this process knows to be in both. Answers {allowed, current, weighted previous}.
[[nodiscard]] const Script& takeScript();
/// Key: the counter. Arguments: cost, what this process knows to be in it, milliseconds until the period ends. Answers the sum.
[[nodiscard]] const Script& countScript();
/// Key: `<topic>:<key>`. Arguments: milliseconds it stays (0: it is not set), channel, message. Answers how many heard it.
[[nodiscard]] const Script& announceScript();

/// A window and what is left of it in units small enough that the product of two fits a double: microseconds up to 90 s, then coarser
/// ones; what is left is rounded up, so that the answer is never more generous.
struct Ticks {
    std::int64_t left = 0, window = 0;
};
[[nodiscard]] Ticks ticksOf(std::int64_t leftUs, std::int64_t windowUs);

}  // namespace agentidp::ratelimit_redis
