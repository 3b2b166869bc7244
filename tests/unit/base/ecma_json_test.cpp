/// JSON as ECMAScript reads and writes it. The expected texts were printed by node 20; tests/flows/checks/macp_ecmascript.py asks node
/// anew.
#include "base/ecma_json.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "support/skip.h"

namespace agentidp::base::json {

class EcmaJsonTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EcmaJsonTest);
    CPPUNIT_TEST(rewritesNumbersAsNodeDoes);
    CPPUNIT_TEST(takesNumbersOfAnyLength);
    CPPUNIT_TEST(putsIntegerLikeNamesFirst);
    CPPUNIT_TEST(keepsProto);
    CPPUNIT_TEST(keepsLoneSurrogatesAndJoinsPairs);
    CPPUNIT_TEST(escapesWhatStringifyEscapes);
    CPPUNIT_TEST(refusesWhatJsonParseRefuses);
    CPPUNIT_TEST(refusesWhatIsOurDifference);
    CPPUNIT_TEST(holdsItsBounds);
    CPPUNIT_TEST(agreesWithTheTestSuite);
    CPPUNIT_TEST(knowsEveryBlank);
    CPPUNIT_TEST(makesTextsWellFormed);
    CPPUNIT_TEST_SUITE_END();

    static constexpr Limits kLimits{1U << 20U, 1000};

    static std::string rewritten(std::string_view text) {
        const auto value = parseEcma(text, kLimits);
        return value ? writeEcma(*value) : "refused: " + value.error().hint;
    }
    static bool parses(std::string_view text) { return parseEcma(text, kLimits).ok(); }

