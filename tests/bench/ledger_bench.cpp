/// ledger_bench [seconds] [clients] [ops]: what one event costs the ledger's writer on storage-sqlite.
/// `clients` requests are in flight at once, each appended again as soon as it is answered, so that a batch has about so many
/// events. With `ops` every effect also updates a row, as a change of the registry does. Prints the cost of making an entry,
/// events a second, the mean batch, and processor time of the writer's thread for each event.
#include <sys/resource.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include "audit/appender.h"
#include "audit/verifier.h"
#include "base/ids.h"
#include "crypto/key.h"
#include "support/loaded_plugin.h"
#include "support/temp_folder.h"

using namespace agentidp;

namespace {

model::AuditEvent tokenIssued(base::Instant now) {
    model::AuditEvent event;
    event.timestamp = now;
    event.eventId = model::EventId(base::uuidV7(now));
    event.action = model::Action::TokenIssued;
    event.agentId = model::AgentId("0190a3c2-1111-7222-8333-444455556666");
    event.agentNum = 7;
    event.organizationId = model::OrganizationId("0190a3c2-aaaa-7bbb-8ccc-ddddeeeeffff");
    event.organizationNum = 1;
    event.actor = event.agentId.str();
    event.requestId = "0190a3c2-1111-7222-8333-000000000000";
    event.ip = "192.0.2.7";
    event.userAgent = "python-requests/2.31";
    event.jti = "AAAAAAAAAAAAAAAAAAAAAA";
    event.metadataJson = R"({"grant":"client_credentials","lifetime":3600,"scope":"agents:read agents:write"})";
    return event;
}

double threadCpu() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string schema() {
    std::ifstream file(std::string(AGENTIDP_SOURCE_DIR) + "/migrations/schema.json");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void makeEntries() {
    const base::SystemClock clock;
    const auto event = tokenIssued(clock.now());
    const audit::Writer writer{"main", 1};
    const base::Bytes salt(16, 1);
    constexpr int kRounds = 200'000;
    const double began = threadCpu();
    std::size_t sum = 0;
    for (int i = 0; i < kRounds; ++i) sum += audit::prepareEntry(event, writer, salt).text.size();
    const double prepared = threadCpu();
    const auto entry = audit::prepareEntry(event, writer, salt);
    audit::Hash chain{};
    for (int i = 0; i < kRounds; ++i) {
        const auto body = entry.finish(i);
        sum += audit::leafHash(body)[0];
        chain = audit::chainHash(entry.chainInput, chain);
    }
    const double hashed = threadCpu();
    std::printf("entry of %zu bytes: made in %.2f us (caller's thread), finished and hashed in %.2f us (writer's thread) [%zu]\n",
                entry.text.size(), (prepared - began) / kRounds * 1e6, (hashed - prepared) / kRounds * 1e6, sum % 10);
}

/// Keeps `clients` effects in flight until told to stop.
class Load {
public:
    Load(audit::Ledger& ledger, bool ops) : ledger_(ledger), ops_(ops) {}
    void launch(int clients) {
        for (int i = 0; i < clients; ++i) {
            ++flying_;
            again();
        }
    }
    void land() {
        running_ = false;
        std::unique_lock held(mutex_);
        landed_.wait(held, [&] { return flying_ == 0; });
    }
    std::uint64_t done = 0;  ///< touched by the appender's thread alone while effects fly
    std::uint64_t failed = 0;

private:
    void again() {
        audit::Effect effect;
        effect.events.push_back(tokenIssued(clock_.now()));
        effect.tally = audit::Effect::Tally{7, 202611, {}};
        if (ops_)
            effect.ops.push_back(
                plugin::update("meta", {{"value", std::string("x")}}, {{"name", plugin::Compare::Eq, {std::string("bench")}}}, 1));
        ledger_.append(std::move(effect), [this](const base::Result<audit::Committed>& result) {
            ++(result ? done : failed);
            if (running_) return again();
            const std::lock_guard held(mutex_);
            if (--flying_ == 0) landed_.notify_all();
        });
    }
    base::SystemClock clock_;
    audit::Ledger& ledger_;
    bool ops_;
    std::atomic<bool> running_{true};
    std::mutex mutex_;
    std::condition_variable landed_;
    int flying_ = 0;
};

int run(int seconds, int clients, bool ops) {
    const base::SystemClock clock;
    const tests::TempFolder folder;
    tests::LoadedPlugin plugin(clock, plugin::wanted(AIP_KIND_STORAGE, "sqlite", {}), folder.path());
    auto& storage = plugin.catalog().storage();
    if (auto done = storage.migrate(schema(), true, plugin::callWithin(clock, base::seconds(30))); !done) {
        std::fprintf(stderr, "migrate: %s %s\n", done.error().hint.c_str(), done.error().detail.c_str());
        return 1;
    }
    plugin::Transaction tx;
    (void)storage.apply(tx, {plugin::insertInto("meta", {{"name", std::string("bench")}, {"value", std::string("x")}})},
                        plugin::ApplyMode::Commit, plugin::callWithin(clock, base::seconds(5)));
    tests::CountingLog log;
    audit::LedgerOptions options;
    options.origin = "bench.example/audit";
    audit::LedgerAppender ledger(storage, clock, log, options);
    std::atomic<std::uint64_t> batches{0};
    double writerCpu = 0;
    double firstCpu = -1;
    ledger.onBatch([&](const audit::BatchReport&) {
        ++batches;
        writerCpu = threadCpu();
        if (firstCpu < 0) firstCpu = writerCpu;
    });
    if (auto started = ledger.start(); !started) {
        std::fprintf(stderr, "start: %s %s\n", started.error().hint.c_str(), started.error().detail.c_str());
        return 1;
    }
    Load load(ledger, ops);
    const auto began = std::chrono::steady_clock::now();
    load.launch(clients);
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    load.land();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    (void)ledger.stop(base::seconds(10));
    const auto events = static_cast<double>(load.done);
    std::printf("%d in flight%s: %.0f events/s, mean batch %.1f, %.0f commits/s, %.1f us of the writer's thread an event, %llu failed\n",
                clients, ops ? ", each with an update" : "", events / took, events / static_cast<double>(batches),
                static_cast<double>(batches) / took, (writerCpu - firstCpu) / events * 1e6, static_cast<unsigned long long>(load.failed));
    const auto key = *crypto::PrivateKey::generate(crypto::Algorithm::EdDsa);
    audit::VerifierOptions verification;
    verification.keys = {key.publicKey().members().x};
    audit::Verifier verifier(storage, clock, std::move(verification));
    const auto verifying = std::chrono::steady_clock::now();
    const auto report = verifier.verify(audit::VerifyMode::Full);
    const double verified = std::chrono::duration<double>(std::chrono::steady_clock::now() - verifying).count();
    std::printf("full verification: %s, %.0f entries/s\n", report && report->ok ? "sound" : "DAMAGED",
                report ? static_cast<double>(report->entriesHashed) / verified : 0.0);
    return report && report->ok && load.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
    makeEntries();
    if (argc > 2) return run(seconds, std::atoi(argv[2]), argc > 3 && std::strcmp(argv[3], "ops") == 0);
    int code = 0;
    for (const int clients : {10, 32, 256})
        for (const bool ops : {false, true}) code |= run(seconds, clients, ops);
    return code;
}
