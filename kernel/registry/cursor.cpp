#include "registry/cursor.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::registry {
namespace {

constexpr std::size_t kMacLength = 16;
constexpr std::size_t kMaxCursorLength = 256;

}  // namespace

std::string Cursors::encode(const Position& position, std::string_view filters) const {
    base::Bytes bytes;
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(position.number) >> shift));
    bytes.insert(bytes.end(), position.id.begin(), position.id.end());
    // The payload first: its length is fixed by what follows it, so no two pairs give the same input.
    const auto size = static_cast<std::uint8_t>(bytes.size());
    const auto mac = hmac_.mac({base::BytesView(&size, 1), bytes, base::bytesOf(filters)});
    bytes.insert(bytes.end(), mac.begin(), mac.begin() + kMacLength);
    return base::base64url(bytes);
}

std::optional<Position> Cursors::decode(std::string_view cursor, std::string_view filters) const {
    if (cursor.size() > kMaxCursorLength) return std::nullopt;
    const auto bytes = base::unbase64url(cursor);
    if (!bytes || bytes->size() < 8 + kMacLength) return std::nullopt;
    const base::BytesView payload(bytes->data(), bytes->size() - kMacLength);
    const auto size = static_cast<std::uint8_t>(payload.size());
    const auto mac = hmac_.mac({base::BytesView(&size, 1), payload, base::bytesOf(filters)});
    if (!base::equalConstantTime(base::BytesView(mac).first(kMacLength), base::BytesView(*bytes).last(kMacLength))) return std::nullopt;
    Position position;
    std::uint64_t number = 0;
    for (const auto byte : payload.first(8)) number = number << 8U | byte;
    position.number = static_cast<std::int64_t>(number);
    position.id = std::string(base::textOf(payload.subspan(8)));
    return position;
}

}  // namespace agentidp::registry
