/// The configuration file's syntax: what Poco would read, and what it would misread silently.
#include "config/property_file.h"

#include <cppunit/extensions/HelperMacros.h>

namespace agentidp::config {

class PropertyFileTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PropertyFileTest);
    CPPUNIT_TEST(readsKeysValuesAndLines);
    CPPUNIT_TEST(readsEscapesAndJoinedLines);
    CPPUNIT_TEST(readsCrlfAsLf);
    CPPUNIT_TEST(keepsWhatIsNoComment);
    CPPUNIT_TEST(refusesDuplicatesWithBothLines);
    CPPUNIT_TEST(refusesLinesThatAreNoSettings);
    CPPUNIT_TEST(refusesSingleBackslashes);
    CPPUNIT_TEST(refusesWhatPocoWouldExpand);
    CPPUNIT_TEST(refusesForeignEncodings);
    CPPUNIT_TEST(findsEveryProblem);
    CPPUNIT_TEST(readsAnEmptyFile);
    CPPUNIT_TEST_SUITE_END();

    static std::string only(std::string_view text) {
        const auto read = parseProperties(text);
        CPPUNIT_ASSERT_MESSAGE(read.problems.empty() ? "" : read.problems[0].text, read.problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, read.entries.size());
        return read.entries[0].key + "|" + read.entries[0].value;
    }
    static std::string problemOf(std::string_view text) {
        const auto read = parseProperties(text);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, read.problems.size());
        return std::to_string(read.problems[0].line) + " " + read.problems[0].text;
    }

public:
    void readsKeysValuesAndLines() {
        const auto read = parseProperties("# first\n! second\n\n  a.b-c_D = 1 \nb:2\nc =\n");
        CPPUNIT_ASSERT(read.problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, read.entries.size());
        CPPUNIT_ASSERT_EQUAL(std::string("a.b-c_D"), read.entries[0].key);
        CPPUNIT_ASSERT_EQUAL(std::string("1"), read.entries[0].value);
        CPPUNIT_ASSERT_EQUAL(4, read.entries[0].line);
        CPPUNIT_ASSERT_EQUAL(std::string("2"), read.entries[1].value);
        CPPUNIT_ASSERT_EQUAL(std::string(), read.entries[2].value);
        CPPUNIT_ASSERT_EQUAL(6, read.entries[2].line);
    }

    void readsEscapesAndJoinedLines() {
        CPPUNIT_ASSERT_EQUAL(std::string("a|C:\\x\tb\nc"), only("a = C:\\\\x\\tb\\nc"));
        CPPUNIT_ASSERT_EQUAL(std::string("a|one,two,three"), only("a = one,\\\n    two,\\\n  three"));
        const auto read = parseProperties("a = 1\\\n2\nb = 3");
        CPPUNIT_ASSERT_EQUAL(3, read.entries.at(1).line);
    }

    void readsCrlfAsLf() {
        const auto read = parseProperties("a = 1\r\nb = 2\\\r\n3\r\n");
        CPPUNIT_ASSERT(read.problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("1"), read.entries.at(0).value);
        CPPUNIT_ASSERT_EQUAL(std::string("23"), read.entries.at(1).value);
    }

    void keepsWhatIsNoComment() {
        CPPUNIT_ASSERT_EQUAL(std::string("a|b # c"), only("a = b # c"));
        CPPUNIT_ASSERT_EQUAL(std::string("a|b=c:d"), only("a = b=c:d"));
        CPPUNIT_ASSERT_EQUAL(std::string("a|caf\xC3\xA9"), only("a = caf\xC3\xA9"));
    }

    void refusesDuplicatesWithBothLines() {
        CPPUNIT_ASSERT_EQUAL(std::string("3 a: already set in line 1"), problemOf("a = 1\nb = 2\na = 3\n"));
        const auto read = parseProperties("a = 1\na = 2\n");
        CPPUNIT_ASSERT_EQUAL(std::string("1"), read.entries.at(0).value);
    }

    void refusesLinesThatAreNoSettings() {
        for (const auto* text : {"just words", "= value", "a b = 1", "a$ = 1", "[section]", "\xC3\xA9 = 1"})
            CPPUNIT_ASSERT_EQUAL(std::string("1 must be `key = value`, or a comment that begins with #"), problemOf(text));
    }

    void refusesSingleBackslashes() {
        CPPUNIT_ASSERT_EQUAL(std::string("1 a: a backslash is written \\\\ here"), problemOf("a = C:\\data"));
        CPPUNIT_ASSERT_EQUAL(std::string("1 a: the last line ends in a backslash"), problemOf("a = 1\\"));
        CPPUNIT_ASSERT(parseProperties("a = C:\\data").entries.empty());
    }

    void refusesWhatPocoWouldExpand() {
        CPPUNIT_ASSERT_EQUAL(std::string("1 a: ${...} is not expanded here; write the value out"), problemOf("a = ${b}"));
    }

    void refusesForeignEncodings() {
        CPPUNIT_ASSERT_EQUAL(std::string("1 the file begins with a byte order mark; save it as UTF-8 without one"), problemOf("\xEF\xBB\xBF"
                                                                                                                              "a = 1"));
        CPPUNIT_ASSERT_EQUAL(std::string("0 the file is not UTF-8"), problemOf("a = caf\xE9"));
        CPPUNIT_ASSERT_EQUAL(std::string("0 the file holds a NUL"), problemOf(std::string_view("a = 1\0", 6)));
    }

    void findsEveryProblem() {
        const auto read = parseProperties("oops\na = \\q\nb = 1\nb = 2\nc = 3\n");
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, read.problems.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, read.entries.size());
    }

    void readsAnEmptyFile() {
        for (const auto* text : {"", "\n", "\r\n", "# only a comment"}) {
            CPPUNIT_ASSERT(parseProperties(text).entries.empty());
            CPPUNIT_ASSERT(parseProperties(text).problems.empty());
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PropertyFileTest);

}  // namespace agentidp::config
