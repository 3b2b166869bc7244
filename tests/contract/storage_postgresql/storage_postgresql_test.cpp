/// storage-postgresql through the kernel's loader, against a real server: the contract, and what only a server can get wrong. The server
/// is named by AGENTIDP_TEST_POSTGRES (tests/support/postgres.py starts one); each store is a schema of its own in its database.
#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "../storage/naughty_texts.h"
#include "plugin/contract/storage_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temporary_folder.h"

namespace agentidp::tests {
namespace {

using namespace plugin;
using plugin::contract::StorageSubject;

const char* const kServer = "AGENTIDP_TEST_POSTGRES";

base::Result<base::Secret> serverUrl(std::string_view) {
    const char* url = std::getenv(kServer);
    return base::Secret::fromText(url != nullptr ? url : "");
}

std::string freshSchema() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(getpid()) + "_" + std::to_string(++number);
}

/// A loaded plugin over a schema of its own, or over one that is handed in.
struct Loaded {
    explicit Loaded(const base::Clock& clock, std::string schema = freshSchema())
        : name(std::move(schema)), plugin(clock, settings(name), folder.path().string(), {}, serverUrl) {}
    static Wanted settings(const std::string& schema) {
        return wanted(AIP_KIND_STORAGE, "postgresql", {{"url", "env:AGENTIDP_TEST_POSTGRES"}, {"schema", schema}});
    }
    Storage& storage() { return plugin.catalog().storage(); }

    TemporaryFolder folder;
    std::string name;
    LoadedPlugin plugin;
};

class StoragePostgresqlBench {
public:
    StoragePostgresqlBench() {
        if (std::getenv(kServer) == nullptr) skip("AGENTIDP_TEST_POSTGRES names no PostgreSQL server");
    }
    StorageSubject& subject() { return subject_; }

private:
    std::shared_ptr<Storage> fresh() {
        auto loaded = std::make_shared<Loaded>(clock_);
        return {loaded, &loaded->storage()};
    }
    base::SystemClock clock_;
    StorageSubject subject_{clock_, [this] { return fresh(); }, naughtyTexts()};
};

const RegisterContract<StoragePostgresqlBench, StorageSubject> kPostgresql("storage_postgresql", plugin::contract::storageContract());

}  // namespace
}  // namespace agentidp::tests
