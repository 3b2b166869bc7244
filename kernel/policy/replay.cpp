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

/// Whether this code can have read what stands at `path`: it names every step of it, or reads members without naming them.
bool mayRead(std::string_view code, std::string_view path) {
    for (const auto& step : base::split(path, '.')) {
        const auto name = std::string_view(step).substr(0, step.find('['));
        if (name.empty() || hasWord(code, name)) continue;
        return indexesByValue(code) ||
               std::any_of(kWalkers.begin(), kWalkers.end(), [&](std::string_view word) { return hasWord(code, word); });
    }
    return true;
}

bool holdsMask(const json::Value& value) { return json::write(value).find(kHidden) != std::string::npos; }

/// The first masked path that the code may have read; empty: none.
std::string maskedRead(const json::Value& decision, std::string_view code) {
    const auto* masked = decision.find("masked");
    if (masked == nullptr || masked->asArray() == nullptr) return {};
    for (const auto& path : *masked->asArray())
        if (path.asText() != nullptr && mayRead(code, *path.asText())) return *path.asText();
    return {};
}

}  // namespace

Replay::Replay(const Script& script, std::string_view text, std::string of, CallBudget budget)
    : script_(script), lines_(base::split(text, '\n')), of_(std::move(of)), budget_(budget) {
    budget_.wall *= kTestWallFactor;
}

std::string Replay::ran(const Coverage& coverage) const {
    // A line without code of its own continues a statement of the lines around it: it ran if one of them did.
    const auto& active = script_.activeLines();
    const auto hit = [&](auto at) { return at != active.end() && coverage.hits.contains(*at); };
    std::string out;
    for (int number = 1; number <= static_cast<int>(lines_.size()); ++number) {
        const auto next = std::lower_bound(active.begin(), active.end(), number);
        bool executed = hit(next);
        if ((next == active.end() || *next != number) && next != active.begin()) executed = executed || hit(std::prev(next));
        if (executed) out += lines_[static_cast<std::size_t>(number) - 1] + "\n";
    }
    return out;
}

void Replay::line(std::string_view line) {
    ++number_;
    if (base::trim(line).empty()) return;
    const auto decision = json::parse(line);
    const auto point = decision ? hookPointNamed(decision->textOr("hook", "")) : std::nullopt;
    const auto at = decision ? base::parseRfc3339(decision->textOr("time", "")) : std::nullopt;
    if (!point || !at || decision->textOr("script", "").empty())
        ++report_.unreadable;
    else if (decision->textOr("script", "") != of_)
        ++report_.others;
    else
        judge(*decision, *point, *at);
}

void Replay::judge(const json::Value& decision, HookPoint point, base::Instant at) {
    const auto id = decision.textOr("id", "");
    const auto cannot = [&](std::string why) { report_.unjudged.push_back({number_, id, std::string(nameOf(point)), std::move(why)}); };
    const auto was = before(decision);
    json::Value is;
    if (script_.hooks(point)) {
        const auto* input = decision.find("input");
        if (input == nullptr || input->asObject() == nullptr) return cannot("its input was not logged");
        Coverage coverage;
        const auto report = script_.call(point, *input, {budget_, at, &coverage, {}});
        is = outcomeOf(report);
        if (const auto path = maskedRead(decision, ran(coverage)); !path.empty())
            return cannot("the script may have read " + path + ", which is masked");
        if (holdsMask(was) || holdsMask(is)) return cannot("a result is masked");
    }
    ++report_.judged;
    if (comparable(was) == comparable(is)) return;
    report_.changed.push_back(
        {number_, id, decision.textOr("time", ""), std::string(nameOf(point)), decision.textOr("request_id", ""), was, is});
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
