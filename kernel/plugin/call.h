#pragma once
/// @file kernel/plugin/call.h
/// What travels with every call into a plugin.
#include <string>

#include "base/clock.h"

namespace agentidp::plugin {

struct Call {
    base::MonoInstant deadline;  ///< the host stops waiting then, whatever the plugin does
    std::string requestId;       ///< for the plugin's log lines
    std::string tenant;          ///< organization id, or empty
};

/// A call that may take `within` from now.
inline Call callWithin(const base::Clock& clock, base::milliseconds within, std::string requestId = {}) {
    return Call{clock.mono() + within, std::move(requestId), {}};
}

}  // namespace agentidp::plugin
