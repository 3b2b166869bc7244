#pragma once
/// @file kernel/http/forwarded.h
/// Who really called, when a proxy stands between. X-Forwarded-For and X-Forwarded-Proto are believed from peers on the list
/// and from nobody else; headers that claim to carry a client certificate are never believed. Any thread.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace agentidp::http {

class TrustedProxies {
public:
    TrustedProxies() = default;  ///< trusts nobody

    /// Addresses and CIDR blocks of both families; `loopback` stands for 127.0.0.0/8 and ::1. Errc::Invalid names the wrong one.
    [[nodiscard]] static base::Result<TrustedProxies> parse(const std::vector<std::string>& blocks);

    /// True for a textual IP address inside one of the blocks. Any other text is not trusted.
    [[nodiscard]] bool contains(std::string_view address) const;

    /// Where the request came through a trusted peer: replaces peer.address by the right-most untrusted X-Forwarded-For entry
    /// and peer.tls by the right-most X-Forwarded-Proto. A replaced address takes the certificate away: it was the proxy's.
    /// An entry that is no address ends the walk; the last good one stands.
    void apply(Request& request) const;

private:
    struct Block {
        std::array<std::uint8_t, 16> network{};  ///< IPv4 is held as ::ffff:a.b.c.d
        unsigned bits = 0;
    };
    std::vector<Block> blocks_;
};

}  // namespace agentidp::http
