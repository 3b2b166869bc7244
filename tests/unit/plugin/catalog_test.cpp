/// Every plugin that is wrong in one way is refused with a line of its own.
#include "plugin/catalog.h"

#include "bench.h"

namespace agentidp::plugin {

class CatalogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CatalogTest);
    CPPUNIT_TEST(saysWhereItLooked);
    CPPUNIT_TEST(refusesAPluginWithoutNoteBeforeItRuns);
    CPPUNIT_TEST(refusesAnotherMajor);
    CPPUNIT_TEST(refusesAnotherKind);
    CPPUNIT_TEST(refusesAPluginWithoutEntry);
    CPPUNIT_TEST(refusesAPluginThatLacksASymbol);
    CPPUNIT_TEST(refusesALieAboutASize);
    CPPUNIT_TEST(refusesALieAboutTheOperations);
    CPPUNIT_TEST(refusesAnotherName);
    CPPUNIT_TEST(refusesABadSchema);
    CPPUNIT_TEST(refusesUnknownSettings);
    CPPUNIT_TEST(tellsWhyAPluginRefusesItsSettings);
    CPPUNIT_TEST(survivesAThrowInCreate);
    CPPUNIT_TEST(destroysWhatCouldNotStart);
    CPPUNIT_TEST(givesUpOnAStartThatHangs);
    CPPUNIT_TEST(refusesAFileThatOthersMayWrite);
    CPPUNIT_TEST(comparesTheFingerprint);
    CPPUNIT_TEST(demandsAFingerprintWherePinned);
    CPPUNIT_TEST(refusesASecondOfAKind);
    CPPUNIT_TEST(countsWhatIsMissing);
    CPPUNIT_TEST(refusesNamesThatAreNone);
    CPPUNIT_TEST(answersTheFirstFolderThatHasIt);
    CPPUNIT_TEST(translatesWhatABadPluginAnswers);
    CPPUNIT_TEST(listsAFolderWithoutRunningIt);
    CPPUNIT_TEST_SUITE_END();

    Bench bench_;

    void saysWhereItLooked() {
        Catalog catalog(bench_.settings, bench_.offers());
        const auto added = catalog.add(Bench::ratelimit("none"));
        assertHolds(added.error().hint, "step 1, find: no ratelimit-none.so in " + bench_.folder.path());
    }
    void refusesAPluginWithoutNoteBeforeItRuns() { assertHolds(bench_.refusal("nonote"), "step 4, note"); }
    void refusesAnotherMajor() { assertHolds(bench_.refusal("wrongmajor"), "it was built for plugin ABI 2, this daemon's is 1"); }
    void refusesAnotherKind() { assertHolds(bench_.refusal("wrongkind"), "it is a keys plugin by its note"); }
    void refusesAPluginWithoutEntry() { assertHolds(bench_.refusal("nosymbol"), "step 5, load"); }
    void refusesAPluginThatLacksASymbol() {
        const std::string told = bench_.refusal("unresolved");
        assertHolds(told, "step 5, load");
        assertHolds(told, "agentidp_test_nobody_offers_this");
    }
    void refusesALieAboutASize() { assertHolds(bench_.refusal("liessize"), "its descriptor says it has 16 bytes"); }
    void refusesALieAboutTheOperations() { assertHolds(bench_.refusal("liesops"), "its table of operations is not a ratelimit plugin's"); }
    void refusesAnotherName() {
        assertHolds(bench_.refusal("wrongname"), "it calls itself \"ratelimit-memory\", the file is called \"ratelimit-wrongname\"");
    }
    void refusesABadSchema() { assertHolds(bench_.refusal("badschema"), "its settings schema is wrong: \"rate\" has no known type"); }
    void refusesUnknownSettings() {
        assertHolds(bench_.refusal("refusessettings", {{"shard", "4"}}),
                    "plugins.ratelimit-refusessettings.shard is unknown; did you mean shards?");
    }
    void tellsWhyAPluginRefusesItsSettings() {
        assertHolds(bench_.refusal("refusessettings"),
                    "step 8, start: " + bench_.folder.path() + "/ratelimit-refusessettings.so: create: shards must be a power of two");
    }
    void survivesAThrowInCreate() { assertHolds(bench_.refusal("throwscreate"), "create: it threw an exception"); }
    void destroysWhatCouldNotStart() {
        assertHolds(bench_.refusal("failsstart"), "start: the backend is not there");
        CPPUNIT_ASSERT(!std::filesystem::exists(bench_.data.path("held")));
    }
    void givesUpOnAStartThatHangs() {
        bench_.settings.limits.startWithin = base::milliseconds(50);
        bench_.install("hangsstart");
        Catalog catalog(bench_.settings, bench_.offers());
        const auto added = catalog.add(Bench::ratelimit("hangsstart"));
        CPPUNIT_ASSERT(!added.ok());
        CPPUNIT_ASSERT(added.error().code == base::Errc::Deadline);
        assertHolds(added.error().hint, "start: it did not return within 50 ms");
    }
    void refusesAFileThatOthersMayWrite() {
        chmod(bench_.install("slow").c_str(), 0777);
        Catalog catalog(bench_.settings, bench_.offers());
        assertHolds(catalog.add(Bench::ratelimit("slow")).error().hint, "step 2, trust");
    }
    void comparesTheFingerprint() {
        bench_.install("slow");
        Catalog catalog(bench_.settings, bench_.offers());
        const auto refused = catalog.add(Bench::ratelimit("slow", {{"sha256", std::string(64, 'a')}}));
        assertHolds(refused.error().hint, "step 3, fingerprint");
        const std::string actual = listPlugins(bench_.folder.path()).front().sha256;
        const auto taken = catalog.add(Bench::ratelimit("slow", {{"sha256", actual}}));
        CPPUNIT_ASSERT(taken.ok());
        CPPUNIT_ASSERT_EQUAL(actual, taken->sha256);
    }
    void demandsAFingerprintWherePinned() {
        bench_.settings.trust = Trust::Pinned;
        assertHolds(bench_.refusal("slow"), "plugins.ratelimit-slow.sha256 is not given; the file's is ");
    }
    void refusesASecondOfAKind() {
        bench_.install("slow");
        bench_.install("badanswers");
        Catalog catalog(bench_.settings, bench_.offers());
        CPPUNIT_ASSERT(catalog.add(Bench::ratelimit("slow")).ok());
        assertHolds(catalog.add(Bench::ratelimit("badanswers")).error().hint, "ratelimit-badanswers is one ratelimit plugin too many");
    }
    void countsWhatIsMissing() {
        bench_.install("slow");
        Catalog catalog(bench_.settings, bench_.offers());
        CPPUNIT_ASSERT(catalog.add(Bench::ratelimit("slow")).ok());
        assertHolds(catalog.complete().error().hint, "no storage plugin is loaded; name one in storage.plugin");
    }
    void refusesNamesThatAreNone() {
        Catalog catalog(bench_.settings, bench_.offers());
        for (const auto* name : {"", "../x", "A", "a/b", "a-", "-a", "a--b", "1a"})
            CPPUNIT_ASSERT(catalog.add(Bench::ratelimit(name)).error().code == base::Errc::Invalid);
    }
    void answersTheFirstFolderThatHasIt() {
        bench_.install("slow");
        const tests::TempFolder empty;
        bench_.settings.path = {empty.path("not/there"), empty.path(), bench_.folder.path()};
        Catalog catalog(bench_.settings, bench_.offers());
        const auto added = catalog.add(Bench::ratelimit("slow"));
        CPPUNIT_ASSERT(added.ok());
        CPPUNIT_ASSERT_EQUAL(bench_.folder.path("ratelimit-slow.so"), added->file);
        CPPUNIT_ASSERT_EQUAL(std::string("AgentIdP tests"), added->vendor);
    }
    void translatesWhatABadPluginAnswers() {
        bench_.install("badanswers");
        Catalog catalog(bench_.settings, bench_.offers());
        CPPUNIT_ASSERT(catalog.add(Bench::ratelimit("badanswers")).ok());
        const auto error = [&](const char* how) {
            const auto taken = catalog.rateLimiter().take(how, 10, base::seconds(60), 1, callWithin(bench_.clock, base::seconds(5)));
            CPPUNIT_ASSERT_MESSAGE(how, !taken.ok());
            return taken.error();
        };
        for (const auto* how : {"throws", "unknown status", "more than all", "other limit", "allowed twice"})
            CPPUNIT_ASSERT_MESSAGE(how, error(how).code == base::Errc::Internal);
        CPPUNIT_ASSERT(bench_.log.has("PLUGIN_THREW plugin=ratelimit-badanswers operation=take"));
        CPPUNIT_ASSERT(bench_.log.has("PLUGIN_BROKE_PROMISE plugin=ratelimit-badanswers operation=take"));
        assertHolds(error("unknown status").detail, "4711");
        CPPUNIT_ASSERT(error("unterminated").code == base::Errc::Unavailable);
        CPPUNIT_ASSERT_EQUAL(sizeof(aip_error::public_msg), error("unterminated").hint.size());
        CPPUNIT_ASSERT_EQUAL(std::string("denied"), error("not utf-8").hint);
        CPPUNIT_ASSERT(catalog.rateLimiter().take("well", 10, base::seconds(60), 1, callWithin(bench_.clock, base::seconds(5))).ok());
    }
    void listsAFolderWithoutRunningIt() {
        bench_.install("nonote");
        bench_.install("slow");
        (void)bench_.folder.write("notes.txt", "x");
        const auto found = listPlugins(bench_.folder.path());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, found.size());
        assertHolds(found[0].problem, "no AgentIdP note");
        CPPUNIT_ASSERT_EQUAL(std::string("ratelimit-slow"), found[1].plugin);
        CPPUNIT_ASSERT_EQUAL(std::string(), found[1].problem);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CatalogTest);

}  // namespace agentidp::plugin
