#include "policy/merge.h"

#include <algorithm>
#include <tuple>

namespace agentidp::policy {
namespace {

void addAbsent(base::json::Object& to, const base::json::Object& from) {
    for (const auto& member : from)
        if (std::none_of(to.begin(), to.end(), [&](const auto& held) { return held.first == member.first; })) to.push_back(member);
}

void addAbsent(std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const auto& name : from)
        if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
}

}  // namespace

void Merger::deny(const std::string& script, std::string_view code, std::string reason) {
    if (denied_) return;
    denied_ = true;
    ruling_.script = script;
    ruling_.code = code;
    ruling_.reason = std::move(reason);
}

void Merger::narrow(const Script& script, const Verdict& verdict) {
    if (verdict.maxTtl && (!ruling_.maxTtl || *verdict.maxTtl < *ruling_.maxTtl)) ruling_.maxTtl = verdict.maxTtl;
    if (verdict.audience) {
        if (ruling_.audience && *ruling_.audience != *verdict.audience)
            deny(script.name(), kAudienceConflict, "two hooks want the token for different audiences");
        else
            ruling_.audience = verdict.audience;
    }
    if (!verdict.scopes) return;
    if (!ruling_.scopes) {
        ruling_.scopes = verdict.scopes;
    } else {
        const auto& kept = *verdict.scopes;
        std::erase_if(*ruling_.scopes, [&](const std::string& scope) { return std::find(kept.begin(), kept.end(), scope) == kept.end(); });
    }
    if (ruling_.scopes->empty()) deny(script.name(), kNoScopeLeft, "the hooks together leave no scope");
}

void Merger::said(const Script& script, const Verdict& verdict) {
    switch (verdict.kind) {
        case VerdictKind::Allow:
        case VerdictKind::Finding:
        case VerdictKind::Deliver: return;
        case VerdictKind::Deny: return deny(script.name(), verdict.code, verdict.reason);
        case VerdictKind::Drop: return deny(script.name(), "drop", "");
        case VerdictKind::Narrow:
        case VerdictKind::Shorten: return narrow(script, verdict);
        case VerdictKind::Add:
        case VerdictKind::Annotate: return addAbsent(ruling_.fields, verdict.fields);
        case VerdictKind::Enrich: return ruling_.fields.emplace_back(script.name(), verdict.fields), void();
        case VerdictKind::Omit: return addAbsent(ruling_.omit, verdict.names);
        case VerdictKind::Rate:
            if (ruling_.key.empty()) ruling_.key = verdict.key;
            ruling_.cost = std::max(ruling_.cost, verdict.cost);
            return;
    }
}

void Merger::failed(const Script& script, const Failure& failure) {
    const auto told = script.name() + ": " + std::string(nameOf(failure.kind));
    switch (row_.onFailure) {
        case OnFailure::DenyOrOmit:
            if (script.omitsOnError(row_.point)) return;
            [[fallthrough]];
        case OnFailure::Deny:
        case OnFailure::Hold:
            if (!ruling_.unavailable) ruling_.script = script.name();
            ruling_.unavailable = true;
            return;
        case OnFailure::BuiltIn: return;
        case OnFailure::Mark:
        case OnFailure::MarkRecord: ruling_.extError += (ruling_.extError.empty() ? "" : "; ") + told; return;
        case OnFailure::OmitOptional: ruling_.omitOptional = true; return;
    }
}

void Merger::take(const Script& script, const CallReport& report) {
    if (const auto* verdict = report.verdict())
        said(script, *verdict);
    else
        failed(script, *report.failure());
}

Ruling Merger::ruling() const {
    Ruling out = ruling_;
    if (denied_) out.unavailable = false;
    out.allowed = !denied_ && !out.unavailable;
    return out;
}

bool differs(const Ruling& one, const Ruling& other) {
    const auto shown = [](const Ruling& ruling) {
        return std::tie(ruling.allowed, ruling.unavailable, ruling.scopes, ruling.maxTtl, ruling.audience, ruling.fields, ruling.omit,
                        ruling.omitOptional, ruling.extError, ruling.key, ruling.cost);
    };
    if (!one.allowed && !other.allowed) return one.unavailable != other.unavailable || one.code != other.code;
    return shown(one) != shown(other);
}

}  // namespace agentidp::policy
