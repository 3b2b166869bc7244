#include "plugin/check/report.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace agentidp::plugin::check {
namespace {

constexpr std::array<std::pair<Verdict, std::string_view>, 4> kVerdicts = {
    {{Verdict::Passed, "ok"}, {Verdict::Failed, "FAILED"}, {Verdict::Warned, "warning"}, {Verdict::Skipped, "skipped"}}};

base::json::Object objectOf(const Line& line) {
    base::json::Object object = {{"group", line.group}, {"name", line.name}, {"verdict", nameOf(line.verdict)}};
    if (!line.detail.empty()) object.emplace_back("detail", line.detail);
    return object;
}

std::string asText(const Report& report) {
    std::string out;
    for (const auto& line : report.lines) {
        std::string verdict(nameOf(line.verdict));
        verdict.resize(9, ' ');
        out += verdict + line.group + ": " + line.name + (line.detail.empty() ? "" : ": " + line.detail) + "\n";
    }
    return out + report.file + ": " + std::to_string(report.count(Verdict::Passed)) + " passed, " +
           std::to_string(report.count(Verdict::Failed)) + " failed, " + std::to_string(report.count(Verdict::Warned)) + " warnings, " +
           std::to_string(report.count(Verdict::Skipped)) + " skipped\n";
}

std::string asTap(const Report& report) {
    std::string out = "TAP version 13\n1.." + std::to_string(report.lines.size()) + "\n";
    std::size_t number = 0;
    for (const auto& line : report.lines) {
        out += (line.verdict == Verdict::Failed ? "not ok " : "ok ") + std::to_string(++number) + " - " + line.group + ": " + line.name;
        if (line.verdict == Verdict::Skipped) out += " # SKIP " + line.detail;
        out += "\n";
        if (line.verdict != Verdict::Skipped && !line.detail.empty()) out += "# " + line.detail + "\n";
    }
    return out;
}

std::string asJson(const Report& report) {
    base::json::Array lines;
    for (const auto& line : report.lines) lines.emplace_back(objectOf(line));
    return base::json::writePretty(base::json::Object{{"file", report.file}, {"passed", report.passed()}, {"checks", std::move(lines)}}) +
           "\n";
}

}  // namespace

std::string_view nameOf(Verdict verdict) {
    return std::find_if(kVerdicts.begin(), kVerdicts.end(), [verdict](const auto& one) { return one.first == verdict; })->second;
}

std::size_t Report::count(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [verdict](const Line& line) { return line.verdict == verdict; }));
}

std::string show(const Report& report, Format format) {
    switch (format) {
        case Format::Json: return asJson(report);
        case Format::Tap: return asTap(report);
        case Format::Text: break;
    }
    return asText(report);
}

std::string encode(const Line& line) { return base::json::write(objectOf(line)); }

base::Result<Line> decode(std::string_view json) {
    const auto parsed = base::json::parse(json);
    if (!parsed) return parsed.error();
    Line line{parsed->textOr("group", ""), parsed->textOr("name", ""), Verdict::Failed, parsed->textOr("detail", "")};
    for (const auto& [verdict, name] : kVerdicts)
        if (parsed->textOr("verdict", "") == name) line.verdict = verdict;
    return line;
}

}  // namespace agentidp::plugin::check
