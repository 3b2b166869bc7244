#include "policy/engine.h"

#include <cppunit/extensions/HelperMacros.h>

#include "fake_script.h"
#include "fakes/fake_clock.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;
using base::milliseconds;
using base::seconds;
using observe::Message;
using observe::Metric;

class RememberedDecisions final : public Decisions {
public:
    [[nodiscard]] bool wants(const CallReport& report) override { return wantsAllows || mustBeWritten(report); }
    void write(Decision decision) override { written.push_back(std::move(decision)); }
    bool wantsAllows = true;
    std::vector<Decision> written;
};

class EngineTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EngineTest);
    CPPUNIT_TEST(asksNothingWithoutScripts);
    CPPUNIT_TEST(asksTheScriptsOfThePointOnly);
    CPPUNIT_TEST(requestKeepsItsGeneration);
    CPPUNIT_TEST(callsOfARequestShareItsTime);
    CPPUNIT_TEST(failureIsOneLineAndOneCounter);
    CPPUNIT_TEST(shadowRunsAfterTheAnswerAndChangesNothing);
    CPPUNIT_TEST(shadowIsDroppedWhereThereIsNoRoom);
    CPPUNIT_TEST(threeKillsInAMinuteSwitchAShadowOff);
    CPPUNIT_TEST(killsFarApartDoNot);
    CPPUNIT_TEST(shadowThatWasSwitchedOffMeanwhileIsNotAsked);
    CPPUNIT_TEST(modesChangeWithoutANewGeneration);
    CPPUNIT_TEST(decisionsTellWhoWasAskedWhat);
    CPPUNIT_TEST(aLateMemberIsMadeForWhoLooksAtIt);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    CountingLog log_;
    observe::Metrics metrics_;
    RememberedDecisions decisions_;
    std::vector<std::function<void()>> later_;
    std::size_t room_ = 64;
    std::vector<std::string> stopped_;
    std::unique_ptr<Engine> engine_;
    std::uint64_t number_ = 0;

public:
    void setUp() override {
        Engine::Ports ports{clock_, log_, metrics_, &decisions_};
        ports.later = [this](std::function<void()> task) {
            if (later_.size() == room_) return false;
            later_.push_back(std::move(task));
            return true;
        };
        ports.stopped = [this](const std::string& script) { stopped_.push_back(script); };
        engine_ = std::make_unique<Engine>(std::move(ports));
    }

