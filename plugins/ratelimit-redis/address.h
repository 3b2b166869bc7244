#pragma once
/// @file plugins/ratelimit-redis/address.h
/// Where a Redis server is and who we are there: redis://[[user]:password@]host[:port][/db], rediss:// for TLS. Parts that this plugin
/// does not know are refused, so that nothing an operator wrote is silently ignored.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace agentidp::ratelimit_redis {

struct HostPort {
    std::string host;  ///< a name, or an address without brackets
    std::uint16_t port = 0;
    [[nodiscard]] std::string text() const;  ///< for people
};

struct Address {
    bool tls = false;
    HostPort at;
    std::string user;  ///< empty: the default user
    aip::Secret password;
    int db = 0;
};

/// AIP_E_INVALID says which part is wrong and never quotes any.
[[nodiscard]] aip::Outcome<Address> parseUrl(std::string_view url);
/// "host:port", "[::1]:26379"; without a port `port`.
[[nodiscard]] aip::Outcome<HostPort> parseHostPort(std::string_view text, std::uint16_t port);

}  // namespace agentidp::ratelimit_redis
