#include "fakes/fake_job.h"
#include "fakes/fake_clock.h"
#include "plugin/contract/job_contract.h"
#include "support/contract_suite.h"

namespace agentidp::tests {
namespace {

class FakeJobBench {
public:
    FakeJobBench() {
        subject_.job = job_.get();
        subject_.host = &host_;
        subject_.clock = &clock_;
        subject_.advance = [this](base::microseconds by) { clock_.advance(by); };
        subject_.restart = [this]() -> base::Result<plugin::Job*> {
            job_ = std::make_unique<FakeJob>(host_, clock_);
            return subject_.job = job_.get();
        };
    }
    plugin::contract::JobSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    plugin::contract::JobHost host_;
    std::unique_ptr<FakeJob> job_ = std::make_unique<FakeJob>(host_, clock_);
    plugin::contract::JobSubject subject_;
};

const RegisterContract<FakeJobBench, plugin::contract::JobSubject> kFake("fake_job", plugin::contract::jobContract());

}  // namespace
}  // namespace agentidp::tests
