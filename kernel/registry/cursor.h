#pragma once
/// @file kernel/registry/cursor.h
/// Where a list goes on, as text that a client can keep but neither read nor make up (HMAC-SHA-256, cut to 128 bits).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace agentidp::registry {

/// The last row seen: its number (or creation time in microseconds) and, where that is not unique, its id.
struct Position {
    std::int64_t number = 0;
    std::string id;
    bool operator==(const Position&) const = default;
};

/// Any thread.
class Cursors {
public:
    /// Replicas must be given the same key: a list may be continued at another one.
    explicit Cursors(base::BytesView key) : hmac_(key) {}
    /// `filters` is the list and its filters as text; it is bound in and not contained.
    [[nodiscard]] std::string encode(const Position& position, std::string_view filters) const;
    /// Nothing for foreign, broken or altered text, or other filters.
    [[nodiscard]] std::optional<Position> decode(std::string_view cursor, std::string_view filters) const;

private:
    crypto::HmacSha256 hmac_;
};

}  // namespace agentidp::registry
