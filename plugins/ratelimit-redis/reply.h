#pragma once
/// @file plugins/ratelimit-redis/reply.h
/// What a Redis server says (RESP2), read strictly and within bounds. Poco::Redis builds our commands, but its reader takes a bulk string
/// that a timeout cut short for whole, allocates what it is told to, and recurses as deep as it is told to (docs/adr/0014).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::ratelimit_redis {

struct Reply {
    enum class Kind { Simple, Error, Integer, Bulk, Null, Array };
    Kind kind = Kind::Null;
    std::string text;         ///< of Simple, Error and Bulk
    std::int64_t number = 0;  ///< of Integer
    std::vector<Reply> items;

    [[nodiscard]] bool isError() const { return kind == Kind::Error; }
};

/// Bytes in, replies out. One thread.
class ReplyReader {
public:
    static constexpr std::size_t kMaxReply = 64U << 10U;  ///< bytes of one reply; ours have less than a hundred
    static constexpr std::size_t kMaxItems = 256;
    static constexpr int kMaxDepth = 4;

    void feed(std::string_view bytes) { buffer_.append(bytes); }
    enum class Got { Reply, More, Broken };
    /// The next reply. Broken: this is no RESP2, or it is beyond the bounds; nothing more can be read.
    [[nodiscard]] Got next(Reply& into);

private:
    [[nodiscard]] Got parse(std::size_t& at, Reply& into, int depth) const;
    [[nodiscard]] Got line(std::size_t& at, std::string_view& into) const;

    std::string buffer_;
    std::size_t begin_ = 0;
};

}  // namespace agentidp::ratelimit_redis
