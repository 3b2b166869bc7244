/// A hook's answer, member by member, against the bounds of verdict.h.
#include <algorithm>
#include <array>
#include <cmath>

#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

using base::json::Value;
using Names = std::vector<std::string_view>;

constexpr std::size_t kMostScopes = 256;
constexpr std::size_t kMostReason = 256;
constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostKey = 128;
constexpr std::size_t kMostText = 1024;  ///< of a scope, an audience or a path
constexpr std::size_t kMostFields = 64;
constexpr std::int64_t kMostTtl = 366LL * 24 * 60 * 60;
constexpr std::int64_t kMostCost = 100;

bool isCode(std::string_view text) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && text.size() <= kMostName && std::all_of(text.begin(), text.end(), fits);
}

bool isPrintable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

/// What was copied out, read as one kind of verdict.
class Reader {
public:
    Reader(State& state, VerdictKind kind, Value argument) : state_(state), argument_(std::move(argument)) { out.kind = kind; }

    Verdict out;

    void read() {
        onlyKnown();
        switch (out.kind) {
            case VerdictKind::Allow:
            case VerdictKind::Drop: break;
            case VerdictKind::Deny:
                out.code = code("code");
                if (const auto* reason = argument_.find("reason")) out.reason = text(*reason, "reason", kMostReason);
                break;
            case VerdictKind::Narrow: narrow(); break;
            case VerdictKind::Shorten: out.maxTtl = ttl(); break;
            case VerdictKind::Add:
            case VerdictKind::Annotate:
            case VerdictKind::Enrich: fields(); break;
            case VerdictKind::Rate: rate(); break;
            case VerdictKind::Omit: out.names = texts(argument_, "omit", kMostFields); break;
            case VerdictKind::Deliver:
                if (const auto* redact = argument_.find("redact")) out.names = texts(*redact, "redact", kMostFields);
                break;
            case VerdictKind::Finding: finding(); break;
        }
    }

private:
    [[noreturn]] void bad(const std::string& text) { state_.stop(FailureKind::BadResult, std::string(nameOf(out.kind)) + ": " + text); }

    void onlyKnown() {
        const auto& known = membersOf(out.kind);
        const auto* members = argument_.asObject();
        if (known.empty() || members == nullptr || state_.without(Restriction::ResultMembers)) return;
        // The name itself is not repeated: it could be a value of the request.
        for (const auto& [name, value] : *members)
            if (std::find(known.begin(), known.end(), name) == known.end()) bad("a member that this result does not have");
    }

    std::string text(const Value& value, const char* name, std::size_t most) {
        const auto* text = value.asText();
        if (text == nullptr || text->empty() || text->size() > most)
            bad(std::string(name) + " wants a text of 1 to " + std::to_string(most) + " bytes");
        return *text;
    }

    std::string code(const char* name) {
        const auto* value = argument_.find(name);
        if (value == nullptr || value->asText() == nullptr || !isCode(*value->asText())) bad(std::string(name) + " wants [a-z0-9_]{1,64}");
        return *value->asText();
    }

    std::vector<std::string> texts(const Value& value, const char* name, std::size_t most) {
        const auto* items = value.asArray();
        if (items == nullptr || items->size() > most) bad(std::string(name) + " wants a list of up to " + std::to_string(most) + " texts");
        std::vector<std::string> all;
        for (const auto& item : *items) all.push_back(text(item, name, kMostText));
        return all;
    }

    std::int64_t whole(const Value& value, const char* name, std::int64_t most) {
        std::int64_t number = 0;
        if (const auto* integer = value.asInt()) {
            number = *integer;
        } else if (const auto* real = value.asDouble(); real != nullptr && *real == std::floor(*real) && std::fabs(*real) < 1e15) {
            number = static_cast<std::int64_t>(*real);
        }
        if (number < 1 || number > most) bad(std::string(name) + " wants a whole number from 1 to " + std::to_string(most));
        return number;
    }

    base::seconds ttl() {
        const auto* value = argument_.find("max_ttl");
        if (value == nullptr) bad("max_ttl is missing");
        return base::seconds(whole(*value, "max_ttl", kMostTtl));
    }

