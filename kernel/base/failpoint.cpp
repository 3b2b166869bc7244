#include "base/failpoint.h"

#ifdef AGENTIDP_FAILPOINTS
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <string>

#include "base/text.h"

namespace agentidp::base {
namespace {

struct Point {
    std::string name;
    std::int64_t at = 0;
    bool kill = false;
    std::atomic<std::int64_t> arrivals{0};
};

std::deque<Point>& points() {
    static std::deque<Point> all = [] {
        std::deque<Point> read;
        const char* given = std::getenv("AGENTIDP_FAIL");
        if (given == nullptr) return read;
        for (const auto& one : split(given, ',')) {
            const auto parts = split(one, ':');
            const auto at = parts.size() == 3 ? parseInt(parts[1]) : std::nullopt;
            // A drill with a misspelt failpoint would pass without having tested anything.
            if (!at || *at < 1 || (parts[2] != "kill" && parts[2] != "error")) std::abort();
            auto& point = read.emplace_back();
            point.name = parts[0];
            point.at = *at;
            point.kill = parts[2] == "kill";
        }
        return read;
    }();
    return all;
}

}  // namespace

bool reachFailpoint(std::string_view name) {
    for (auto& point : points()) {
        if (point.name != name || ++point.arrivals != point.at) continue;
        if (point.kill) ::kill(::getpid(), SIGKILL);
        return true;
    }
    return false;
}

bool failpointsArmed() { return !points().empty(); }

}  // namespace agentidp::base
#endif
