#pragma once
/// @file kernel/oauth/auth_failures.h
/// Failed authentications, so that a stranger can neither fill the ledger nor guess without end: the first ten per (address,
/// claimed client) and minute are events of their own, the rest become one summed event; an address (IPv4) or /64 (IPv6)
/// with 300 failures within a minute is turned away until the minute ends. Only failures count.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "model/audit_event.h"
#include "model/caller.h"
#include "oauth/client.h"

namespace agentidp::oauth {

/// The unit an address budget counts: the address itself for IPv4, its first 64 bits for IPv6. Unparseable text is itself.
[[nodiscard]] std::string addressKey(std::string_view address);

struct AuthFailure {
    std::string claimedClient;       ///< as claimed: made printable and cut to 64 bytes here; empty where nobody was named
    std::string reason;              ///< one of our own words
    const Client* client = nullptr;  ///< becomes the subject of the event
    const model::Origin& origin;
};

/// Any thread. Bounded: past `maxSources` in one minute, further sources share one sum, and further addresses have no budget
/// of their own (one budget for all of them would let a stranger with many addresses lock out everybody else).
class AuthFailures {
public:
    struct Limits {
        std::int64_t eventsPerSource = 10;
        std::int64_t perAddress = 300;
        std::size_t maxSources = 10000;
    };
    AuthFailures() = default;
    explicit AuthFailures(Limits limits) { configure(limits); }
    /// Counts from now on by other limits.
    void configure(Limits limits) { state_.lock()->limits = limits; }

    /// Before authentication is tried: seconds to wait where the address has spent its budget.
    [[nodiscard]] std::optional<base::seconds> blockedFor(std::string_view address, base::Instant now);
    /// After one failed: its own event, or nothing where it was only counted.
    [[nodiscard]] std::optional<model::AuditEvent> record(const AuthFailure& failure);
    /// Once a second or so: the summed events of minutes that are over. Also at the end, with a `now` a minute ahead.
    [[nodiscard]] std::vector<model::AuditEvent> sweep(base::Instant now);

private:
    struct Source {
        model::AuditEvent first;  ///< what its sum is written after
        std::string claimedClient;
        std::int64_t total = 0;
        std::map<std::string, std::int64_t> summed;  ///< reason -> failures without an event of their own
    };
    struct Minute {
        std::int64_t number = 0;
        std::unordered_map<std::string, Source> sources;
        std::unordered_map<std::string, std::int64_t> addresses;
    };
    struct State {
        Limits limits;
        Minute current;
        std::vector<model::AuditEvent> due;  ///< sums of past minutes, not yet swept; at most maxSources
    };
    static void turn(State& state, base::Instant now);
    base::Guarded<State> state_;
};

}  // namespace agentidp::oauth
