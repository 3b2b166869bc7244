#pragma once
/// @file kernel/plugin/job_plugin.h
/// A job plugin behind plugin::Job.
#include <memory>

#include "plugin/instance.h"
#include "plugin/job.h"

namespace agentidp::plugin {

class JobPlugin final : public Job {
public:
    /// Errc::Invalid if the operations table or what describe says is not a job's.
    static base::Result<std::unique_ptr<JobPlugin>> open(std::unique_ptr<Instance> instance);

    [[nodiscard]] std::string name() const override { return instance_->plugin().name; }
    [[nodiscard]] base::seconds interval() const override { return interval_; }
    base::Result<JobSlice> run(std::string_view cursor, const Call& call) override;

    [[nodiscard]] Instance& instance() { return *instance_; }

private:
    explicit JobPlugin(std::unique_ptr<Instance> instance);

    std::unique_ptr<Instance> instance_;
    const aip_job_ops& ops_;
    base::seconds interval_;
    Operation run_;
};

}  // namespace agentidp::plugin
