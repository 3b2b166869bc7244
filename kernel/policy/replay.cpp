#include "policy/replay.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "policy/decision.h"
#include "policy/tester.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;

constexpr std::string_view kHidden = "\"***\"";
/// Ways to read members without naming them.
constexpr std::array<std::string_view, 3> kWalkers{"pairs", "next", "encode"};

bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool hasWord(std::string_view text, std::string_view word) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        if ((at == 0 || !isWord(text[at - 1])) && (end == text.size() || !isWord(text[end]))) return true;
    }
    return false;
}

/// A member taken by a name that is computed, as value[name]; not of a document (data.x[name]), not list[#list + 1], not by a number or
/// text.
bool indexesByValue(std::string_view text) {
    for (auto at = text.find('['); at != std::string_view::npos; at = text.find('[', at + 1)) {
        if (at == 0 || at + 1 == text.size()) continue;
        const bool index = isWord(text[at - 1]) || text[at - 1] == ']' || text[at - 1] == ')';
        const char first = text[at + 1];
        if (!index || first == '"' || first == '\'' || first == '#' || std::isdigit(static_cast<unsigned char>(first)) != 0) continue;
        auto from = at;
        while (from > 0 && (isWord(text[from - 1]) || text[from - 1] == '.')) --from;
        if (!text.substr(from, at - from).starts_with("data.")) return true;
    }
    return false;
}

json::Value before(const json::Value& decision) {
    if (const auto* error = decision.find("error"); error != nullptr && error->asObject() != nullptr)
        return json::Object{{"error", error->textOr("kind", "")}};
    const auto* result = decision.find("result");
    if (result == nullptr || result->asObject() == nullptr) return {};
    auto out = *result->asObject();
    if (auto reason = decision.textOr("reason", ""); !reason.empty()) out.emplace_back("reason", std::move(reason));
    return out;
}

}  // namespace

Replay::Replay(const Script& script, std::string_view text, std::string of, CallBudget budget)
    : script_(script), text_(text), of_(std::move(of)), budget_(budget) {
    budget_.wall *= kTestWallFactor;
    walks_ =
        indexesByValue(text_) || std::any_of(kWalkers.begin(), kWalkers.end(), [&](std::string_view word) { return hasWord(text_, word); });
}

bool Replay::mayRead(std::string_view path) const {
    // The innermost name: whoever reads what stands there has named it, or walks.
    for (const auto& step : base::split(path, '.')) {
        const auto name = std::string_view(step).substr(0, step.find('['));
        if (!name.empty() && !hasWord(text_, name)) return walks_;
    }
    return true;
}

std::string Replay::whyNot(const json::Value& decision) const {
    const auto* input = decision.find("input");
    if (input == nullptr || input->asObject() == nullptr) return "its input was not logged";
    if (const auto* result = decision.find("result"); result != nullptr && json::write(*result).find(kHidden) != std::string::npos)
        return "its result is masked";
    const auto* masked = decision.find("masked");
    if (masked == nullptr || masked->asArray() == nullptr) return {};
    for (const auto& path : *masked->asArray())
        if (path.asText() != nullptr && mayRead(*path.asText())) return "the script may read " + *path.asText() + ", which is masked";
    return {};
}

void Replay::line(std::string_view line) {
    ++number_;
    if (base::trim(line).empty()) return;
    const auto decision = json::parse(line);
    const auto point = decision ? hookPointNamed(decision->textOr("hook", "")) : std::nullopt;
    const auto at = decision ? base::parseRfc3339(decision->textOr("time", "")) : std::nullopt;
    if (!point || !at || decision->textOr("script", "").empty()) {
        ++report_.unreadable;
        return;
    }
    if (decision->textOr("script", "") != of_) {
        ++report_.others;
        return;
    }
    const auto id = decision->textOr("id", "");
    const auto was = before(*decision);
    json::Value is;
    if (script_.hooks(*point)) {
        if (auto why = whyNot(*decision); !why.empty()) {
            report_.unjudged.push_back({number_, id, std::string(nameOf(*point)), std::move(why)});
            return;
        }
        CallOptions options;
        options.budget = budget_;
        options.now = *at;
        is = outcomeOf(script_.call(*point, *decision->find("input"), options));
        if (json::write(is).find(kHidden) != std::string::npos) {
            report_.unjudged.push_back({number_, id, std::string(nameOf(*point)), "the script returns a masked value"});
            return;
        }
    }
    ++report_.judged;
    if (comparable(was) == comparable(is)) return;
    report_.changed.push_back(
        {number_, id, decision->textOr("time", ""), std::string(nameOf(*point)), decision->textOr("request_id", ""), was, is});
}

json::Value ReplayReport::json(const Script& script) const {
    const auto count = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    json::Array changes, unknown;
    for (const auto& one : changed)
        changes.emplace_back(json::Object{{"line", count(one.line)},
                                          {"id", one.id},
                                          {"time", one.time},
                                          {"hook", one.hook},
                                          {"request_id", one.requestId},
                                          {"before", one.before},
                                          {"after", one.after}});
    for (const auto& one : unjudged)
        unknown.emplace_back(json::Object{{"line", count(one.line)}, {"id", one.id}, {"hook", one.hook}, {"why", one.why}});
    return json::Object{{"script", script.name()},
                        {"version", script.version()},
                        {"sha256", script.sha256()},
                        {"judged", count(judged)},
                        {"same", count(judged - changed.size())},
                        {"others", count(others)},
                        {"unreadable", count(unreadable)},
                        {"changed", std::move(changes)},
                        {"unjudged", std::move(unknown)}};
}

}  // namespace agentidp::policy