public:
    void rewritesNumbersAsNodeDoes() {
        const std::pair<std::string_view, std::string_view> cases[] = {
            {"1e21", "1e+21"},
            {"1e-7", "1e-7"},
            {"5e-324", "5e-324"},
            {"-0", "0"},
            {"-0.0", "0"},
            {"0.1", "0.1"},
            {"123456789012345680000", "123456789012345680000"},
            {"9007199254740992", "9007199254740992"},
            {"9007199254740993", "9007199254740992"},
            {"3.0", "3"},
            {"1e2", "100"},
            {"1E+2", "100"},
            {"100000000000000000000", "100000000000000000000"},
            {"999999999999999900000", "999999999999999900000"},
            {"1e400", "null"},
            {"-1e400", "null"},
            {"1e-400", "0"},
            {"2.5e-324", "5e-324"},
            {"2.4e-324", "0"},
            {"1.7976931348623157e308", "1.7976931348623157e+308"},
            {"1.7976931348623159e308", "null"},
            {"0.000001", "0.000001"},
            {"0.0000001", "1e-7"},
            {"123e-20", "1.23e-18"},
            {"4.35", "4.35"},
            {"60.5", "60.5"},
            {"-1.5e-9", "-1.5e-9"},
            {"18446744073709551615", "18446744073709552000"},
            {"18446744073709551616", "18446744073709552000"},
            {"-9223372036854775809", "-9223372036854776000"},
            {"0.1e1", "1"},
            {"333333333.33333329", "333333333.3333333"},
            {"1e23", "1e+23"},
            {"9.5e-7", "9.5e-7"},
            {"0e999999999999", "0"},
            {"1e-99999999999999999999", "0"},
            {"1e99999999999999999999", "null"},
        };
        for (const auto& [text, expected] : cases) CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(text), std::string(expected), rewritten(text));
    }

    void takesNumbersOfAnyLength() {
        const std::string zeros(400, '0');
        CPPUNIT_ASSERT_EQUAL(std::string("0"), rewritten("0." + zeros + "1"));
        CPPUNIT_ASSERT_EQUAL(std::string("null"), rewritten("1" + zeros));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), rewritten("1" + zeros + "e-400"));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), rewritten("0." + zeros + "1e401"));
    }

    void putsIntegerLikeNamesFirst() {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"0":9,"9":2,"10":1,"4294967294":4,"b":1,"01":3,"4294967295":5,"-1":6,"1.5":7,"a":8})"),
                             rewritten(R"({"b":1,"10":1,"9":2,"01":3,"4294967294":4,"4294967295":5,"-1":6,"1.5":7,"a":8,"0":9})"));
        CPPUNIT_ASSERT_EQUAL(std::string(R"([{"x":{"1":0,"2":0,"a":0}}])"), rewritten(R"([{"x":{"a":0,"2":0,"1":0}}])"));
    }

    void keepsProto() {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"__proto__":{"x":1},"constructor":2})"),
                             rewritten(R"({"__proto__":{"x":1},"constructor":2})"));
    }

    void keepsLoneSurrogatesAndJoinsPairs() {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"\ud800":"\udc00 )") + "\xF0\x9F\x98\x80" + R"( \ud83d)" + "\xF0\x9F\x98\x80" + R"("})",
                             rewritten(R"({"\ud800":"\udc00 \ud83d\ude00 \ud83d\ud83d\ude00"})"));
        CPPUNIT_ASSERT_EQUAL(std::string("\"\xED\x9F\xBF\xEE\x80\x80\""), rewritten(R"("\ud7ff\ue000")"));
        CPPUNIT_ASSERT_EQUAL(std::string(R"("\udbffA")"), rewritten(R"("\uDBFF\u0041")"));
        CPPUNIT_ASSERT(!parses(R"({"\ud800":1,"\uD800":2})"));
    }

    void escapesWhatStringifyEscapes() {
        CPPUNIT_ASSERT_EQUAL(std::string("\"\x7F\xE2\x80\xA8\\u0000\\u001f//\\b\\f\\n\\r\\t\\\"\\\\\""),
                             rewritten(R"("\u007f\u2028\u0000\u001f/\/\b\f\n\r\t\"\\")"));
    }

    void refusesWhatJsonParseRefuses() {
        for (const auto* text :
             {"",       " ",   "{",    "[1,]",  "{\"a\":1,}", "01",      "1.",        ".5",          "+1",          "-",
              "1e",     "nul", "True", "'a'",   "{a:1}",      "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"", "\"a",
              "\"\n\"", "1 2", "{} x", "[1 2]", "{\"a\" 1}",  "//",      "NaN",       "\v1"})
            CPPUNIT_ASSERT_MESSAGE(text, !parses(text));
        CPPUNIT_ASSERT(!parses(std::string_view("1\0", 2)));
        CPPUNIT_ASSERT(!parses(std::string_view("\"\0\"", 3)));
        CPPUNIT_ASSERT_EQUAL(std::string("[null,true,false]"), rewritten(" [ null , true,false\t]\r\n"));
    }

    void refusesWhatIsOurDifference() {
        CPPUNIT_ASSERT(!parses(R"({"a":1,"a":1})"));
        CPPUNIT_ASSERT(!parses(R"([{"a":1,"\u0061":1}])"));
        CPPUNIT_ASSERT(!parses("\xEF\xBB\xBF{}"));
        CPPUNIT_ASSERT(!parses("\"\xED\xA0\x80\""));
        CPPUNIT_ASSERT(!parses("\"\xC0\x80\""));
        CPPUNIT_ASSERT(!parses("\"\xFF\""));
    }

    void holdsItsBounds() {
        const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
        CPPUNIT_ASSERT(parses(nested(1000)));
        CPPUNIT_ASSERT(!parses(nested(1001)));
        CPPUNIT_ASSERT(!parses(std::string(100000, '[')));
        CPPUNIT_ASSERT(parseEcma("[1]", {2, 4}).error().code == Errc::TooLarge);
    }

    void agreesWithTheTestSuite() {
        const auto folder = tests::vectorsFolder();
        if (folder.empty()) return tests::skip("the public vectors are not here");
        for (const auto& entry : std::filesystem::directory_iterator(folder + "/json/test_parsing")) {
            const auto name = entry.path().filename().string();
            std::ifstream in(entry.path(), std::ios::binary);
            const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
            // Where RFC 8259 leaves a choice, ECMAScript takes every number, lone surrogates and 500 arrays; foreign encodings are ours to
            // refuse.
            bool expected = name.starts_with("y_") && !name.starts_with("y_object_duplicated_key");
            if (name.starts_with("i_")) expected = isUtf8(text) && !text.starts_with("\xEF\xBB\xBF");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, expected, parses(text));
        }
    }

    void knowsEveryBlank() {
        CPPUNIT_ASSERT(isEcmaBlank(""));
        std::size_t blanks = 0;
        for (std::uint32_t unit = 1; unit < 0x10000; ++unit) {
            if (unit >= 0xD800 && unit <= 0xDFFF) continue;
            constexpr std::string_view kHex = "0123456789abcdef";
            std::string escaped = "\"\\u";
            for (const unsigned shift : {12U, 8U, 4U, 0U}) escaped.push_back(kHex[(unit >> shift) & 15U]);
            if (isEcmaBlank(*parseEcma(escaped + "\"", kLimits)->asText())) ++blanks;
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{25}, blanks);
        CPPUNIT_ASSERT(isEcmaBlank(" \t\n\v\f\r\xC2\xA0\xEF\xBB\xBF\xE2\x80\xA8\xE3\x80\x80"));
        CPPUNIT_ASSERT(!isEcmaBlank("\xE2\x80\x8B"));  // ZERO WIDTH SPACE
        CPPUNIT_ASSERT(!isEcmaBlank("\xC2\x85"));      // NEXT LINE
        CPPUNIT_ASSERT(!isEcmaBlank(" a "));
    }

    void makesTextsWellFormed() {
        CPPUNIT_ASSERT_EQUAL(std::string("a\xEF\xBF\xBD\xF0\x9F\x98\x80"), wellFormed("a\xED\xA0\xBD\xF0\x9F\x98\x80"));
        CPPUNIT_ASSERT_EQUAL(std::string("\xED\x9F\xBF"), wellFormed("\xED\x9F\xBF"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EcmaJsonTest);

}  // namespace agentidp::base::json
