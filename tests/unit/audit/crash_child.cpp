/// crash_child FOLDER EFFECTS: a ledger on storage-sqlite in FOLDER that appends EFFECTS effects one after the other, says
/// `ack EVENTID` for each that was answered, and signs a checkpoint now and then. crash_test.cpp kills it at its failpoints.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "audit/appender.h"
#include "audit/checkpointer.h"
#include "base/ids.h"
#include "crypto/key.h"
#include "support/loaded_plugin.h"

using namespace agentidp;

namespace {

int give(const base::Error& error) {
    std::fprintf(stderr, "%s %s\n", error.hint.c_str(), error.detail.c_str());
    return 1;
}

std::string schema() {
    std::ifstream file(std::string(AGENTIDP_SOURCE_DIR) + "/migrations/schema.json");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string folder = argv[1];
    const int effects = std::atoi(argv[2]);
    std::filesystem::create_directories(folder);
    const base::SystemClock clock;
    tests::LoadedPlugin plugin(clock, plugin::wanted(AIP_KIND_STORAGE, "sqlite", {}), folder);
    auto& storage = plugin.catalog().storage();
    if (auto done = storage.migrate(schema(), true, plugin::callWithin(clock, base::seconds(30))); !done) return give(done.error());
    const auto key = *crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 9));
    const auto publicKey = key.publicKey().members().x;
    const std::vector<audit::AnchorFolder> anchors{{folder + "/checkpoints", audit::AnchorFolder::Keeps::Hourly}};
    if (auto extended = audit::checkStart(storage, clock, anchors, {publicKey}); !extended) return give(extended.error());

    tests::CountingLog log;
    audit::LedgerOptions options;
    options.origin = "crash.example/audit";
    audit::LedgerAppender ledger(storage, clock, log, options);
    if (auto started = ledger.start(); !started) return give(started.error());
    audit::CheckpointerOptions signing;
    signing.holder = "crash";
    signing.publicKey = publicKey;
    signing.sign = [&](base::BytesView data) { return key.sign(crypto::Algorithm::EdDsa, data); };
    signing.anchors = anchors;
    audit::Checkpointer checkpointer(storage, clock, log, signing);

    for (int i = 0; i < effects; ++i) {
        audit::Effect effect;
        for (int n = 0; n < 1 + i % 7 * 5; ++n) {
            auto& event = effect.events.emplace_back();
            event.action = model::Action::AgentUpdated;
            event.timestamp = clock.now();
            event.eventId = model::EventId(base::uuidV7(event.timestamp));
        }
        const std::string id = effect.events.front().eventId.str();
        // State and event are one: the test looks for the row of every acknowledged event, and for no other.
        if (i % 2 == 0) effect.ops.push_back(plugin::insertInto("meta", {{"name", id}, {"value", std::string("x")}}));
        std::promise<bool> answer;
        auto answered = answer.get_future();
        ledger.append(std::move(effect), [&](const base::Result<audit::Committed>& result) { answer.set_value(result.ok()); });
        if (answered.get()) {
            const std::string line = "ack " + id + (i % 2 == 0 ? " row\n" : "\n");
            if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
        }
        if (i % 10 == 9)
            if (auto signedOne = checkpointer.signNow(); !signedOne) return give(signedOne.error());
    }
    return ledger.stop(base::seconds(10)) ? 0 : 1;
}