    void narrow() {
        if (const auto* scopes = argument_.find("scopes")) out.scopes = texts(*scopes, "scopes", kMostScopes);
        if (argument_.find("max_ttl") != nullptr) out.maxTtl = ttl();
        if (const auto* audience = argument_.find("audience")) out.audience = text(*audience, "audience", kMostText);
        if (!out.scopes && !out.maxTtl && !out.audience) bad("nothing is narrowed; return allow()");
    }

    void fields() {
        const auto* members = argument_.asObject();
        if (members == nullptr) {
            if (argument_.asArray() != nullptr && argument_.asArray()->empty()) return;
            bad("members have names");
        }
        if (members->size() > kMostFields) bad("more than 64 members");
        for (const auto& [name, value] : *members)
            if (!isCode(name) || name.front() < 'a' || name.front() > 'z') bad("a name is not [a-z][a-z0-9_]{0,63}");
        out.fields = *members;
    }

    void rate() {
        if (const auto* key = argument_.find("key")) {
            out.key = text(*key, "key", kMostKey);
            if (!isPrintable(out.key)) bad("key wants printable ASCII without spaces");
        }
        if (const auto* cost = argument_.find("cost")) out.cost = whole(*cost, "cost", kMostCost);
    }

    void finding() {
        constexpr std::array<std::string_view, 4> kSeverities{"info", "low", "medium", "high"};
        out.code = code("code");
        const auto severity = argument_.textOr("severity", "");
        if (std::find(kSeverities.begin(), kSeverities.end(), severity) == kSeverities.end())
            bad("severity wants info, low, medium or high");
        out.severity = severity;
    }

    State& state_;
    Value argument_;
};

std::string permitted(HookPoint point) {
    std::string all;
    for (std::uint16_t bit = 1; bit <= static_cast<std::uint16_t>(VerdictKind::Finding); bit = static_cast<std::uint16_t>(bit << 1U))
        if (rowOf(point).permits(static_cast<VerdictKind>(bit)))
            all += (all.empty() ? "" : ", ") + std::string(nameOf(static_cast<VerdictKind>(bit)));
    return all;
}

}  // namespace

const std::vector<std::string_view>& membersOf(VerdictKind kind) {
    static const Names none, deny{"code", "reason"}, narrow{"scopes", "max_ttl", "audience"}, shorten{"max_ttl"}, rate{"key", "cost"},
        deliver{"redact"}, finding{"severity", "code"};
    switch (kind) {
        case VerdictKind::Deny: return deny;
        case VerdictKind::Narrow: return narrow;
        case VerdictKind::Shorten: return shorten;
        case VerdictKind::Rate: return rate;
        case VerdictKind::Deliver: return deliver;
        case VerdictKind::Finding: return finding;
        default: return none;
    }
}

Verdict readVerdict(State& state, lua_State* lua, int index, HookPoint point) {
    index = lua_absindex(lua, index);
    const auto bits = pushVerdictArgument(lua, index);
    const std::string name(nameOf(point));
    if (bits == 0) {
        if (lua_type(lua, index) == LUA_TNIL && state.without(Restriction::NilIsAnError)) {
            Verdict allow;
            allow.kind = VerdictKind::Allow;
            return allow;
        }
        state.stop(FailureKind::BadResult, name + " returned " + luaL_typename(lua, index) + "; it may return " + permitted(point));
    }
    const auto kind = static_cast<VerdictKind>(bits);
    if (!rowOf(point).permits(kind) && !state.without(Restriction::ResultKind))
        state.stop(FailureKind::BadResult, name + " returned " + std::string(nameOf(kind)) + "; it may return " + permitted(point));
    const auto& budget = state.options().budget;
    Value argument;
    if (lua_type(lua, -1) != LUA_TNIL) argument = copyOut(state, lua, -1, {budget.result, budget.depth});
    Reader reader(state, kind, std::move(argument));
    reader.read();
    return std::move(reader.out);
}

}  // namespace agentidp::policy::sandbox
