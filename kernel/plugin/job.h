#pragma once
/// @file kernel/plugin/job.h
/// What a compliance job promises: idempotent slices of work, resumable by cursor. Any number are loaded.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "plugin/call.h"

namespace agentidp::plugin {

struct JobSlice {
    std::string cursor;  ///< empty: done
    std::int64_t processed = 0;
};

class Job {
public:
    virtual ~Job() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual base::seconds interval() const = 0;
    virtual base::Result<JobSlice> run(std::string_view cursor, const Call& call) = 0;
};

}  // namespace agentidp::plugin
