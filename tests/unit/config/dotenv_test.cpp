/// --env-file: dotenv as compose, Docker and Node write it, read strictly.
#include "config/dotenv.h"

#include <cppunit/extensions/HelperMacros.h>

namespace agentidp::config {

class DotenvTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DotenvTest);
    CPPUNIT_TEST(readsPlainLines);
    CPPUNIT_TEST(readsQuotes);
    CPPUNIT_TEST(readsKeysOverSeveralLines);
    CPPUNIT_TEST(expandsNothing);
    CPPUNIT_TEST(readsCrlf);
    CPPUNIT_TEST(refusesWhatIsAmbiguous);
    CPPUNIT_TEST(neverQuotesValuesInProblems);
    CPPUNIT_TEST(saysTheLine);
    CPPUNIT_TEST_SUITE_END();

    static std::string valueOf(std::string_view text) {
        const auto read = parseDotenv(text);
        CPPUNIT_ASSERT_MESSAGE(read.problems.empty() ? "" : read.problems[0].text, read.problems.empty());
        return read.variables.at("A");
    }

public:
    void readsPlainLines() {
        CPPUNIT_ASSERT_EQUAL(std::string("b"), valueOf("A=b"));
        CPPUNIT_ASSERT_EQUAL(std::string("b c"), valueOf("# x\n\n  export A = b c   # why\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("b#c"), valueOf("A=b#c"));
        CPPUNIT_ASSERT_EQUAL(std::string(), valueOf("A="));
        CPPUNIT_ASSERT_EQUAL(std::string(), valueOf("A=  # nothing"));
        CPPUNIT_ASSERT_EQUAL(std::string("postgresql://u:p=w@h:5432/d?x=y"), valueOf("A=postgresql://u:p=w@h:5432/d?x=y"));
    }

    void readsQuotes() {
        CPPUNIT_ASSERT_EQUAL(std::string(" b # c "), valueOf("A=' b # c '"));
        CPPUNIT_ASSERT_EQUAL(std::string("b\\n"), valueOf("A='b\\n'"));
        CPPUNIT_ASSERT_EQUAL(std::string("b\n\t\"\\$c"), valueOf("A=\"b\\n\\t\\\"\\\\\\$c\"   # why"));
        CPPUNIT_ASSERT_EQUAL(std::string(), valueOf("A=''"));
    }

    void readsKeysOverSeveralLines() {
        const auto read = parseDotenv("A=\"-----BEGIN\nabc\n-----END\n\"\nB=2\n");
        CPPUNIT_ASSERT(read.problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("-----BEGIN\nabc\n-----END\n"), read.variables.at("A"));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), read.variables.at("B"));
    }

    void expandsNothing() { CPPUNIT_ASSERT_EQUAL(std::string("${HOME}$(id)`id`"), valueOf("A=${HOME}$(id)`id`")); }

    void readsCrlf() {
        const auto read = parseDotenv("A=1\r\n\r\n# c\r\nB=\"x\r\ny\"\r\nC='z'\r\n");
        CPPUNIT_ASSERT(read.problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("1"), read.variables.at("A"));
        CPPUNIT_ASSERT_EQUAL(std::string("x\ny"), read.variables.at("B"));
        CPPUNIT_ASSERT_EQUAL(std::string("z"), read.variables.at("C"));
    }

    void refusesWhatIsAmbiguous() {
        for (const auto* text : {"A", "1A=b", "A B=c", "=b", "A-B=c", "A='b", "A=\"b", "A='b'c", "A=\"\\q\"", "A=1\nA=2",
                                 "\xEF\xBB\xBF"
                                 "A=1",
                                 "A=\xE9"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::size_t{1}, parseDotenv(text).problems.size());
    }

    void neverQuotesValuesInProblems() {
        for (const auto* text : {"A='hunter2", "A=\"hunter2\\q\"", "A='hunter2'hunter2", "hunter2", "A=hunter2\nA=hunter2"})
            for (const auto& problem : parseDotenv(text).problems) CPPUNIT_ASSERT_EQUAL(std::string::npos, problem.text.find("hunter2"));
    }

    void saysTheLine() {
        const auto read = parseDotenv("A=\"1\n2\"\n\nB\n'C'=3\n");
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, read.problems.size());
        CPPUNIT_ASSERT_EQUAL(4, read.problems[0].line);
        CPPUNIT_ASSERT_EQUAL(5, read.problems[1].line);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DotenvTest);

}  // namespace agentidp::config
