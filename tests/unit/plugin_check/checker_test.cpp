/// `agentidp plugin check`: what an author begins with passes, what is broken is told by name, a crash or a hang ends only the child.
#include "plugin/checker.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include <filesystem>
#include <iostream>

#include "support/temp_folder.h"

namespace agentidp::plugin {

using check::Line;
using check::Report;
using check::Verdict;

class CheckerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CheckerTest);
    CPPUNIT_TEST(passesTheKeysScaffold);
    CPPUNIT_TEST(passesTheRatelimitScaffold);
    CPPUNIT_TEST(passesTheJobScaffold);
    CPPUNIT_TEST(passesTheSecretsScaffold);
    CPPUNIT_TEST(tellsThatThereIsNoNote);
    CPPUNIT_TEST(tellsASecondExport);
    CPPUNIT_TEST(tellsAnotherMajor);
    CPPUNIT_TEST(tellsALeakedThread);
    CPPUNIT_TEST(tellsAThrowInCreate);
    CPPUNIT_TEST(tellsWhereItHangs);
    CPPUNIT_TEST(tellsWhatCrashes);
    CPPUNIT_TEST(showsExceptionsAsWarnings);
    CPPUNIT_TEST(refusesSettingsThatTheSchemaDoesNotKnow);
    CPPUNIT_TEST(showsEveryFormat);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;

    /// A copy in a private folder: a build tree may be writable by a group, which would be one warning more.
    std::string copied(const std::string& from) {
        const std::string to = folder_.path(std::filesystem::path(from).filename().string());
        std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
        chmod(to.c_str(), 0755);
        return to;
    }
    Report run(CheckOptions options) {
        auto report = checkPlugin(options, {});
        CPPUNIT_ASSERT(report.ok());
        return std::move(*report);
    }
    Report broken(const std::string& name, CheckOptions options = {}) {
        options.file = copied(std::string(AGENTIDP_BROKEN_PLUGINS) + "/ratelimit-" + name + ".so");
        return run(std::move(options));
    }
    void passes(const std::string& kind, std::size_t least) {
        CheckOptions options;
        options.file = copied(std::string(AGENTIDP_SCAFFOLDS) + "/" + kind + "-fresh-start.so");
        const Report report = run(std::move(options));
        CPPUNIT_ASSERT_MESSAGE(show(report, check::Format::Text), report.passed());
        CPPUNIT_ASSERT_MESSAGE(show(report, check::Format::Text), report.count(Verdict::Passed) >= least);
    }
    static void fails(const Report& report, const std::string& name, const std::string& detail) {
        for (const auto& line : report.lines)
            if (line.verdict == Verdict::Failed && line.name.find(name) != std::string::npos &&
                line.detail.find(detail) != std::string::npos)
                return;
        CPPUNIT_FAIL("no failure \"" + name + ": " + detail + "\" in\n" + show(report, check::Format::Text));
    }

    void passesTheKeysScaffold() { passes("keys", 30); }
    void passesTheRatelimitScaffold() { passes("ratelimit", 30); }
    void passesTheJobScaffold() { passes("job", 25); }
    void passesTheSecretsScaffold() { passes("secrets", 25); }
    void tellsThatThereIsNoNote() { fails(broken("nonote"), "carries the AgentIdP note", "no AgentIdP note"); }
    void tellsASecondExport() { fails(broken("twosymbols"), "exports one symbol", "agentidp_test_helper"); }
    void tellsAnotherMajor() { fails(broken("wrongmajor"), "carries the AgentIdP note", "it is of plugin ABI 2"); }
    void tellsALeakedThread() { fails(broken("leaksthread"), "has no thread after stop", "alive after stop"); }
    void tellsAThrowInCreate() { fails(broken("throwscreate"), "takes the smallest host", "threw an exception"); }
    void tellsWhereItHangs() {
        CheckOptions options;
        options.silence = base::milliseconds(2'000);
        fails(broken("hangsstart", options), "starts", "did not end within 2 s");
    }
    void tellsWhatCrashes() { fails(broken("failsstart"), "takes the smallest host", "ended by signal 11"); }
    void showsExceptionsAsWarnings() {
        CheckOptions options;
        options.exceptions.push_back({"exports one symbol", "our loader needs the other"});
        const Report report = broken("twosymbols", options);
        for (const auto& line : report.lines) {
            if (line.name != "exports one symbol") continue;
            CPPUNIT_ASSERT(line.verdict == Verdict::Warned);
            CPPUNIT_ASSERT(line.detail.find("(excepted: our loader needs the other)") != std::string::npos);
            return;
        }
        CPPUNIT_FAIL("the check did not run");
    }
    void refusesSettingsThatTheSchemaDoesNotKnow() {
        CheckOptions options;
        options.settings.emplace_back("colour", "red");
        fails(broken("slow", options), "has settings that its schema takes", "colour is unknown");
    }
    void showsEveryFormat() {
        const Report report{
            "x.so",
            {{"static", "a", Verdict::Passed, ""}, {"static", "b", Verdict::Failed, "why"}, {"border", "c", Verdict::Skipped, "no"}}};
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                "ok       static: a\nFAILED   static: b: why\nskipped  border: c: no\nx.so: 1 passed, 1 failed, 0 warnings, 1 skipped\n"),
            show(report, check::Format::Text));
        CPPUNIT_ASSERT_EQUAL(
            std::string("TAP version 13\n1..3\nok 1 - static: a\nnot ok 2 - static: b\n# why\nok 3 - border: c # SKIP no\n"),
            show(report, check::Format::Tap));
        const auto json = base::json::parse(show(report, check::Format::Json));
        CPPUNIT_ASSERT(json.ok());
        CPPUNIT_ASSERT(!*json->find("passed")->asBool());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, json->find("checks")->asArray()->size());
        for (const auto& line : report.lines) {
            const auto back = check::decode(check::encode(line));
            CPPUNIT_ASSERT(back.ok() && back->group == line.group && back->name == line.name && back->verdict == line.verdict &&
                           back->detail == line.detail);
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CheckerTest);

}  // namespace agentidp::plugin
