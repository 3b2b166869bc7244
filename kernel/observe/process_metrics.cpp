#include "observe/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"

namespace agentidp::observe {
namespace {

std::string contentOf(const char* path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

double bootTime() {
    const std::string stat = contentOf("/proc/stat");
    constexpr std::string_view kMark = "\nbtime ";
    const auto at = stat.find(kMark);
    if (at == std::string::npos) return 0;
    const auto from = at + kMark.size();
    const auto seconds = base::parseInt(std::string_view(stat).substr(from, stat.find('\n', from) - from));
    return static_cast<double>(seconds.value_or(0));
}

double countFds() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return 0;
    double count = 0;
    while (const auto* entry = ::readdir(folder))
        if (entry->d_name[0] != '.') ++count;
    ::closedir(folder);
    return count - 1;  // without the one that reads
}

}  // namespace

ProcessStats parseProcStat(std::string_view stat, const ProcUnits& units) {
    ProcessStats stats;
    const auto nameEnd = stat.rfind(')');
    if (nameEnd == std::string_view::npos || nameEnd + 2 > stat.size()) return stats;
    const auto fields = base::split(base::trim(stat.substr(nameEnd + 2)), ' ');
    // proc(5): the state, the first one after the name, is field 3.
    const auto field = [&](std::size_t number) {
        const std::size_t index = number - 3;
        return index < fields.size() ? static_cast<double>(base::parseInt(fields[index]).value_or(0)) : 0.0;
    };
    stats.cpuSeconds = (field(14) + field(15)) / units.ticksPerSecond;
    stats.threads = field(20);
    stats.startTimeSeconds = units.bootTimeSeconds + field(22) / units.ticksPerSecond;
    stats.virtualBytes = field(23);
    stats.residentBytes = field(24) * units.pageBytes;
    return stats;
}

ProcessStats readProcessStats() {
    static const double kBoot = bootTime();
    const ProcUnits units{static_cast<double>(::sysconf(_SC_PAGESIZE)), static_cast<double>(::sysconf(_SC_CLK_TCK)), kBoot};
    ProcessStats stats = parseProcStat(contentOf("/proc/self/stat"), units);
    stats.openFds = countFds();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.maxFds = static_cast<double>(limit.rlim_cur);
    return stats;
}

}  // namespace agentidp::observe
