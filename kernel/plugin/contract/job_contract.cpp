#include "plugin/contract/job_contract.h"

#include <set>
#include <tuple>

namespace agentidp::plugin::contract {
namespace {

using base::Errc;
using base::Result;
using Saw = std::optional<std::string>;
using Subject = JobSubject;
/// Code, subject and severity: what a finding says, without details that may hold the time left.
using Findings = std::set<std::tuple<std::string, std::string, std::string>>;

constexpr std::size_t kMaxSlices = 10'000;

Call callOf(const Subject& subject) { return callWithin(*subject.clock, base::seconds(30), "contract"); }

std::string said(const base::Error& error) {
    return "error " + std::to_string(static_cast<int>(error.code)) + ": " + error.hint + " " + error.detail;
}

Findings findingsOf(const Subject& subject) {
    Findings all;
    for (const auto& finding : subject.host->findings()) all.emplace(finding.code, finding.subject, finding.severity);
    return all;
}

void prepare(Subject& subject) {
    subject.host->onCall({});
    subject.host->clear();
    subject.host->fill(subject.clock->now());
    subject.host->forgetReports();
}

/// Runs from `cursor` to the end; `between` is called with the cursor a slice began at, after that slice.
Saw runToEnd(Subject& subject, const std::function<Saw(const std::string& began)>& between = {}, std::string cursor = {}) {
    std::set<std::string> seen;
    for (std::size_t slices = 0; slices < kMaxSlices; ++slices) {
        auto slice = subject.job->run(cursor, callOf(subject));
        if (!slice) return "slice " + std::to_string(slices) + ": " + said(slice.error());
        if (slice->processed < 0) return "a slice processed a negative number of records";
        if (between)
            if (auto saw = between(cursor)) return saw;
        if (slice->cursor.empty()) return std::nullopt;
        if (!seen.insert(slice->cursor).second) return "the same cursor came twice: the job turns in circles";
        cursor = std::move(slice->cursor);
    }
    return "no end after " + std::to_string(kMaxSlices) + " slices";
}

/// The findings of one undisturbed run over the same records.
Saw undisturbed(Subject& subject, Findings& found) {
    prepare(subject);
    if (auto saw = runToEnd(subject)) return saw;
    if (subject.host->refusals() != 0) return "the host had to refuse " + std::to_string(subject.host->refusals()) + " malformed calls";
    found = findingsOf(subject);
    subject.host->forgetReports();
    return std::nullopt;
}

Saw differs(const Subject& subject, const Findings& wanted, const std::string& when) {
    const auto seen = findingsOf(subject);
    if (seen == wanted) return std::nullopt;
    return when + " it found " + std::to_string(seen.size()) + " things, undisturbed " + std::to_string(wanted.size());
}

Saw saysWhatItIs(Subject& subject) {
    if (subject.job->name().empty()) return "the job has no name";
    if (subject.job->interval() < base::seconds(1)) return "the job has no interval";
    return std::nullopt;
}

Saw findsTheSameWhenRunAgain(Subject& subject) {
    Findings wanted;
    if (auto saw = undisturbed(subject, wanted)) return saw;
    if (auto saw = runToEnd(subject)) return saw;
    return differs(subject, wanted, "run a second time");
}

Saw findsTheSameWhenEverySliceIsRunTwice(Subject& subject) {
    Findings wanted;
    if (auto saw = undisturbed(subject, wanted)) return saw;
    const auto again = [&](const std::string& began) -> Saw {
        const auto slice = subject.job->run(began, callOf(subject));
        return slice ? Saw() : "a slice run again: " + said(slice.error());
    };
    if (auto saw = runToEnd(subject, again)) return saw;
    return differs(subject, wanted, "with every slice run twice");
}

Saw resumesAfterARestartBetweenSlices(Subject& subject) {
    Findings wanted;
    if (auto saw = undisturbed(subject, wanted)) return saw;
    const auto restart = [&](const std::string&) -> Saw {
        const auto fresh = subject.restart();
        return fresh ? Saw() : "restart: " + said(fresh.error());
    };
    if (auto saw = runToEnd(subject, restart)) return saw;
    return differs(subject, wanted, "restarted after each slice");
}

Saw doesNothingPastItsDeadline(Subject& subject) {
    prepare(subject);
    const Call late{subject.clock->mono() - base::milliseconds(1), "contract", {}};
    const auto slice = subject.job->run({}, late);
    if (slice.ok()) return "a slice past its deadline succeeded";
    if (slice.error().code != Errc::Deadline) return "wanted Deadline, saw " + said(slice.error());
    if (subject.host->reports() != 0) return "it reported findings past its deadline";
    return std::nullopt;
}

Saw stopsWhenItsDeadlinePassesWithinASlice(Subject& subject) {
    if (!subject.advance) return std::nullopt;
    Findings wanted;
    if (auto saw = undisturbed(subject, wanted)) return saw;
    const Call call{subject.clock->mono() + base::seconds(1), "contract", {}};
    std::size_t late = 0;
    subject.host->onCall([&] {
        if (subject.clock->mono() >= call.deadline) ++late;
        subject.advance(base::milliseconds(300));
    });
    const auto slice = subject.job->run({}, call);
    subject.host->onCall({});
    if (late > 0) return "it called its host " + std::to_string(late) + " times past its deadline";
    if (!slice && slice.error().code != Errc::Deadline) return "wanted a slice or Deadline, saw " + said(slice.error());
    if (!slice || !slice->cursor.empty())
        if (auto saw = runToEnd(subject, {}, slice ? slice->cursor : std::string())) return saw;
    return differs(subject, wanted, "after a deadline within a slice");
}

Saw goesOnWhereAHostThatFailedLeftIt(Subject& subject) {
    Findings wanted;
    if (auto saw = undisturbed(subject, wanted)) return saw;
    subject.host->failReads(1, AIP_E_UNAVAILABLE);
    const auto failed = subject.job->run({}, callOf(subject));
    const bool read = subject.host->reads() > 0;
    subject.host->failReads(0, AIP_OK);
    if (read && failed.ok()) return "a slice whose records could not be read succeeded";
    if (read && failed.error().code != Errc::Unavailable) return "wanted Unavailable, saw " + said(failed.error());
    if (auto saw = runToEnd(subject)) return saw;
    return differs(subject, wanted, "after a failed read");
}

Saw refusesACursorItNeverGave(Subject& subject) {
    prepare(subject);
    for (const std::string& cursor : {std::string("no cursor of yours"), std::string("\0", 1), std::string(5'000, '9')}) {
        const auto slice = subject.job->run(cursor, callOf(subject));
        if (slice.ok()) return "a cursor of " + std::to_string(cursor.size()) + " foreign bytes was taken";
        if (slice.error().code != Errc::Invalid) return "a foreign cursor: wanted Invalid, saw " + said(slice.error());
    }
    return std::nullopt;
}

Saw endsAtOnceWhereThereIsNothing(Subject& subject) {
    prepare(subject);
    subject.host->clear();
    const auto slice = subject.job->run({}, callOf(subject));
    if (!slice) return said(slice.error());
    if (slice->processed != 0 && subject.host->reads() > 0) return "it processed records that are not there";
    return runToEnd(subject);
}

}  // namespace

std::vector<Case<JobSubject>> jobContract() {
    return {
        {"saysWhatItIs", saysWhatItIs},
        {"findsTheSameWhenRunAgain", findsTheSameWhenRunAgain},
        {"findsTheSameWhenEverySliceIsRunTwice", findsTheSameWhenEverySliceIsRunTwice},
        {"resumesAfterARestartBetweenSlices", resumesAfterARestartBetweenSlices},
        {"doesNothingPastItsDeadline", doesNothingPastItsDeadline},
        {"stopsWhenItsDeadlinePassesWithinASlice", stopsWhenItsDeadlinePassesWithinASlice},
        {"goesOnWhereAHostThatFailedLeftIt", goesOnWhereAHostThatFailedLeftIt},
        {"refusesACursorItNeverGave", refusesACursorItNeverGave},
        {"endsAtOnceWhereThereIsNothing", endsAtOnceWhereThereIsNothing},
    };
}

}  // namespace agentidp::plugin::contract
