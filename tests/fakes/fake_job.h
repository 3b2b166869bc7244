#pragma once
/// @file tests/fakes/fake_job.h
/// plugin::Job in memory: it finds every suspended agent of the host's records, three a slice; passes jobContract. One thread.
#include "base/clock.h"
#include "plugin/contract/job_host.h"
#include "plugin/job.h"

namespace agentidp::tests {

class FakeJob final : public plugin::Job {
public:
    FakeJob(const plugin::contract::JobHost& host, const base::Clock& clock) : host_(host), clock_(clock) {}

    [[nodiscard]] std::string name() const override { return "fake"; }
    [[nodiscard]] base::seconds interval() const override { return std::chrono::hours(1); }
    base::Result<plugin::JobSlice> run(std::string_view cursor, const plugin::Call& call) override;
    [[nodiscard]] std::size_t runs() const { return runs_; }

private:
    base::Result<base::json::Value> page(std::string_view cursor);

    const plugin::contract::JobHost& host_;
    const base::Clock& clock_;
    std::size_t runs_ = 0;
};

}  // namespace agentidp::tests
