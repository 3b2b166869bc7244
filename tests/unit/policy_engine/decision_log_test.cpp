#include "policy/decision_log.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include "base/text.h"
#include "fake_script.h"
#include "fakes/fake_clock.h"
#include "support/temp_folder.h"

namespace agentidp::policy {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;
using base::seconds;
using observe::Metric;

class DecisionLogTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DecisionLogTest);
    CPPUNIT_TEST(writesLinesOthersMayNotRead);
    CPPUNIT_TEST(rotatesBySize);
    CPPUNIT_TEST(rotatesByAgeAcrossRestarts);
    CPPUNIT_TEST(samplesWhatNeitherDeniesNorFails);
    CPPUNIT_TEST(masksPaths);
    CPPUNIT_TEST(leavesOutInputThatIsTooLarge);
    CPPUNIT_TEST(refusesAFileItCannotWrite);
    CPPUNIT_TEST(resultsHaveTheMembersOfTheirKind);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;
    tests::FakeClock clock_;
    CountingLog log_;
    observe::Metrics metrics_;
    ScriptPtr script_ = scripted("a", HookPoint::ScopeCheck, said(allowed()));

    DecisionLogOptions options() const {
        DecisionLogOptions out;
        out.path = folder_.path("decisions.jsonl");
        return out;
    }
    std::unique_ptr<DecisionLog> opened(DecisionLogOptions options) {
        auto log = DecisionLog::open(std::move(options), clock_, log_, metrics_);
        CPPUNIT_ASSERT(log.ok());
        return std::move(*log);
    }
    Decision decision(CallReport report, json::Value input = json::Object{}) const {
        return {"id",
                clock_.now(),
                HookPoint::ScopeCheck,
                script_,
                7,
                HookMode::Enforce,
                "tenant",
                "request",
                std::move(report),
                std::make_shared<const json::Value>(std::move(input))};
    }
    [[nodiscard]] std::vector<std::string> lines(const std::string& name = "decisions.jsonl") const {
        std::ifstream in(folder_.path(name));
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }

    void writesLinesOthersMayNotRead() {
        {
            const auto log = opened(options());
            for (int i = 0; i < 3; ++i) log->write(decision(said(denied("no"))));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, lines().size());
        for (const auto& line : lines()) CPPUNIT_ASSERT(json::parse(line).ok());
        struct stat info {};
        CPPUNIT_ASSERT_EQUAL(0, ::stat(folder_.path("decisions.jsonl").c_str(), &info));
        CPPUNIT_ASSERT_EQUAL(0640U, static_cast<unsigned>(info.st_mode & 07777U));
    }

    void rotatesBySize() {
        auto wanted = options();
        wanted.maxBytes = lineOf(decision(said(denied("no"))), {}).size() * 2;
        wanted.keep = 2;
        {
            const auto log = opened(std::move(wanted));
            for (int i = 0; i < 9; ++i) log->write(decision(said(denied("no"))));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, lines().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines("decisions.jsonl.1").size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines("decisions.jsonl.2").size());
        CPPUNIT_ASSERT(!fs::exists(folder_.path("decisions.jsonl.3")));
    }

    void rotatesByAgeAcrossRestarts() {
        for (int i = 0; i < 3; ++i) {
            const auto log = opened(options());
            log->write(decision(said(denied("no"))));
            log->flush();
            clock_.advance(std::chrono::hours(13));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, lines().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines("decisions.jsonl.1").size());
    }

    void samplesWhatNeitherDeniesNorFails() {
        auto wanted = options();
        wanted.allowsPerSecond = 2;
        const auto log = opened(std::move(wanted));
        int wantedNow = 0;
        for (int i = 0; i < 5; ++i) wantedNow += log->wants(said(allowed())) ? 1 : 0;
        CPPUNIT_ASSERT_EQUAL(2, wantedNow);
        CPPUNIT_ASSERT(log->wants(said(denied("no"))));
        CPPUNIT_ASSERT(log->wants(broke(FailureKind::Runtime)));
        CPPUNIT_ASSERT_EQUAL(3.0, metrics_.counter(Metric::HookDecisionsSkippedTotal).value());
        clock_.advance(seconds(1));
        CPPUNIT_ASSERT(log->wants(said(narrowed({"x"}))));
    }

    void masksPaths() {
        const auto mask = Mask::make({"agent.owner", "list[].ip", "absent.x", "tags[]"});
        CPPUNIT_ASSERT(mask.ok());
        auto input = json::parse(R"({"agent":{"owner":"ann","id":1},"list":[{"ip":"1"},{"ip":null},{}],"tags":["a",2]})").value();
        const auto line =
            json::parse(lineOf(decision(said(withFields(VerdictKind::Enrich, {{"agent", json::Object{{"owner", "ann"}}}})), input), *mask));
        CPPUNIT_ASSERT(line.ok());
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"agent":{"owner":"***","id":1},"list":[{"ip":"***"},{"ip":null},{}],"tags":["***","***"]})"),
                             json::write(*line->find("input")));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"enrich","fields":{"agent":{"owner":"***"}}})"), json::write(*line->find("result")));
        CPPUNIT_ASSERT(json::write(*line).find("ann") == std::string::npos);
        CPPUNIT_ASSERT(json::write(*line->find("masked")).find("absent") == std::string::npos);
        for (const auto* wrong : {"", "a..b", "a[0]", "[]", "a[]b"}) CPPUNIT_ASSERT_MESSAGE(wrong, !Mask::make({wrong}).ok());
    }

    void leavesOutInputThatIsTooLarge() {
        const auto line =
            json::parse(lineOf(decision(said(allowed()), json::Object{{"x", std::string(kMaxLoggedInput, 'x')}}), {})).value();
        CPPUNIT_ASSERT(line.find("input")->isNull());
        CPPUNIT_ASSERT_EQUAL(std::string(R"(["*"])"), json::write(*line.find("masked")));
    }

    void refusesAFileItCannotWrite() {
        auto wanted = options();
        wanted.path = folder_.path("no/such/folder");
        const auto log = DecisionLog::open(std::move(wanted), clock_, log_, metrics_);
        CPPUNIT_ASSERT(!log.ok());
        CPPUNIT_ASSERT(log.error().hint.find("hooks.decision_log = ") == 0);
    }

    void resultsHaveTheMembersOfTheirKind() {
        const auto result = [&](CallReport report) {
            const auto line = json::parse(lineOf(decision(std::move(report)), {})).value();
            return json::write(*line.find("result"));
        };
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"allow"})"), result(said(allowed())));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"narrow","scopes":["x"],"max_ttl":300,"audience":"a"})"),
                             result(said(narrowed({"x"}, seconds(300), "a"))));
        CPPUNIT_ASSERT_EQUAL(std::string("null"), result(broke(FailureKind::Units)));
        const auto failed = json::parse(lineOf(decision(broke(FailureKind::Units)), {})).value();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"units","text":"x.lua:1: broke"})"), json::write(*failed.find("error")));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DecisionLogTest);

}  // namespace
}  // namespace agentidp::policy
