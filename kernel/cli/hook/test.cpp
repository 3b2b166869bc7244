/// `agentidp hook test`: the cases of a bundle, as text, TAP or JUnit.
#include <iostream>
#include <sstream>

#include "base/text.h"
#include "cli/arguments/arguments.h"
#include "cli/hook/hook_files.h"
#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

using policy::TestReport;

std::string runsOf(const std::vector<int>& lines) {
    std::string out;
    for (std::size_t i = 0; i < lines.size();) {
        std::size_t last = i;
        while (last + 1 < lines.size() && lines[last + 1] == lines[last] + 1) ++last;
        out += (out.empty() ? "" : ", ") + std::to_string(lines[i]);
        if (last > i) out += "-" + std::to_string(lines[last]);
        i = last + 1;
    }
    return out;
}

std::string titleOf(const policy::CaseResult& one) { return one.file + ": " + std::string(nameOf(one.hook)) + ": " + one.name; }

std::string xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    }
    return out;
}

struct Wanted {
    bool coverage = false;
    std::int64_t least = 0;
    std::string format;
};

/// Complaints and too little coverage, each as a line.
std::vector<std::string> troublesOf(const HookFiles& files, const TestReport& report, const Wanted& wanted) {
    std::vector<std::string> out;
    for (const auto* complaints : {&files.complaints, &report.complaints})
        for (const auto& one : *complaints) {
            std::ostringstream line;
            tellComplaints({one}, line);
            if (one.fatal) out.emplace_back(base::trim(line.str()));
        }
    if (wanted.coverage)
        for (const auto& one : report.coverage)
            if (one.percent() < wanted.least)
                out.push_back(one.script + ": " + std::to_string(one.percent()) + " % of its lines ran, " + std::to_string(wanted.least) +
                              " % are wanted; add cases that reach " + (one.missed.size() == 1 ? "line " : "lines ") + runsOf(one.missed));
    if (out.empty() && report.cases.empty()) out.emplace_back("there are no cases: write NAME_test.lua or tests/NAME.json");
    return out;
}

void tellText(const TestReport& report, const std::vector<std::string>& troubles, const Wanted& wanted) {
    for (const auto& one : report.cases) {
        std::cout << (one.passed() ? "ok      " : "FAILED  ") << titleOf(one) << " (" << one.units << " units)\n";
        if (!one.passed()) std::cout << "        " << one.why << "\n";
    }
    if (wanted.coverage)
        for (const auto& one : report.coverage) {
            std::cout << "covered " << one.script << ": " << one.percent() << " % of " << one.lines << " lines";
            if (!one.missed.empty()) std::cout << "; not reached: " << runsOf(one.missed);
            std::cout << "\n";
        }
    for (const auto& trouble : troubles) std::cout << "FAILED  " << trouble << "\n";
    std::cout << report.cases.size() - report.failed() << " passed, " << report.failed() + troubles.size() << " failed\n";
}

void tellTap(const TestReport& report, const std::vector<std::string>& troubles, const Wanted& wanted) {
    std::size_t number = 0;
    std::cout << "TAP version 13\n1.." << report.cases.size() + troubles.size() << "\n";
    for (const auto& one : report.cases) {
        std::cout << (one.passed() ? "ok " : "not ok ") << ++number << " - " << titleOf(one) << " # " << one.units << " units\n";
        if (!one.passed()) std::cout << "# " << one.why << "\n";
    }
    if (wanted.coverage)
        for (const auto& one : report.coverage) std::cout << "# " << one.script << ": " << one.percent() << " % covered\n";
    for (const auto& trouble : troubles) std::cout << "not ok " << ++number << " - " << trouble << "\n";
}

void tellJunit(const TestReport& report, const std::vector<std::string>& troubles) {
    std::cout << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"hooks\" tests=\"" << report.cases.size() + troubles.size()
              << "\" failures=\"" << report.failed() + troubles.size() << "\">\n";
    for (const auto& one : report.cases) {
        std::cout << "  <testcase classname=\"" << xml(one.script) << "\" file=\"" << xml(one.file) << "\" name=\""
                  << xml(std::string(nameOf(one.hook)) + ": " + one.name) << "\"><properties><property name=\"units\" value=\"" << one.units
                  << "\"/></properties>";
        if (!one.passed()) std::cout << "<failure message=\"" << xml(one.why) << "\"/>";
        std::cout << "</testcase>\n";
    }
    for (const auto& trouble : troubles)
        std::cout << "  <testcase classname=\"bundle\" name=\"" << xml(trouble) << "\"><failure message=\"" << xml(trouble)
                  << "\"/></testcase>\n";
    std::cout << "</testsuite>\n";
}

void tellJson(const TestReport& report, const std::vector<std::string>& troubles) {
    namespace json = base::json;
    json::Array cases, coverage, lines;
    for (const auto& one : report.cases)
        cases.emplace_back(json::Object{{"file", one.file},
                                        {"name", one.name},
                                        {"script", one.script},
                                        {"hook", nameOf(one.hook)},
                                        {"passed", one.passed()},
                                        {"why", one.why},
                                        {"units", one.units}});
    for (const auto& one : report.coverage) {
        json::Array missed;
        for (const int line : one.missed) missed.emplace_back(line);
        coverage.emplace_back(json::Object{{"script", one.script}, {"percent", one.percent()}, {"missed", std::move(missed)}});
    }
    for (const auto& trouble : troubles) lines.emplace_back(trouble);
    std::cout << json::writePretty(
                     json::Object{{"cases", std::move(cases)}, {"coverage", std::move(coverage)}, {"troubles", std::move(lines)}})
              << "\n";
}

}  // namespace

int runHookTest(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {"--coverage"}, {"--min", "--format"});
    if (!arguments) return refuse("hook test: " + arguments.error().hint, kMisuse);
    if (arguments->rest.size() != 1) return refuse("hook test wants one folder", kMisuse);
    const auto least = base::parseInt(arguments->value("--min", "0"));
    if (!least || *least < 0 || *least > 100) return refuse("hook test: --min wants 0 to 100", kMisuse);
    const Wanted wanted{arguments->has("--coverage") || *least > 0, *least,
                        arguments->value("--format", invocation.json() ? "json" : "text")};
    if (wanted.format != "text" && wanted.format != "tap" && wanted.format != "junit" && wanted.format != "json")
        return refuse("hook test: --format is text, tap, junit or json", kMisuse);
    const auto files = readHooks(invocation, arguments->rest[0]);
    TestReport report;
    if (!files.refused()) report = policy::runTests(files.bundle, files.scripts, files.budget);
    const auto troubles = troublesOf(files, report, wanted);
    if (wanted.format == "text") tellText(report, troubles, wanted);
    if (wanted.format == "tap") tellTap(report, troubles, wanted);
    if (wanted.format == "junit") tellJunit(report, troubles);
    if (wanted.format == "json") tellJson(report, troubles);
    return report.failed() == 0 && troubles.empty() ? kDone : kFailed;
}

}  // namespace agentidp::cli
