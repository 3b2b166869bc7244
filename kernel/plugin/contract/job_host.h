#pragma once
/// @file kernel/plugin/contract/job_host.h
/// The host side of a job as a suite needs it: "records.v1" over records given here, and "findings.v1" that keeps what was reported.
/// Any thread, but the records are given before the job runs.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agentidp/plugin.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/json.h"

namespace agentidp::plugin::contract {

struct Finding {
    std::string code;
    std::string severity;
    std::string subject;
    std::string organizationId;
    base::json::Value detail;
    bool operator==(const Finding&) const = default;
};

class JobHost {
public:
    JobHost();
    JobHost(const JobHost&) = delete;
    JobHost& operator=(const JobHost&) = delete;

    /// Whether a read succeeds and what a cursor looks like are the host's affair: cursors here are opaque texts.
    void addCredential(base::json::Object record);
    void addAgent(base::json::Object record);
    /// 250 credentials and 40 agents around `now`: long expired, expiring within hours, days and weeks, without an end, and revoked ones.
    void fill(base::Instant now);
    void clear();

    /// The interface by its name, as aip_host.iface answers it; null for any other name.
    [[nodiscard]] const void* iface(std::string_view name, std::uint32_t minMinor) const;

    /// Called before each read and each report, so that a test can move a clock or count.
    void onCall(std::function<void()> hook);
    /// The next `n` reads fail with `status`.
    void failReads(std::size_t n, aip_status status);

    /// One per code and subject (findings.v1 folds repeats within a day), in order of code and subject.
    [[nodiscard]] std::vector<Finding> findings() const;
    [[nodiscard]] std::size_t reports() const;  ///< calls of report, repeats included
    [[nodiscard]] std::size_t reads() const;
    [[nodiscard]] std::size_t refusals() const;  ///< calls whose JSON or names this host would not take
    [[nodiscard]] std::optional<double> gauge(std::string_view name) const;
    [[nodiscard]] double counter(std::string_view name) const;
    void forgetReports();

private:
    struct State {
        std::vector<base::json::Object> credentials, agents;
        std::map<std::pair<std::string, std::string>, Finding> findings;
        std::map<std::string, double, std::less<>> gauges, counters;
        std::function<void()> hook;
        std::size_t reports = 0, reads = 0, refusals = 0, failingReads = 0;
        aip_status readFailure = AIP_OK;
    };

    static aip_status read(void* self, const aip_call* call, aip_str kind, aip_str query, aip_sink out, aip_error* error);
    static aip_status report(void* self, const aip_call* call, aip_str finding, aip_error* error);
    static aip_status setGauge(void* self, aip_str name, double value);
    static aip_status addCounter(void* self, aip_str name, double delta);
    aip_status refuse(aip_error* error, std::string_view why);
    void callHook();

    aip_records_v1 records_{};
    aip_findings_v1 findings_{};
    mutable base::Guarded<State> state_;
};

}  // namespace agentidp::plugin::contract
