/// `agentidp hook run` and `agentidp hook bench`: one hook asked once with a trace, or many times with a watch.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "base/text.h"
#include "cli/arguments/arguments.h"
#include "cli/hook/hook_files.h"
#include "cli/hook/verbs.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

/// Lines of a trace that are shown.
constexpr std::size_t kMostTraced = 2'000;
constexpr std::size_t kWarmUp = 50;
constexpr std::int64_t kMostBenchSeconds = 60;

struct Trace {
    std::vector<int> lines;
    std::size_t more = 0;
};

void tellRun(const Question& question, const policy::CallReport& report, const Trace& trace) {
    const auto source = base::split(question.text, '\n');
    for (const int line : trace.lines) {
        const auto place = question.script->file() + ":" + std::to_string(line);
        const auto at = static_cast<std::size_t>(line);
        std::cout << place << std::string(place.size() < 24 ? 24 - place.size() : 1, ' ')
                  << (at >= 1 && at <= source.size() ? source[at - 1] : "") << "\n";
    }
    if (trace.more > 0) std::cout << "... and " << trace.more << " lines more\n";
    for (const auto& text : report.logged) std::cout << "log     " << text << "\n";
    if (const auto* failure = report.failure())
        std::cout << "error   " << nameOf(failure->kind) << ": " << failure->text << "\n";
    else
        std::cout << "result  " << json::write(policy::outcomeOf(report)) << "\n";
    std::cout << "cost    " << report.units << " units, " << report.took.count() << " us with the trace, " << report.peakBytes
              << " bytes\n";
}

json::Value runJson(const Question& question, const policy::CallReport& report, const Trace& trace) {
    json::Array lines, log;
    for (const int line : trace.lines) lines.emplace_back(line);
    for (const auto& text : report.logged) log.emplace_back(text);
    json::Object out{{"script", question.script->name()}, {"hook", nameOf(question.point)}};
    if (const auto* failure = report.failure()) {
        out.emplace_back("result", nullptr);
        out.emplace_back("error", json::Object{{"kind", nameOf(failure->kind)}, {"text", failure->text}});
    } else {
        out.emplace_back("result", policy::outcomeOf(report));
        out.emplace_back("error", nullptr);
    }
    out.emplace_back("units", report.units);
    out.emplace_back("us", static_cast<std::int64_t>(report.took.count()));
    out.emplace_back("bytes", static_cast<std::int64_t>(report.peakBytes));
    out.emplace_back("log", std::move(log));
    out.emplace_back("trace", std::move(lines));
    return out;
}

struct Measured {
    std::int64_t calls = 0, units = 0;
    double perSecond = 0;
    std::int64_t p50 = 0, p99 = 0;  ///< microseconds
    json::Value outcome;
};

Measured measure(const Question& question, policy::StateMode state, base::Instant now, std::chrono::seconds time) {
    std::vector<policy::Complaint> known;
    const auto documents = std::make_shared<const policy::Documents>(policy::documentsOf(question.files.bundle, known));
    const auto compiled = policy::compile({question.script->file(), question.text, state}, documents, question.files.budget);
    policy::CallOptions options;
    options.budget = question.files.budget;
    options.now = now;
    Measured out;
    for (std::size_t i = 0; i < kWarmUp; ++i) (void)compiled.script->call(question.point, question.input, options);
    std::vector<std::int64_t> took;
    const auto began = std::chrono::steady_clock::now();
    auto ended = began;
    while (ended - began < time) {
        const auto report = compiled.script->call(question.point, question.input, options);
        ended = std::chrono::steady_clock::now();
        took.push_back(report.took.count());
        out.units = report.units;
        out.outcome = policy::outcomeOf(report);
    }
    out.calls = static_cast<std::int64_t>(took.size());
    out.perSecond = static_cast<double>(took.size()) / std::chrono::duration<double>(ended - began).count();
    std::sort(took.begin(), took.end());
    out.p50 = took[took.size() / 2];
    out.p99 = took[took.size() * 99 / 100];
    return out;
}

