#pragma once
/// @file kernel/app/job_host.h
/// The host's side of "records.v1" and "findings.v1" (agentidp/plugin.h): carries calls of job plugins across the border to the
/// compliance room.
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/json.h"
#include "compliance/records.h"
#include "compliance/scheduler.h"
#include "model/signing_key.h"
#include "observe/metrics.h"

namespace agentidp::app {

/// Interfaces are handed out from the start; until open() they answer AIP_E_UNAVAILABLE. Any thread.
class JobHost {
public:
    JobHost();
    ~JobHost();
    JobHost(const JobHost&) = delete;
    JobHost& operator=(const JobHost&) = delete;
    void open(const compliance::Records& records, compliance::Findings& findings, observe::Metrics& metrics);
    /// What aip_host.iface answers; null for other names and newer minors.
    [[nodiscard]] const void* interfaceFor(std::string_view plugin, std::string_view name, std::uint32_t minMinor);

    /// One plugin's two tables and what stands behind them.
    struct Desk;

private:
    base::Guarded<std::map<std::string, std::unique_ptr<Desk>>> desks_;
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

/// As the CLI and the control socket show them.
[[nodiscard]] base::json::Value jobJson(const compliance::JobStatus& status);
[[nodiscard]] base::json::Value keyJson(const model::SigningKey& key);

}  // namespace agentidp::app
