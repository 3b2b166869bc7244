#pragma once
/// @file kernel/policy/verdict.h
/// What one hook said in one call, copied out of Lua and already checked against its point: its kind is permitted there, its members
/// have the right types and bounds. It is not yet checked against the request: that a narrowing narrows is for who asked to see.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "policy/hook_point.h"

namespace agentidp::policy {

struct Verdict {
    VerdictKind kind = VerdictKind::Deny;
    std::string code;                                ///< Deny, Finding: [a-z0-9_]{1,64}
    std::string reason;                              ///< Deny: up to 256 bytes, for people
    std::optional<std::vector<std::string>> scopes;  ///< Narrow: what is kept, up to 256
    std::optional<base::seconds> maxTtl;             ///< Narrow, Shorten: above 0
    std::optional<std::string> audience;             ///< Narrow
    base::json::Object fields;                       ///< Add, Annotate, Enrich: names [a-z][a-z0-9_]{0,63}
    std::vector<std::string> names;                  ///< Omit: fields to leave out; Deliver: JSON paths to redact
    std::string key;                                 ///< Rate: 1..128 printable bytes; empty: the built-in key
    std::int64_t cost = 1;                           ///< Rate: 1..100
    std::string severity;                            ///< Finding: info, low, medium, high
    bool operator==(const Verdict&) const = default;
};

/// Why a call gave no verdict. The words are labels of metrics and of the decision log.
enum class FailureKind : std::uint8_t {
    Units,      ///< units: too much work
    Deadline,   ///< deadline: too long by the clock
    Memory,     ///< memory: over the cap
    Runtime,    ///< runtime: the script raised an error
    Blocked,    ///< blocked: it reached for what the sandbox does not have
    BadResult,  ///< bad_result: nil, a wrong kind, an unknown or wrong member, too large, too deep or cyclic
};
[[nodiscard]] std::string_view nameOf(FailureKind kind);

struct Failure {
    FailureKind kind{};
    std::string text;  ///< "corp.lua:12: attempt to index a nil value (field 'owner')"; never a value of the request
    bool operator==(const Failure&) const = default;
};

/// What one call cost and said.
struct CallReport {
    std::variant<Verdict, Failure> outcome = Failure{};
    std::int64_t units = 0;
    base::microseconds took{0};
    std::size_t peakBytes = 0;
    std::vector<std::string> logged;  ///< by log(...): bounded
    [[nodiscard]] const Verdict* verdict() const { return std::get_if<Verdict>(&outcome); }
    [[nodiscard]] const Failure* failure() const { return std::get_if<Failure>(&outcome); }
};

}  // namespace agentidp::policy
