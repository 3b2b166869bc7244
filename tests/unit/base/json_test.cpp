/// JSON: what RFC 8259 demands (nst/JSONTestSuite), what we decided where it leaves a choice, and RFC 8785's numbers.
#include "base/json.h"

#include <cppunit/extensions/HelperMacros.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/text.h"
#include "support/skip.h"

namespace agentidp::base::json {

class JsonTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JsonTest);
    CPPUNIT_TEST(parsesWhatMustParse);
    CPPUNIT_TEST(refusesWhatMustBeRefused);
    CPPUNIT_TEST(keepsToItsDecisionsWhereThereIsAChoice);
    CPPUNIT_TEST(refusesDuplicateNamesAtAnyDepth);
    CPPUNIT_TEST(refusesDepthAndSizeOverTheBound);
    CPPUNIT_TEST(refusesForeignEncodings);
    CPPUNIT_TEST(neverQuotesItsInput);
    CPPUNIT_TEST(keepsMembersInOrder);
    CPPUNIT_TEST(tellsIntegersFromDoubles);
    CPPUNIT_TEST(writesNumbersAsRfc8785);
    CPPUNIT_TEST(writesWhatItReads);
    CPPUNIT_TEST(escapesAsRfc8785);
    CPPUNIT_TEST(escapesLinesForLogs);
    CPPUNIT_TEST(writesPrettyTextThatReadsTheSame);
    CPPUNIT_TEST(writerSeparatesMembers);
    CPPUNIT_TEST(readsMembersByName);
    CPPUNIT_TEST_SUITE_END();

    static std::vector<std::filesystem::path> vectors(std::string_view prefix) {
        std::vector<std::filesystem::path> files;
        const auto folder = tests::vectorsFolder();
        if (folder.empty()) return files;
        for (const auto& entry : std::filesystem::directory_iterator(folder + "/json/test_parsing"))
            if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
        CPPUNIT_ASSERT(!files.empty());
        return files;
    }
    static std::string contentOf(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    static bool parses(std::string_view text) { return parse(text).ok(); }
    static std::string rewritten(std::string_view text) { return write(*parse(text)); }

public:
    void parsesWhatMustParse() {
        // JSONTestSuite calls these valid because RFC 8259 section 4 only says names SHOULD be unique; we refuse them.
        const std::set<std::string> ours{"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"};
        const auto files = vectors("y_");
        if (files.empty()) return tests::skip("the public vectors are not here");
        for (const auto& file : files)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(file.filename().string(), !ours.contains(file.filename().string()), parses(contentOf(file)));
    }

    void refusesWhatMustBeRefused() {
        const auto files = vectors("n_");
        if (files.empty()) return tests::skip("the public vectors are not here");
        for (const auto& file : files) CPPUNIT_ASSERT_MESSAGE(file.filename().string(), !parses(contentOf(file)));
    }

    void keepsToItsDecisionsWhereThereIsAChoice() {
        // Accepted: integers too large for 64 bits (they become doubles) and numbers too small for a double (they become 0).
        // Refused: numbers too large for a double, everything that is not well-formed UTF-8 or pairs its surrogates wrongly,
        // byte order marks, and 500 nested arrays.
        const std::set<std::string> accepted{"i_number_double_huge_neg_exp.json", "i_number_real_underflow.json",
                                             "i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json",
                                             "i_number_very_big_negative_int.json"};
        const auto files = vectors("i_");
        if (files.empty()) return tests::skip("the public vectors are not here");
        for (const auto& file : files)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(file.filename().string(), accepted.contains(file.filename().string()), parses(contentOf(file)));
    }

    void refusesDuplicateNamesAtAnyDepth() {
        for (const auto* text : {R"({"a":1,"a":2})", R"({"a":1,"b":{"c":1,"c":1}})", R"([{"exp":1,"\u0065xp":2}])", R"({"":1,"":2})"})
            CPPUNIT_ASSERT_EQUAL(std::string("a member name occurs twice"), parse(text).error().hint);
        CPPUNIT_ASSERT(parses(R"({"a":{"a":1},"A":2})"));
    }

    void refusesDepthAndSizeOverTheBound() {
        const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
        CPPUNIT_ASSERT(parses(nested(32)));
        CPPUNIT_ASSERT_EQUAL(std::string("nested deeper than 32"), parse(nested(33)).error().hint);
        CPPUNIT_ASSERT(!parse(std::string(1'000'000, '[')).ok());
        CPPUNIT_ASSERT(parse(nested(33), {.depth = 33}).ok());
        CPPUNIT_ASSERT(parse("\"abc\"", {.bytes = 4}).error().code == Errc::TooLarge);
        CPPUNIT_ASSERT(parse("\"ab\"", {.bytes = 4}).ok());
    }

    void refusesForeignEncodings() {
        CPPUNIT_ASSERT_EQUAL(std::string("JSON text begins with a byte order mark"), parse("\xEF\xBB\xBF{}").error().hint);
        for (const auto text : {std::string_view("\"\xFF\""), std::string_view("\"\xC0\x80\""), std::string_view("\"\\ud800\""),
                                std::string_view("\"\\udc00\\ud800\""), std::string_view("\"a\0b\"", 5), std::string_view("{}\0", 3),
                                std::string_view("\0{}", 3), std::string_view("{} {}")})
            CPPUNIT_ASSERT(!parses(text));
        CPPUNIT_ASSERT_EQUAL(std::string("\xF0\x9D\x84\x9E"), *parse("\"\\ud834\\udd1e\"")->asText());
        CPPUNIT_ASSERT_EQUAL(std::string("a\0b", 3), *parse("\"a\\u0000b\"")->asText());
    }

    void neverQuotesItsInput() {
        for (const auto* text : {"hunter2", "{\"hunter2\":1,\"hunter2\":2}", "[\"hunter2", "{\"hunter2\" 1}"})
            CPPUNIT_ASSERT_EQUAL(std::string::npos, parse(text).error().hint.find("hunter2"));
    }

    void keepsMembersInOrder() {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"z":1,"a":{"y":2,"b":3},"__proto__":null})"),
                             rewritten(R"( { "z" : 1, "a" : {"y":2,"b":3}, "__proto__":null } )"));
    }

    void tellsIntegersFromDoubles() {
        CPPUNIT_ASSERT(parse("9223372036854775807")->asInt() != nullptr);
        CPPUNIT_ASSERT(parse("-9223372036854775808")->asInt() != nullptr);
        CPPUNIT_ASSERT(parse("9223372036854775808")->asDouble() != nullptr);
        CPPUNIT_ASSERT(parse("3.0")->asDouble() != nullptr);
        CPPUNIT_ASSERT(parse("1e2")->asDouble() != nullptr);
        CPPUNIT_ASSERT(parse("-0")->asText() == nullptr);
        for (const auto* text : {"1e400", "-1e400"})
            CPPUNIT_ASSERT_EQUAL(std::string("a number is out of range"), parse(text).error().hint);
    }

    void writesNumbersAsRfc8785() {
        // RFC 8785 appendix B.
        const std::pair<std::uint64_t, const char*> samples[] = {{0x0000000000000000, "0"},
                                                                 {0x8000000000000000, "0"},
                                                                 {0x0000000000000001, "5e-324"},
                                                                 {0x8000000000000001, "-5e-324"},
                                                                 {0x7fefffffffffffff, "1.7976931348623157e+308"},
                                                                 {0xffefffffffffffff, "-1.7976931348623157e+308"},
                                                                 {0x4340000000000000, "9007199254740992"},
                                                                 {0xc340000000000000, "-9007199254740992"},
                                                                 {0x4430000000000000, "295147905179352830000"},
                                                                 {0x44b52d02c7e14af5, "9.999999999999997e+22"},
                                                                 {0x44b52d02c7e14af6, "1e+23"},
                                                                 {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
                                                                 {0x444b1ae4d6e2ef4e, "999999999999999700000"},
                                                                 {0x444b1ae4d6e2ef4f, "999999999999999900000"},
                                                                 {0x444b1ae4d6e2ef50, "1e+21"},
                                                                 {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
                                                                 {0x3eb0c6f7a0b5ed8d, "0.000001"},
                                                                 {0x41b3de4355555553, "333333333.3333332"},
                                                                 {0x41b3de4355555554, "333333333.33333325"},
                                                                 {0x41b3de4355555555, "333333333.3333333"},
                                                                 {0x41b3de4355555556, "333333333.3333334"},
                                                                 {0x41b3de4355555557, "333333333.33333343"},
                                                                 {0xbecbf647612f3696, "-0.0000033333333333333333"},
                                                                 {0x43143ff3c1cb0959, "1424953923781206.2"}};
        for (const auto& [bits, text] : samples) CPPUNIT_ASSERT_EQUAL(std::string(text), ecmaNumber(std::bit_cast<double>(bits)));
        CPPUNIT_ASSERT_EQUAL(std::string("null"), ecmaNumber(std::bit_cast<double>(std::uint64_t{0x7fffffffffffffff})));
        CPPUNIT_ASSERT_EQUAL(std::string("null"), ecmaNumber(std::bit_cast<double>(std::uint64_t{0x7ff0000000000000})));
        CPPUNIT_ASSERT_EQUAL(std::string("[3,100,60.5,0.1,1e-7]"), rewritten("[3.0,1e2,60.50,0.1,0.0000001]"));
    }

    void writesWhatItReads() {
        for (const auto* text :
             {"null", "true", "[]", "{}", R"(["a",1,-2,0.5,[{}],{"b":[null,false]}])", R"("\u0000\u001f\"\\/")", R"("€𝄞")"}) {
            const auto once = rewritten(text);
            CPPUNIT_ASSERT(*parse(once) == *parse(text));
            CPPUNIT_ASSERT_EQUAL(once, rewritten(once));
        }
    }

    void escapesAsRfc8785() {
        std::string out;
        appendQuoted(out, std::string_view("\0\b\t\n\v\f\r\x1f\x7f\"\\/\xE2\x80\xA8\xC2\x85", 17));
        CPPUNIT_ASSERT_EQUAL(std::string("\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\\\"\\\\/\xE2\x80\xA8\xC2\x85\""), out);
    }

    void escapesLinesForLogs() {
        std::string out;
        appendQuoted(
            out, "a\x7f\xC2\x85\xC2\xA0\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAE\xE2\x80\xAF\xE2\x81\xA6\xEF\xBB\xBF\xEF\xBB\xBE",
            Escape::Lines);
        CPPUNIT_ASSERT_EQUAL(
            std::string("\"a\\u007f\\u0085\xC2\xA0\xE2\x80\xA7\\u2028\\u2029\\u202e\xE2\x80\xAF\\u2066\\ufeff\xEF\xBB\xBE\""), out);
        CPPUNIT_ASSERT(parse(out).ok());
        out.clear();
        appendQuoted(out, "\xE2\x80", Escape::Lines);  // cut short: never read past the end
        CPPUNIT_ASSERT_EQUAL(std::string("\"\xE2\x80\""), out);
    }

    void writesPrettyTextThatReadsTheSame() {
        const auto value = *parse(R"({"a":[1,{"b":[]}],"c":{}})");
        CPPUNIT_ASSERT(*parse(writePretty(value)) == value);
        CPPUNIT_ASSERT_EQUAL(std::string("{\n  \"a\": [\n    1\n  ]\n}"), writePretty(*parse(R"({"a":[1]})")));
    }

    void writerSeparatesMembers() {
        std::string out;
        Writer writer(out);
        writer.beginObject()
            .key("a")
            .number(1)
            .key("b")
            .beginArray()
            .text("x")
            .boolean(true)
            .null()
            .beginObject()
            .endObject()
            .endArray()
            .key("c")
            .raw("{}")
            .endObject();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1,"b":["x",true,null,{}],"c":{}})"), out);
    }

    void readsMembersByName() {
        const auto value = *parse(R"({"t":"x","n":5,"d":0.5})");
        CPPUNIT_ASSERT_EQUAL(std::string("x"), value.textOr("t", "-"));
        CPPUNIT_ASSERT_EQUAL(std::string("-"), value.textOr("n", "-"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, value.intOr("n", -1));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, value.intOr("d", -1));
        CPPUNIT_ASSERT(value.find("none") == nullptr);
        CPPUNIT_ASSERT(parse("[]")->find("a") == nullptr);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonTest);

}  // namespace agentidp::base::json
