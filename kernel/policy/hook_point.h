#pragma once
/// @file kernel/policy/hook_point.h
/// The places where a hook may speak, as values: the rows of hook_points.def. Any thread.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace agentidp::policy {

enum class HookPoint : std::uint8_t {
#define AGENTIDP_HOOK_POINT(id, name, live, results, failure, when) id,
#define AGENTIDP_HOOK_FIELD(point, path, type, mask, says)
#include "policy/hook_points.def"
#undef AGENTIDP_HOOK_POINT
#undef AGENTIDP_HOOK_FIELD
};

/// What a hook may return, each by the function of that name in lower case: allow(), deny(code, reason), narrow{scopes=, max_ttl=,
/// audience=}, add{claim=value}, shorten{max_ttl=}, annotate{name=value}, enrich{name=value}, rate{key=, cost=}, omit{"field", ...},
/// deliver{redact={...}}, drop(), finding{severity=, code=}.
enum class VerdictKind : std::uint16_t {
    Allow = 1,
    Deny = 2,
    Narrow = 4,
    Add = 8,
    Shorten = 16,
    Annotate = 32,
    Enrich = 64,
    Rate = 128,
    Omit = 256,
    Deliver = 512,
    Drop = 1024,
    Finding = 2048,
};
[[nodiscard]] std::string_view nameOf(VerdictKind kind);

enum class OnFailure : std::uint8_t { Deny, DenyOrOmit, BuiltIn, Mark, OmitOptional, Hold, MarkRecord };

enum class FieldType : std::uint8_t { Text, Integer, Boolean, List, Object };

struct HookField {
    HookPoint point{};
    std::string_view path;
    FieldType type{};
    bool masked = false;
    std::string_view says;
};

struct HookPointRow {
    HookPoint point{};
    std::string_view name;
    bool reserved = false;
    std::uint16_t results = 0;  ///< VerdictKinds, or-ed
    OnFailure onFailure{};
    std::string_view when;
    [[nodiscard]] bool permits(VerdictKind kind) const { return (results & static_cast<std::uint16_t>(kind)) != 0; }
};

/// In the order of the table; indexed by HookPoint.
[[nodiscard]] std::span<const HookPointRow> allHookPoints();
[[nodiscard]] const HookPointRow& rowOf(HookPoint point);
[[nodiscard]] std::string_view nameOf(HookPoint point);
[[nodiscard]] std::optional<HookPoint> hookPointNamed(std::string_view name);
[[nodiscard]] std::span<const HookField> allHookFields();

}  // namespace agentidp::policy