private:
    void install(std::vector<LoadedScript> scripts) {
        Generation::Facts facts;
        facts.number = ++number_;
        facts.sha256 = "abcdef012345678900";
        engine_->install(std::make_shared<const Generation>(facts, std::move(scripts)));
    }
    RequestFacts facts() const { return {"request-1", "tenant-1", clock_.now()}; }
    Ruling ask(HookPoint point = HookPoint::ScopeCheck) {
        auto session = engine_->begin(facts());
        CPPUNIT_ASSERT(session != nullptr);
        return session->ask(point, json::Object{{"scopes", json::Array{"x"}}});
    }
    void runLater() {
        auto tasks = std::move(later_);
        later_.clear();
        for (const auto& task : tasks) task();
    }
    double mismatches(const std::string& script) {
        return metrics_.counter(Metric::HookShadowMismatchesTotal, {"scope_check", script}).value();
    }
    [[nodiscard]] HookMode modeOf(const std::string& script) const {
        for (const auto& loaded : engine_->current()->scripts())
            if (loaded.script->name() == script) return loaded.mode;
        CPPUNIT_FAIL("not loaded");
        return HookMode::Off;
    }

    void asksNothingWithoutScripts() {
        CPPUNIT_ASSERT(engine_->begin(facts()) == nullptr);
        CPPUNIT_ASSERT(!engine_->listens(HookPoint::ScopeCheck));
        install({});
        CPPUNIT_ASSERT(engine_->begin(facts()) == nullptr);
        install({{scripted("a", HookPoint::ScopeCheck, said(allowed())), HookMode::Off}});
        CPPUNIT_ASSERT(engine_->begin(facts()) == nullptr);
    }

    void asksTheScriptsOfThePointOnly() {
        const auto one = scripted("a", HookPoint::ScopeCheck, said(narrowed({"x"})));
        const auto two = scripted("b", HookPoint::Claims, said(withFields(VerdictKind::Add, {{"t", 1}})));
        install({{one}, {two}});
        CPPUNIT_ASSERT(engine_->listens(HookPoint::Claims) && !engine_->listens(HookPoint::Authenticate));
        const auto ruling = ask();
        CPPUNIT_ASSERT(ruling.allowed && ruling.scopes);
        CPPUNIT_ASSERT_EQUAL(1, one->calls.load());
        CPPUNIT_ASSERT_EQUAL(0, two->calls.load());
        CPPUNIT_ASSERT(ask(HookPoint::Authenticate).decisionId.empty());
    }

    void requestKeepsItsGeneration() {
        install({{scripted("a", HookPoint::ScopeCheck, said(denied("old")))}});
        auto session = engine_->begin(facts());
        install({{scripted("a", HookPoint::ScopeCheck, said(allowed()))}});
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, session->generation());
        CPPUNIT_ASSERT(!session->ask(HookPoint::ScopeCheck, json::Object{}).allowed);
        CPPUNIT_ASSERT(ask().allowed);
        engine_->install(nullptr);
        CPPUNIT_ASSERT(!session->ask(HookPoint::ScopeCheck, json::Object{}).allowed);
        CPPUNIT_ASSERT(engine_->begin(facts()) == nullptr);
    }

    void callsOfARequestShareItsTime() {
        std::vector<std::int64_t> given;
        const auto slow = [&](const std::string& name) {
            return std::make_shared<FakeScript>(name, std::vector{HookPoint::ScopeCheck},
                                                [&](HookPoint, const json::Value&, const CallOptions& options) {
                                                    given.push_back(options.budget.wall.count());
                                                    return said(allowed(), options.budget.wall);
                                                });
        };
        install({{slow("a")}, {slow("b")}});
        auto session = engine_->begin(facts());
        CPPUNIT_ASSERT(session->ask(HookPoint::ScopeCheck, json::Object{}).allowed);
        const auto ruling = session->ask(HookPoint::ScopeCheck, json::Object{});
        CPPUNIT_ASSERT((std::vector<std::int64_t>{20, 20, 10}) == given);
        CPPUNIT_ASSERT(ruling.unavailable);
        CPPUNIT_ASSERT_EQUAL(std::string("b"), ruling.script);
    }

    void failureIsOneLineAndOneCounter() {
        install({{scripted("a", HookPoint::ScopeCheck, broke(FailureKind::Runtime))}});
        CPPUNIT_ASSERT(ask().unavailable);
        CPPUNIT_ASSERT_EQUAL(1, log_.count(Message::HOOK_FAILED));
        CPPUNIT_ASSERT_EQUAL(1.0, metrics_.counter(Metric::HookErrorsTotal, {"scope_check", "a", "runtime"}).value());
        CPPUNIT_ASSERT_EQUAL(1.0, metrics_.counter(Metric::HookCallsTotal, {"scope_check", "a", "enforce", "error"}).value());
    }

    void shadowRunsAfterTheAnswerAndChangesNothing() {
        const auto strict = scripted("strict", HookPoint::ScopeCheck, said(denied("no")));
        const auto same = scripted("same", HookPoint::ScopeCheck, said(allowed()));
        install({{scripted("a", HookPoint::ScopeCheck, said(allowed()))}, {same, HookMode::Shadow}, {strict, HookMode::Shadow}});
        {
            auto session = engine_->begin(facts());
            CPPUNIT_ASSERT(session->ask(HookPoint::ScopeCheck, json::Object{}).allowed);
            CPPUNIT_ASSERT(later_.empty());
        }
        CPPUNIT_ASSERT_EQUAL(0, strict->calls.load());
        runLater();
        CPPUNIT_ASSERT_EQUAL(1, strict->calls.load());
        CPPUNIT_ASSERT_EQUAL(1.0, mismatches("strict"));
        CPPUNIT_ASSERT_EQUAL(0.0, mismatches("same"));
        CPPUNIT_ASSERT_EQUAL(1, log_.count(Message::HOOK_SHADOW_DIFFERS));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, decisions_.written.size());
        CPPUNIT_ASSERT(decisions_.written[2].mode == HookMode::Shadow);
        CPPUNIT_ASSERT_EQUAL(decisions_.written[0].id, decisions_.written[2].id);
    }

    void shadowIsDroppedWhereThereIsNoRoom() {
        room_ = 1;
        install({{scripted("s", HookPoint::ScopeCheck, said(allowed())), HookMode::Shadow}});
        for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(ask().allowed);
        CPPUNIT_ASSERT_EQUAL(2.0, metrics_.counter(Metric::HookShadowDroppedTotal).value());
    }

    void threeKillsInAMinuteSwitchAShadowOff() {
        const auto bad = scripted("bad", HookPoint::ScopeCheck, broke(FailureKind::Units));
        const auto good = scripted("good", HookPoint::ScopeCheck, said(allowed()));
        install({{bad, HookMode::Shadow}, {good}});
        for (int i = 0; i < 5; ++i) {
            CPPUNIT_ASSERT(ask().allowed);
            runLater();
            clock_.advance(seconds(10));
        }
        CPPUNIT_ASSERT_EQUAL(3, bad->calls.load());
        CPPUNIT_ASSERT(modeOf("bad") == HookMode::Off);
        CPPUNIT_ASSERT(modeOf("good") == HookMode::Enforce);
        CPPUNIT_ASSERT((std::vector<std::string>{"bad"}) == stopped_);
        CPPUNIT_ASSERT_EQUAL(1, log_.count(Message::HOOK_SHADOW_STOPPED));
    }

    void killsFarApartDoNot() {
        const auto bad = scripted("bad", HookPoint::ScopeCheck, broke(FailureKind::Deadline));
        install({{bad, HookMode::Shadow}});
        for (int i = 0; i < 5; ++i) {
            CPPUNIT_ASSERT(ask().allowed);
            runLater();
            clock_.advance(seconds(30));
        }
        CPPUNIT_ASSERT_EQUAL(5, bad->calls.load());
        CPPUNIT_ASSERT(stopped_.empty());
        // An error of the script is no budget kill.
        const auto wrong = scripted("wrong", HookPoint::ScopeCheck, broke(FailureKind::Runtime));
        install({{wrong, HookMode::Shadow}});
        for (int i = 0; i < 5; ++i) {
            CPPUNIT_ASSERT(ask().allowed);
            runLater();
        }
        CPPUNIT_ASSERT(stopped_.empty());
    }

    void shadowThatWasSwitchedOffMeanwhileIsNotAsked() {
        const auto script = scripted("s", HookPoint::ScopeCheck, said(allowed()));
        install({{script, HookMode::Shadow}});
        CPPUNIT_ASSERT(ask().allowed);
        engine_->remode([](const std::string&) { return HookMode::Off; });
        runLater();
        CPPUNIT_ASSERT_EQUAL(0, script->calls.load());
    }

    void modesChangeWithoutANewGeneration() {
        install({{scripted("a", HookPoint::ScopeCheck, said(denied("no"))), HookMode::Shadow}});
        CPPUNIT_ASSERT(ask().allowed);
        engine_->remode([](const std::string&) { return HookMode::Enforce; });
        CPPUNIT_ASSERT(!ask().allowed);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, engine_->current()->facts().number);
    }

    void decisionsTellWhoWasAskedWhat() {
        install({{scripted("a", HookPoint::ScopeCheck, said(denied("no")))}});
        CPPUNIT_ASSERT(!ask().allowed);
        const auto line = json::parse(lineOf(decisions_.written.at(0), {})).value();
        CPPUNIT_ASSERT_EQUAL(std::string("scope_check"), line.textOr("hook", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("tenant-1"), line.textOr("tenant", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("request-1"), line.textOr("request_id", ""));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"deny","code":"no"})"), json::write(*line.find("result")));
        CPPUNIT_ASSERT_EQUAL(std::string("because"), line.textOr("reason", ""));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"scopes":["x"]})"), json::write(*line.find("input")));
        CPPUNIT_ASSERT(line.find("error")->isNull());
    }

    void aLateMemberIsMadeForWhoLooksAtIt() {
        int made = 0;
        const LateMember late{"metadata", [&] {
                                  ++made;
                                  return json::Value("dear");
                              }};
        std::vector<std::string> seen;
        const auto script = [&](const std::string& name, const std::string& unread, CallReport report) {
            auto out = std::make_shared<FakeScript>(name, std::vector{HookPoint::ScopeCheck},
                                                    [&seen, report](HookPoint, const json::Value& input, const CallOptions&) {
                                                        seen.push_back(input.textOr("metadata", "none"));
                                                        return report;
                                                    });
            out->unread = unread;
            return out;
        };
        const auto asked = [&](std::vector<LoadedScript> scripts) {
            install(std::move(scripts));
            made = 0;
            seen.clear();
            (void)engine_->begin(facts())->ask(HookPoint::ScopeCheck, json::Object{}, &late);
            runLater();
            return seen;
        };
        decisions_.wantsAllows = false;
        CPPUNIT_ASSERT((asked({{script("a", "metadata", said(allowed()))}}) == std::vector<std::string>{"none"}));
        CPPUNIT_ASSERT_EQUAL(0, made);
        CPPUNIT_ASSERT((asked({{script("a", "metadata", said(allowed()))}, {script("b", "", said(allowed()))}}) ==
                        std::vector<std::string>{"none", "dear"}));
        CPPUNIT_ASSERT_EQUAL(1, made);
        CPPUNIT_ASSERT((asked({{script("a", "metadata", said(allowed()))}, {script("b", "", said(allowed())), HookMode::Shadow}}) ==
                        std::vector<std::string>{"none", "dear"}));
        CPPUNIT_ASSERT_EQUAL(1, made);
        // Who reads the log, or replays it, sees the whole.
        decisions_.written.clear();
        CPPUNIT_ASSERT((asked({{script("a", "metadata", said(denied("no")))}}) == std::vector<std::string>{"none"}));
        CPPUNIT_ASSERT_EQUAL(std::string("dear"), decisions_.written.at(0).input->textOr("metadata", ""));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineTest);

}  // namespace
}  // namespace agentidp::policy
