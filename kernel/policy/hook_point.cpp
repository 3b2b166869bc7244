#include "policy/hook_point.h"

#include <algorithm>
#include <array>
#include <vector>

namespace agentidp::policy {
namespace {

struct KindName {
    VerdictKind kind;
    std::string_view name;
};
constexpr std::array kKinds{
    KindName{VerdictKind::Allow, "allow"},     KindName{VerdictKind::Deny, "deny"},       KindName{VerdictKind::Narrow, "narrow"},
    KindName{VerdictKind::Add, "add"},         KindName{VerdictKind::Shorten, "shorten"}, KindName{VerdictKind::Annotate, "annotate"},
    KindName{VerdictKind::Enrich, "enrich"},   KindName{VerdictKind::Rate, "rate"},       KindName{VerdictKind::Omit, "omit"},
    KindName{VerdictKind::Deliver, "deliver"}, KindName{VerdictKind::Drop, "drop"},       KindName{VerdictKind::Finding, "finding"},
};

/// The words of hook_points.def.
namespace words {
constexpr bool Live = false, Reserved = true;
struct Results {
    std::uint16_t bits;
    constexpr Results operator|(Results other) const { return {static_cast<std::uint16_t>(bits | other.bits)}; }
};
constexpr Results of(VerdictKind kind) { return {static_cast<std::uint16_t>(kind)}; }
constexpr Results Allow = of(VerdictKind::Allow), Deny = of(VerdictKind::Deny), Narrow = of(VerdictKind::Narrow),
                  Add = of(VerdictKind::Add), Shorten = of(VerdictKind::Shorten), Annotate = of(VerdictKind::Annotate),
                  Enrich = of(VerdictKind::Enrich), Rate = of(VerdictKind::Rate), Omit = of(VerdictKind::Omit),
                  Deliver = of(VerdictKind::Deliver), Drop = of(VerdictKind::Drop), Finding = of(VerdictKind::Finding);
}  // namespace words

constexpr auto rows() {
    using namespace words;
    return std::array{
#define AGENTIDP_HOOK_POINT(id, name, live, results, failure, when) \
    HookPointRow{HookPoint::id, name, live, (results).bits, OnFailure::failure, when},
#define AGENTIDP_HOOK_FIELD(point, path, type, mask, says)
#include "policy/hook_points.def"
#undef AGENTIDP_HOOK_POINT
#undef AGENTIDP_HOOK_FIELD
    };
}
constexpr auto kRows = rows();

const std::vector<HookField>& fields() {
    constexpr auto text = FieldType::Text;
    constexpr auto integer = FieldType::Integer;
    constexpr auto boolean = FieldType::Boolean;
    constexpr auto list = FieldType::List;
    constexpr auto object = FieldType::Object;
    constexpr bool Plain = false;
    constexpr bool Masked = true;
    static_cast<void>(text), static_cast<void>(integer), static_cast<void>(boolean), static_cast<void>(list), static_cast<void>(object);
    static_cast<void>(Plain), static_cast<void>(Masked);
    static const std::vector<HookField> all{
#define AGENTIDP_HOOK_POINT(id, name, live, results, failure, when)
#define AGENTIDP_HOOK_FIELD(point, path, type, mask, says) {HookPoint::point, path, type, mask, says},
#include "policy/hook_points.def"
#undef AGENTIDP_HOOK_POINT
#undef AGENTIDP_HOOK_FIELD
    };
    return all;
}

}  // namespace

std::string_view nameOf(VerdictKind kind) {
    const auto* found = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& row) { return row.kind == kind; });
    return found == kKinds.end() ? std::string_view() : found->name;
}

std::span<const HookPointRow> allHookPoints() { return kRows; }
const HookPointRow& rowOf(HookPoint point) { return kRows[static_cast<std::size_t>(point)]; }
std::string_view nameOf(HookPoint point) { return rowOf(point).name; }
std::optional<HookPoint> hookPointNamed(std::string_view name) {
    const auto* found = std::find_if(kRows.begin(), kRows.end(), [&](const HookPointRow& row) { return row.name == name; });
    if (found == kRows.end()) return std::nullopt;
    return found->point;
}
std::span<const HookField> allHookFields() { return fields(); }

}  // namespace agentidp::policy
