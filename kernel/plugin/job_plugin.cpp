#include "plugin/job_plugin.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxSliceJson = 64U << 10U;
constexpr std::size_t kMaxCursor = 4096;
constexpr std::int64_t kMaxInterval = 366LL * 86'400;

}  // namespace

JobPlugin::JobPlugin(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)),
      ops_(instance_->ops<aip_job_ops>()),
      interval_(instance_->description().intOr("interval_seconds", 0)),
      run_(instance_->operation("run")) {}

base::Result<std::unique_ptr<JobPlugin>> JobPlugin::open(std::unique_ptr<Instance> instance) {
    const auto& ops = instance->ops<aip_job_ops>();
    if (ops.size < sizeof ops || ops.run == nullptr)
        return base::fail(base::Errc::Invalid, "describe: its table of operations is not a job's");
    std::unique_ptr<JobPlugin> job(new JobPlugin(std::move(instance)));
    if (job->interval_.count() < 1 || job->interval_.count() > kMaxInterval)
        return base::fail(base::Errc::Invalid, "describe: interval_seconds is not between 1 and a year");
    return job;
}

base::Result<JobSlice> JobPlugin::run(std::string_view cursor, const Call& call) {
    return instance_->call(
        run_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), cursor = frame.keep(cursor)](Frame& at) {
                return table->run(self, at.call(), cursor, at.first.sink(kMaxSliceJson), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<JobSlice> {
            const auto told = base::json::parse(frame.first.bytes());
            if (!told || told->asObject() == nullptr) return instance_->brokePromise(run_, "its answer is no JSON object");
            JobSlice slice{told->textOr("cursor", ""), told->intOr("processed", -1)};
            if (slice.cursor.size() > kMaxCursor || slice.processed < 0)
                return instance_->brokePromise(run_, "its answer has no count or too long a cursor");
            return slice;
        });
}

}  // namespace agentidp::plugin
