#pragma once
/// @file plugins/ratelimit-redis/trouble.h
/// Why Redis does not serve, told apart as an operator would have to mend it.
#include <agentidp/plugin.hpp>
#include <string>
#include <string_view>

namespace agentidp::ratelimit_redis {

enum class Cause {
    Unreachable,    ///< refused, no route, no such name
    Slow,           ///< no answer in time
    Gone,           ///< the connection ended
    NotTrusted,     ///< TLS: certificate or host name
    NotRedis,       ///< what answers speaks something else
    WrongPassword,  ///< NOAUTH, WRONGPASS
    NotPermitted,   ///< NOPERM: the ACL of our user
    Replica,        ///< READONLY, or its ROLE is not master
    Loading,        ///< LOADING, MASTERDOWN, BUSY: it will serve soon
    Full,           ///< OOM: maxmemory is reached and its policy evicts nothing
    NoDisk,         ///< MISCONF: it cannot save and refuses writes
    Cluster,        ///< MOVED, ASK, CROSSSLOT, CLUSTERDOWN: a node of a cluster without a proxy
    Failed,         ///< any other error
};

struct Trouble {
    Cause cause = Cause::Unreachable;
    std::string detail;  ///< for the log; never a secret

    /// One line that says what is wrong and what mends it.
    [[nodiscard]] std::string text() const;
    /// No time mends it, an operator does: start() refuses it.
    [[nodiscard]] bool isMistake() const;
    /// This connection will not serve; another may.
    [[nodiscard]] bool endsConnection() const;
};

/// An error reply. `Quote::No` for a command that carried a password: a server that does not know AUTH repeats its arguments.
enum class Quote { No, Yes };
[[nodiscard]] Trouble troubleOf(std::string_view error, Quote quote = Quote::Yes);

}  // namespace agentidp::ratelimit_redis