json::Object measuredJson(const Measured& one) {
    return {{"calls", one.calls}, {"calls_per_second", static_cast<std::int64_t>(one.perSecond)},
            {"p50_us", one.p50},  {"p99_us", one.p99},
            {"units", one.units}, {"result", one.outcome}};
}

/// The time the script is told; nothing where --now is no time.
std::optional<base::Instant> nowOf(const Arguments& arguments) {
    const auto text = arguments.value("--now");
    if (!text.empty()) return base::parseRfc3339(text);
    return std::chrono::time_point_cast<base::Instant::duration>(std::chrono::system_clock::now());
}

}  // namespace

int runHookRun(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {}, {"--input", "--hook", "--now"});
    if (!arguments) return refuse("hook run: " + arguments.error().hint, kMisuse);
    if (arguments->rest.size() != 1 || !arguments->values.contains("--input"))
        return refuse("hook run wants --input FILE and one script", kMisuse);
    const auto now = nowOf(*arguments);
    if (!now) return refuse("hook run: --now wants an RFC 3339 time such as 2026-11-01T00:00:00Z", kMisuse);
    int code = kFailed;
    const auto question = questionOf(invocation, arguments->rest[0], arguments->value("--hook"), arguments->value("--input"), code);
    if (!question) return code;
    Trace trace;
    policy::CallOptions options;
    options.now = *now;
    options.budget = question->files.budget;
    options.budget.wall *= policy::kTestWallFactor;
    options.trace = [&](int line) {
        if (trace.lines.size() < kMostTraced)
            trace.lines.push_back(line);
        else
            ++trace.more;
    };
    const auto report = question->script->call(question->point, question->input, options);
    if (invocation.json())
        std::cout << json::writePretty(runJson(*question, report, trace)) << "\n";
    else
        tellRun(*question, report, trace);
    return report.failure() == nullptr ? kDone : kFailed;
}

int runHookBench(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {}, {"--input", "--hook", "--now", "--seconds"});
    if (!arguments) return refuse("hook bench: " + arguments.error().hint, kMisuse);
    if (arguments->rest.size() != 1 || !arguments->values.contains("--input"))
        return refuse("hook bench wants a script and --input FILE", kMisuse);
    const auto seconds = base::parseInt(arguments->value("--seconds", "1"));
    if (!seconds || *seconds < 1 || *seconds > kMostBenchSeconds)
        return refuse("hook bench: --seconds wants 1 to " + std::to_string(kMostBenchSeconds), kMisuse);
    const auto now = nowOf(*arguments);
    if (!now) return refuse("hook bench: --now wants an RFC 3339 time such as 2026-11-01T00:00:00Z", kMisuse);
    int code = kFailed;
    const auto question = questionOf(invocation, arguments->rest[0], arguments->value("--hook"), arguments->value("--input"), code);
    if (!question) return code;
    const std::chrono::seconds time(*seconds);
    const auto fresh = measure(*question, policy::StateMode::Fresh, *now, time);
    const auto pooled = measure(*question, policy::StateMode::Pooled, *now, time);
    if (invocation.json()) {
        std::cout << json::writePretty(json::Object{{"script", question->script->name()},
                                                    {"hook", nameOf(question->point)},
                                                    {"fresh", measuredJson(fresh)},
                                                    {"pooled", measuredJson(pooled)}})
                  << "\n";
        return kDone;
    }
    std::cout << question->script->name() << " " << nameOf(question->point) << ": " << json::write(fresh.outcome) << "\n";
    for (const auto& [name, one] : {std::pair("fresh ", fresh), std::pair("pooled", pooled)})
        std::cout << name << "  " << static_cast<std::int64_t>(one.perSecond) << " calls/s on one thread, p50 " << one.p50 << " us, p99 "
                  << one.p99 << " us, " << one.units << " of " << question->files.budget.units << " units\n";
    return kDone;
}

}  // namespace agentidp::cli
