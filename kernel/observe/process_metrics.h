#pragma once
/// @file kernel/observe/process_metrics.h
/// What the kernel knows about this process, for the process_ metrics every Prometheus dashboard expects.
#include <cstdint>
#include <string_view>

namespace agentidp::observe {

struct ProcessStats {
    double cpuSeconds = 0;
    double residentBytes = 0;
    double virtualBytes = 0;
    double openFds = 0;
    double maxFds = 0;
    double startTimeSeconds = 0;  ///< since 1970
    double threads = 0;
};

/// Reads /proc/self; what cannot be read stays 0. Any thread.
[[nodiscard]] ProcessStats readProcessStats();

/// Takes what /proc/self/stat says, for a page size, a clock tick and a boot time; its second field may hold spaces and parentheses.
struct ProcUnits {
    double pageBytes = 4096;
    double ticksPerSecond = 100;
    double bootTimeSeconds = 0;
};
[[nodiscard]] ProcessStats parseProcStat(std::string_view stat, const ProcUnits& units);

}  // namespace agentidp::observe
