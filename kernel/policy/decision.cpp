#include "policy/decision.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;

constexpr std::string_view kHidden = "***";
constexpr std::string_view kEach = "[]";

json::Array listOf(const std::vector<std::string>& texts) {
    json::Array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
}

/// True if anything was replaced.
bool hideAt(json::Value& value, std::span<const std::string> steps) {
    if (steps.empty()) {
        if (value.isNull()) return false;
        value = kHidden;
        return true;
    }
    bool hidden = false;
    if (steps.front() == kEach) {
        if (auto* items = value.asArray())
            for (auto& item : *items) hidden = hideAt(item, steps.subspan(1)) || hidden;
    } else if (auto* members = value.asObject()) {
        for (auto& [name, member] : *members)
            if (name == steps.front()) hidden = hideAt(member, steps.subspan(1)) || hidden;
    }
    return hidden;
}

}  // namespace

json::Value resultOf(const Verdict& verdict) {
    std::string kind(nameOf(verdict.kind));
    json::Object out{{"kind", std::move(kind)}};
    switch (verdict.kind) {
        case VerdictKind::Allow:
        case VerdictKind::Drop: break;
        case VerdictKind::Deny: out.emplace_back("code", verdict.code); break;
        case VerdictKind::Narrow:
        case VerdictKind::Shorten:
            if (verdict.scopes) out.emplace_back("scopes", listOf(*verdict.scopes));
            if (verdict.maxTtl) out.emplace_back("max_ttl", static_cast<std::int64_t>(verdict.maxTtl->count()));
            if (verdict.audience) out.emplace_back("audience", *verdict.audience);
            break;
        case VerdictKind::Add:
        case VerdictKind::Annotate:
        case VerdictKind::Enrich: out.emplace_back("fields", verdict.fields); break;
        case VerdictKind::Rate:
            if (!verdict.key.empty()) out.emplace_back("key", verdict.key);
            out.emplace_back("cost", verdict.cost);
            break;
        case VerdictKind::Omit: out.emplace_back("names", listOf(verdict.names)); break;
        case VerdictKind::Deliver: out.emplace_back("redact", listOf(verdict.names)); break;
        case VerdictKind::Finding:
            out.emplace_back("severity", verdict.severity);
            out.emplace_back("code", verdict.code);
            break;
    }
    return out;
}

bool mustBeWritten(const CallReport& report) {
    const auto* verdict = report.verdict();
    return verdict == nullptr || verdict->kind == VerdictKind::Deny || verdict->kind == VerdictKind::Drop;
}

std::optional<std::vector<std::string>> Mask::stepsOf(std::string_view path) {
    std::vector<std::string> steps;
    for (auto part : base::split(path, '.')) {
        std::size_t lists = 0;
        for (; part.ends_with(kEach); part.resize(part.size() - kEach.size())) ++lists;
        if (part.empty() || part.find_first_of("[]") != std::string::npos) return std::nullopt;
        steps.push_back(std::move(part));
        steps.insert(steps.end(), lists, std::string(kEach));
    }
    return steps;
}

base::Result<Mask> Mask::make(const std::vector<std::string>& more) {
    Mask out;
    for (const auto& field : allHookFields())
        if (field.masked) out.paths_.push_back({field.point, std::string(field.path), stepsOf(field.path).value()});
    for (const auto& text : more) {
        auto steps = stepsOf(text);
        if (!steps)
            return base::fail(base::Errc::Invalid,
                              "hooks.decision_log.mask: " + text + " is no path; one looks like agent.owner or events[].ip");
        out.paths_.push_back({std::nullopt, text, std::move(*steps)});
    }
    return out;
}

std::vector<std::string> Mask::hide(HookPoint point, json::Value& input) const {
    std::vector<std::string> hidden;
    for (const auto& path : paths_)
        if ((!path.point || *path.point == point) && hideAt(input, path.steps)) hidden.push_back(path.text);
    return hidden;
}

std::string lineOf(const Decision& decision, const Mask& mask) {
    json::Value input = decision.input ? *decision.input : json::Value();
    auto masked = mask.hide(decision.point, input);
    if (json::write(input).size() > kMaxLoggedInput) {
        input = nullptr;
        masked = {"*"};
    }
    const auto* verdict = decision.report.verdict();
    json::Value result, error;
    if (verdict != nullptr) {
        auto shown = *verdict;
        json::Value fields(std::move(shown.fields));
        mask.hide(decision.point, fields);
        shown.fields = std::move(*fields.asObject());
        result = resultOf(shown);
    } else {
        const auto& failure = *decision.report.failure();
        error = json::Object{{"kind", nameOf(failure.kind)}, {"text", failure.text}};
    }
    json::Object line{{"id", decision.id},
                      {"time", base::rfc3339(decision.at)},
                      {"hook", nameOf(decision.point)},
                      {"script", decision.script->name()},
                      {"version", decision.script->version()},
                      {"sha256", decision.script->sha256()},
                      {"generation", static_cast<std::int64_t>(decision.generation)},
                      {"mode", nameOf(decision.mode)},
                      {"tenant", decision.tenant},
                      {"request_id", decision.requestId},
                      {"result", std::move(result)},
                      {"reason", verdict != nullptr ? verdict->reason : std::string()},
                      {"units", decision.report.units},
                      {"us", static_cast<std::int64_t>(decision.report.took.count())},
                      {"error", std::move(error)},
                      {"input", std::move(input)},
                      {"masked", listOf(masked)}};
    return json::write(line) + "\n";
}

}  // namespace agentidp::policy
