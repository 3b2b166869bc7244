#include "fakes/fake_storage.h"
#include "naughty_texts.h"
#include "plugin/contract/storage_contract.h"
#include "support/contract_suite.h"

namespace agentidp::tests {
namespace {

using plugin::contract::StorageSubject;

class FakeStorageBench {
public:
    StorageSubject& subject() { return subject_; }

private:
    base::SystemClock clock_;
    StorageSubject subject_{clock_, [this] { return std::make_shared<FakeStorage>(clock_); }, naughtyTexts(),
                            StorageSubject::Backups::Absent};
};

const RegisterContract<FakeStorageBench, StorageSubject> kFake("fake_storage", plugin::contract::storageContract());

}  // namespace
}  // namespace agentidp::tests
