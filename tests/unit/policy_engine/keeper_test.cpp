#include "policy/keeper.h"

#include <cppunit/extensions/HelperMacros.h>

#include "crypto/key.h"
#include "fake_script.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_ledger.h"
#include "fakes/fake_storage.h"
#include "support/temp_folder.h"

namespace agentidp::policy {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;
using base::Errc;
using observe::Message;
using observe::Metric;

/// "name deny" and the like: a script of one line, for a compiler of one line.
Compiled compileWords(const ScriptSource& source, const std::shared_ptr<const Documents>&, const CallBudget&) {
    const auto space = source.text.find(' ');
    if (space == std::string::npos) return {nullptr, {{source.file, 3, "unexpected symbol", "write a name and a word"}}};
    const auto name = source.text.substr(0, space), word = source.text.substr(space + 1);
    return {scripted(name, HookPoint::ScopeCheck, said(word == "deny" ? denied("no") : allowed())), {}};
}

/// One process: an engine and its keeper, on a storage and ledger that several may share.
struct Process {
    CountingLog log;
    observe::Metrics metrics;
    Engine engine;
    std::unique_ptr<Keeper> keeper;

    Process(const base::Clock& clock, plugin::Storage& storage, tests::FakeLedger& ledger, KeeperSettings settings)
        : engine({clock, log, metrics}) {
        settings.rules.compile = compileWords;
        settings.rules.stateOf = [](const std::string&) { return StateMode::Fresh; };
        const auto commit = [&ledger](audit::Effect effect) {
            base::Result<void> out;
            ledger.append(std::move(effect), [&out](base::Result<audit::Committed> done) {
                if (!done) out = std::move(done).error();
            });
            return out;
        };
        const auto append = [&ledger](model::AuditEvent event) {
            audit::Effect effect;
            effect.events.push_back(std::move(event));
            ledger.append(std::move(effect), [](const base::Result<audit::Committed>&) {});
        };
        keeper = std::make_unique<Keeper>(Keeper::Ports{engine, storage, clock, log, metrics, commit, append}, std::move(settings));
    }
    [[nodiscard]] bool allows() {
        auto session = engine.begin({});
        return session == nullptr || session->ask(HookPoint::ScopeCheck, json::Object{}).allowed;
    }
    [[nodiscard]] std::uint64_t generation() const {
        const auto now = engine.current();
        return now ? now->facts().number : 0;
    }
    [[nodiscard]] double loads(const std::string& outcome) { return metrics.counter(Metric::HookReloadsTotal, {outcome}).value(); }
};

class KeeperTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeeperTest);
    CPPUNIT_TEST(loadsADirectoryAndAuditsIt);
    CPPUNIT_TEST(aMissingFolderIsNoHooksUnlessItWasNamed);
    CPPUNIT_TEST(refusesAndKeepsTheOldGeneration);
    CPPUNIT_TEST(unchangedIsNoNewGeneration);
    CPPUNIT_TEST(twoScriptsOfOneNameAreRefused);
    CPPUNIT_TEST(rollsBackAsFarAsItKeeps);
    CPPUNIT_TEST(modesOutliveARestartAndOutrankSettings);
    CPPUNIT_TEST(modesReachOtherProcesses);
    CPPUNIT_TEST(pushReachesOtherProcesses);
    CPPUNIT_TEST(pushThatIsRefusedLeavesNothing);
    CPPUNIT_TEST(pushNeedsTheStorageAsSource);
    CPPUNIT_TEST(rollbackOfTheStorageGoesFurtherBackEachTime);
    CPPUNIT_TEST(onlyTrustedBundlesArePushed);
    CPPUNIT_TEST(aBundleRefusedElsewhereIsToldOnce);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;
    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_ = tests::FakeStorage::migrated(clock_);
    tests::FakeLedger ledger_{*storage_, clock_};

    KeeperSettings directory() const {
        KeeperSettings out;
        out.directory = folder_.path();
        return out;
    }
    static KeeperSettings shared() {
        KeeperSettings out;
        out.source = HookSource::Storage;
        return out;
    }
    std::unique_ptr<Process> process(KeeperSettings settings) {
        return std::make_unique<Process>(clock_, *storage_, ledger_, std::move(settings));
    }
    void put(const std::string& name, const std::string& text) const { (void)folder_.write(name, text, 0644); }
    static Bundle bundle(const std::string& text) { return bundleOf({{"a.lua", text, {}}}, "").bundle; }
    [[nodiscard]] std::vector<std::string> audited() const {
        std::vector<std::string> out;
        for (const auto& event : ledger_.events()) out.emplace_back(nameOf(event.action));
        return out;
    }

    void loadsADirectoryAndAuditsIt() {
        put("a.lua", "a deny");
        const auto one = process(directory());
        const auto loaded = one->keeper->load("start", "system");
        CPPUNIT_ASSERT(loaded.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("done"), loaded->outcome);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, loaded->generation);
        CPPUNIT_ASSERT(!one->allows());
        CPPUNIT_ASSERT((std::vector<std::string>{"hook.reloaded"}) == audited());
        const auto told = json::parse(ledger_.events().front().metadataJson).value();
        CPPUNIT_ASSERT_EQUAL(loaded->sha256, told.textOr("sha256", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("start"), told.textOr("cause", ""));
        CPPUNIT_ASSERT(one->metrics.text().find("agentidp_hook_generation 1\n") != std::string::npos);
    }

    void aMissingFolderIsNoHooksUnlessItWasNamed() {
        auto settings = directory();
        settings.directory = folder_.path("nowhere");
        CPPUNIT_ASSERT(Errc::Invalid == process(settings)->keeper->load("start", "system").error().code);
        settings.mayBeMissing = true;
        const auto one = process(settings);
        CPPUNIT_ASSERT(one->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, one->generation());
        CPPUNIT_ASSERT(one->allows() && audited().empty());
    }

    void refusesAndKeepsTheOldGeneration() {
        put("a.lua", "a deny");
        auto settings = directory();
        bool testsPass = true, selftestPasses = true;
        settings.rules.tests = [&](const Bundle&, const std::vector<ScriptPtr>& scripts, const CallBudget&) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, scripts.size());
            std::vector<Complaint> out;
            if (!testsPass) out.push_back({"a_test.lua", 4, "expected allow", "mend the script or the test"});
            return out;
        };
        settings.rules.selftest = [&]() -> base::Result<void> {
            if (!selftestPasses) return base::fail(Errc::Internal, "a script was not stopped");
            return {};
        };
        const auto one = process(settings);
        CPPUNIT_ASSERT(one->keeper->load("start", "system").ok());
        const auto refuses = [&](const std::string& by, const std::string& why) {
            const auto loaded = one->keeper->load("reload", "system");
            CPPUNIT_ASSERT_MESSAGE(by, !loaded.ok());
            CPPUNIT_ASSERT_MESSAGE(loaded.error().hint, loaded.error().hint.find(why) != std::string::npos);
            CPPUNIT_ASSERT_EQUAL(1.0, one->loads(by));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, one->generation());
            CPPUNIT_ASSERT(!one->allows());
        };
        put("a.lua", "syntax");
        refuses("check", "a.lua:3: unexpected symbol; write a name and a word");
        put("a.lua", "a allow");
        testsPass = false;
        refuses("tests", "a_test.lua:4: expected allow");
        testsPass = true;
        selftestPasses = false;
        refuses("selftest", "a script was not stopped");
        selftestPasses = true;
        fs::permissions(folder_.path("a.lua"), fs::perms::others_write, fs::perm_options::add);
        refuses("read", "may be written by anybody");
        fs::permissions(folder_.path("a.lua"), fs::perms::others_write, fs::perm_options::remove);
        CPPUNIT_ASSERT_EQUAL(4, one->log.count(Message::HOOKS_REFUSED));
        CPPUNIT_ASSERT(one->keeper->load("reload", "system").ok());
        CPPUNIT_ASSERT(one->allows());
    }

    void unchangedIsNoNewGeneration() {
        put("a.lua", "a deny");
        const auto one = process(directory());
        CPPUNIT_ASSERT(one->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT_EQUAL(std::string("unchanged"), one->keeper->load("reload", "system")->outcome);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, one->generation());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, audited().size());
    }

    void twoScriptsOfOneNameAreRefused() {
        put("a.lua", "same deny");
        put("b.lua", "same allow");
        const auto loaded = process(directory())->keeper->load("start", "system");
        CPPUNIT_ASSERT(!loaded.ok());
        CPPUNIT_ASSERT(loaded.error().hint.find("b.lua: is named same") != std::string::npos);
    }

    void rollsBackAsFarAsItKeeps() {
        const auto one = process(directory());
        for (int i = 1; i <= 6; ++i) {
            put("a.lua", std::string("a ") + (i % 2 == 0 ? "deny" : "allow") + std::string(static_cast<std::size_t>(i), ' '));
            CPPUNIT_ASSERT(one->keeper->load("reload", "system").ok());
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, one->generation());
        CPPUNIT_ASSERT_EQUAL(Keeper::kKept, one->keeper->before().size());
        for (const std::uint64_t expected : {5, 4, 3}) {
            CPPUNIT_ASSERT(one->keeper->rollback("cli:0").ok());
            CPPUNIT_ASSERT_EQUAL(expected, one->generation());
        }
        CPPUNIT_ASSERT(Errc::NotFound == one->keeper->rollback("cli:0").error().code);
        CPPUNIT_ASSERT_EQUAL(std::string("hook.rolled_back"), audited().back());
        // What is on the disk counts again with the next reload, under a number that was never given before.
        CPPUNIT_ASSERT(one->keeper->load("reload", "system").ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, one->generation());
    }

    void modesOutliveARestartAndOutrankSettings() {
        put("a.lua", "a deny");
        auto settings = directory();
        settings.configured = [](const std::string&) { return HookMode::Shadow; };
        {
            const auto one = process(settings);
            CPPUNIT_ASSERT(one->keeper->load("start", "system").ok());
            CPPUNIT_ASSERT(one->allows());
            CPPUNIT_ASSERT(one->keeper->mode("a", HookMode::Enforce, "cli:0", "asked for").ok());
            CPPUNIT_ASSERT(!one->allows());
            CPPUNIT_ASSERT_EQUAL(std::string("hook.mode_changed"), audited().back());
            CPPUNIT_ASSERT(Errc::NotFound == one->keeper->mode("b", HookMode::Off, "cli:0", "").error().code);
        }
        const auto again = process(settings);
        CPPUNIT_ASSERT(again->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT(!again->allows());
        CPPUNIT_ASSERT(again->keeper->mode("a", std::nullopt, "cli:0", "asked for").ok());
        CPPUNIT_ASSERT(again->allows());
    }

    void modesReachOtherProcesses() {
        put("a.lua", "a deny");
        const auto one = process(directory()), two = process(directory());
        CPPUNIT_ASSERT(one->keeper->load("start", "system").ok() && two->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT(one->keeper->mode("a", HookMode::Off, "cli:0", "").ok());
        CPPUNIT_ASSERT(!two->allows());
        CPPUNIT_ASSERT(two->keeper->follow().ok());
        CPPUNIT_ASSERT(two->allows());
    }

    void pushReachesOtherProcesses() {
        const auto one = process(shared()), two = process(shared());
        CPPUNIT_ASSERT(one->keeper->load("start", "system").ok() && two->keeper->load("start", "system").ok());
        const auto pushed = one->keeper->push(bundle("a deny"), "cli:0");
        CPPUNIT_ASSERT(pushed.ok());
        CPPUNIT_ASSERT(!one->allows() && two->allows());
        CPPUNIT_ASSERT(two->keeper->follow().ok());
        CPPUNIT_ASSERT(!two->allows());
        CPPUNIT_ASSERT_EQUAL(one->engine.current()->facts().sha256, two->engine.current()->facts().sha256);
        CPPUNIT_ASSERT_EQUAL(one->generation(), two->generation());
        CPPUNIT_ASSERT(two->keeper->follow().ok());
        CPPUNIT_ASSERT_EQUAL(1.0, two->loads("done"));
        // Only who pushed tells the ledger: whoever follows would be followed in turn.
        CPPUNIT_ASSERT((std::vector<std::string>{"hook.reloaded"}) == audited());
        const auto third = process(shared());
        CPPUNIT_ASSERT(third->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT(!third->allows());
        // A storage that is away is no reason to forget.
        storage_->setDown(true);
        CPPUNIT_ASSERT(!two->keeper->follow().ok());
        CPPUNIT_ASSERT(!two->allows());
    }

    void pushThatIsRefusedLeavesNothing() {
        const auto one = process(shared());
        CPPUNIT_ASSERT(!one->keeper->push(bundle("syntax"), "cli:0").ok());
        CPPUNIT_ASSERT(store::hookBundleNumbers(*storage_, clock_)->empty());
        CPPUNIT_ASSERT(audited().empty());
        ledger_.failNext(Errc::Exists);
        CPPUNIT_ASSERT(Errc::Conflict == one->keeper->push(bundle("a deny"), "cli:0").error().code);
        CPPUNIT_ASSERT(one->allows());
    }

    void pushNeedsTheStorageAsSource() {
        CPPUNIT_ASSERT(Errc::Unsupported == process(directory())->keeper->push(bundle("a deny"), "cli:0").error().code);
    }

    void rollbackOfTheStorageGoesFurtherBackEachTime() {
        const auto one = process(shared()), two = process(shared());
        std::vector<std::string> hashes;
        for (const auto* text : {"a allow", "a deny", "a  deny", "a deny  "})
            hashes.push_back(one->keeper->push(bundle(text), "cli:0")->sha256);
        CPPUNIT_ASSERT_EQUAL(store::kKeptBundles, store::hookBundleNumbers(*storage_, clock_)->size());
        CPPUNIT_ASSERT_EQUAL(hashes[2], one->keeper->rollback("cli:0")->sha256);
        CPPUNIT_ASSERT(two->keeper->follow().ok());
        CPPUNIT_ASSERT_EQUAL(hashes[2], two->engine.current()->facts().sha256);
        CPPUNIT_ASSERT_EQUAL(hashes[1], two->keeper->rollback("cli:0")->sha256);
        CPPUNIT_ASSERT(Errc::NotFound == two->keeper->rollback("cli:0").error().code);
        CPPUNIT_ASSERT(one->keeper->follow().ok());
        CPPUNIT_ASSERT_EQUAL(hashes[1], one->engine.current()->facts().sha256);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, one->generation());
    }

    void onlyTrustedBundlesArePushed() {
        const auto key = crypto::PrivateKey::generate(crypto::Algorithm::EdDsa).value();
        const auto note = audit::NoteKey::of("corp", key.publicKey().members().x);
        auto settings = shared();
        settings.rules.trust = {note};
        const auto one = process(settings);
        auto given = bundle("a deny");
        CPPUNIT_ASSERT(!one->keeper->push(given, "cli:0").ok());
        CPPUNIT_ASSERT_EQUAL(1.0, one->loads("signature"));
        given.signature = signBundle(given, note, [&](base::BytesView text) { return key.sign(crypto::Algorithm::EdDsa, text); }).value();
        CPPUNIT_ASSERT(one->keeper->push(given, "cli:0").ok());
        const auto two = process(settings);
        CPPUNIT_ASSERT(two->keeper->load("start", "system").ok());
        CPPUNIT_ASSERT(!two->allows());
    }

    void aBundleRefusedElsewhereIsToldOnce() {
        auto strict = shared();
        strict.rules.trust = {audit::NoteKey::of("corp", base::Bytes(32, 1))};
        const auto one = process(shared()), two = process(strict);
        CPPUNIT_ASSERT(one->keeper->push(bundle("a deny"), "cli:0").ok());
        for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(two->keeper->follow().ok());
        CPPUNIT_ASSERT(two->allows());
        CPPUNIT_ASSERT_EQUAL(1.0, two->loads("signature"));
        CPPUNIT_ASSERT_EQUAL(1, two->log.count(Message::HOOKS_REFUSED));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeeperTest);

}  // namespace
}  // namespace agentidp::policy
