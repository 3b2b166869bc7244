#pragma once
/// @file kernel/server/workplaces.h
/// Where the work of a request is done, and the way there. Any thread.
#include <functional>
#include <string_view>

#include "base/thread_pool.h"

namespace agentidp::server {

enum class Place {
    Loop,   ///< on the event loop the request came to: work of microseconds
    Cores,  ///< on one of as many threads as there are cores: computing, such as an RSA signature (0.3 ms). More threads than cores
            ///< would take turns at it, and all of them answer late.
    Pool,   ///< on the wide pool: whatever may wait for a disk or a network
    Hooks,  ///< on the hooks' own pool: a script may take its 20 ms, which no event loop has
};

/// Whose work a request is on a pool, once that is proven: an organization's. 0: the system's own.
[[nodiscard]] inline base::ThreadPool::Lane laneOfOrganization(std::int64_t organizationNum) {
    return static_cast<base::ThreadPool::Lane>(organizationNum) << 1U | 1U;
}
/// Before that: whoever sends from this address.
[[nodiscard]] inline base::ThreadPool::Lane laneOfAddress(std::string_view ip) {
    return static_cast<base::ThreadPool::Lane>(std::hash<std::string_view>{}(ip)) << 1U;
}

/// The pools outlive it.
struct Workplaces {
    base::ThreadPool& cores;
    base::ThreadPool& pool;
    base::ThreadPool& hooks;
    std::function<Place()> signing;  ///< the place for a signature with the key that is active now

    /// Loop: done when this returns. False where the place has no room for more of this lane: the work was not taken.
    template <typename Work>
    [[nodiscard]] bool run(Place place, base::ThreadPool::Lane lane, Work work) const {
        if (place == Place::Loop) {
            work();
            return true;
        }
        auto& chosen = place == Place::Cores ? cores : place == Place::Hooks ? hooks : pool;
        return chosen.post(std::move(work), lane);
    }
};

}  // namespace agentidp::server
