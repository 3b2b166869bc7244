#pragma once
/// @file kernel/plugin/check/report.h
/// What `agentidp plugin check` found, line by line, and how it is shown.
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace agentidp::plugin::check {

enum class Verdict { Passed, Failed, Warned, Skipped };

struct Line {
    std::string group;  ///< "static", "contract", "keys", ...
    std::string name;   ///< what was to hold
    Verdict verdict = Verdict::Passed;
    std::string detail;  ///< what was seen; empty where there is nothing to say
};

struct Report {
    std::string file;
    std::vector<Line> lines;
    [[nodiscard]] std::size_t count(Verdict verdict) const;
    [[nodiscard]] bool passed() const { return count(Verdict::Failed) == 0; }
};

enum class Format { Text, Json, Tap };

/// The whole report. Text and TAP end with a summary line.
[[nodiscard]] std::string show(const Report& report, Format format);
[[nodiscard]] std::string_view nameOf(Verdict verdict);

/// One line as JSON text without a line end, and back: how the child that runs the checks tells its parent.
[[nodiscard]] std::string encode(const Line& line);
[[nodiscard]] base::Result<Line> decode(std::string_view json);

}  // namespace agentidp::plugin::check
