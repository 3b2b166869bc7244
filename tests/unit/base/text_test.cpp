/// Conversions between text and values: each decoder takes exactly what its encoder writes.
#include "base/text.h"

#include <cppunit/extensions/HelperMacros.h>

#include <limits>

#include "base/ids.h"

namespace agentidp::base {

class TextTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TextTest);
    CPPUNIT_TEST(writesHex);
    CPPUNIT_TEST(encodesBase64AsRfc4648);
    CPPUNIT_TEST(decodesBase64Strictly);
    CPPUNIT_TEST(base64ReadsWhatItWrites);
    CPPUNIT_TEST(decodesForms);
    CPPUNIT_TEST(encodesPercent);
    CPPUNIT_TEST(knowsUtf8);
    CPPUNIT_TEST(writesRfc3339);
    CPPUNIT_TEST(readsRfc3339);
    CPPUNIT_TEST(refusesOtherTimes);
    CPPUNIT_TEST(parsesIntegersStrictly);
    CPPUNIT_TEST(splitsJoinsAndTrims);
    CPPUNIT_TEST(foldsAsciiOnly);
    CPPUNIT_TEST(suggestsTheNearest);
    CPPUNIT_TEST_SUITE_END();

    static std::string text(const std::optional<Bytes>& bytes) { return bytes ? std::string(textOf(*bytes)) : "(refused)"; }

public:
    void writesHex() {
        CPPUNIT_ASSERT_EQUAL(std::string("00ff7f"), hex(Bytes{0, 255, 127}));
        CPPUNIT_ASSERT((Bytes{0, 255, 127} == unhex("00fF7f")));
        for (const auto* wrong : {"0", "0g", "0 ", "0x00"}) CPPUNIT_ASSERT(!unhex(wrong));
        CPPUNIT_ASSERT(unhex("")->empty());
    }

    void encodesBase64AsRfc4648() {
        const std::pair<const char*, const char*> samples[] = {
            {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
        for (const auto& [plain, coded] : samples) {
            std::string unpadded = coded;
            while (!unpadded.empty() && unpadded.back() == '=') unpadded.pop_back();
            CPPUNIT_ASSERT_EQUAL(std::string(coded), base64(bytesOf(plain)));
            CPPUNIT_ASSERT_EQUAL(unpadded, base64url(bytesOf(plain)));
            CPPUNIT_ASSERT_EQUAL(std::string(plain), text(unbase64(coded)));
            CPPUNIT_ASSERT_EQUAL(std::string(plain), text(unbase64url(unpadded)));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("--__"), base64url(Bytes{0xFB, 0xEF, 0xFF}));
        CPPUNIT_ASSERT_EQUAL(std::string("++//"), base64(Bytes{0xFB, 0xEF, 0xFF}));
        std::string out = "x.";
        appendBase64url(out, bytesOf("foo"));
        CPPUNIT_ASSERT_EQUAL(std::string("x.Zm9v"), out);
    }

    void decodesBase64Strictly() {
        for (const auto* wrong : {"Z", "Zg==", "Zg=", "Zh", "Zm9", "Zm9v=", "Zm 9", "Zm9v\n", "Zm+v", "Zm/v", "Zm9vY"}) {
            if (std::string_view(wrong) == "Zm9") continue;
            CPPUNIT_ASSERT_MESSAGE(wrong, !unbase64url(wrong));
        }
        CPPUNIT_ASSERT_MESSAGE("trailing bits", !unbase64url("Zm9"));
        for (const auto* wrong :
             {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "=Zg=", "Zm-v", "Zm_v", "Zg== ", "Zm9v=", "Zm9v===="})
            CPPUNIT_ASSERT_MESSAGE(wrong, !unbase64(wrong));
        CPPUNIT_ASSERT(!unbase64url(std::string_view("Zm\0v", 4)));
        CPPUNIT_ASSERT(!unbase64url("Zm\xFFv"));
    }

    void base64ReadsWhatItWrites() {
        for (std::size_t size = 0; size < 100; ++size) {
            Bytes bytes(size);
            fillRandom(bytes);
            CPPUNIT_ASSERT(bytes == unbase64url(base64url(bytes)));
            CPPUNIT_ASSERT(bytes == unbase64(base64(bytes)));
            CPPUNIT_ASSERT(bytes == unhex(hex(bytes)));
        }
    }

    void decodesForms() {
        CPPUNIT_ASSERT_EQUAL(std::string("a b+c%"), *formDecode("a+b%2Bc%25"));
        CPPUNIT_ASSERT_EQUAL(std::string("a+b"), *percentDecode("a+b"));
        CPPUNIT_ASSERT_EQUAL(std::string("\0", 1), *percentDecode("%00"));
        for (const auto* wrong : {"%", "%1", "%g1", "%1g", "a%", "%%20"}) {
            CPPUNIT_ASSERT_MESSAGE(wrong, !formDecode(wrong));
            CPPUNIT_ASSERT_MESSAGE(wrong, !percentDecode(wrong));
        }
    }

    void encodesPercent() {
        CPPUNIT_ASSERT_EQUAL(std::string("aZ09-._~%20%2B%2F%25%C3%A9"), percentEncode("aZ09-._~ +/%\xC3\xA9"));
        CPPUNIT_ASSERT_EQUAL(std::string("%00%FF"), percentEncode(std::string_view("\0\xFF", 2)));
    }

    void knowsUtf8() {
        for (const auto* right : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                                  "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
            CPPUNIT_ASSERT(isUtf8(right));
        for (const auto* wrong :
             {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x80",
              "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "a\xE2\x82"})
            CPPUNIT_ASSERT(!isUtf8(wrong));
    }

    void writesRfc3339() {
        CPPUNIT_ASSERT_EQUAL(std::string("1970-01-01T00:00:00.000000Z"), rfc3339(fromMicros(0)));
        CPPUNIT_ASSERT_EQUAL(std::string("2024-02-29T23:59:59.999999Z"), rfc3339(fromMicros(1'709'251'199'999'999)));
        CPPUNIT_ASSERT_EQUAL(std::string("9999-12-31T23:59:59.000000Z"), rfc3339(fromMicros(253'402'300'799'000'000)));
    }

    void readsRfc3339() {
        const auto micros = [](std::string_view text) {
            const auto at = parseRfc3339(text);
            CPPUNIT_ASSERT_MESSAGE(std::string(text), at.has_value());
            return microsOf(*at);
        };
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, micros("1970-01-01T00:00:00Z"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{500'000}, micros("1970-01-01t00:00:00.5z"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{123'456}, micros("1970-01-01T00:00:00.123456789Z"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, micros("1970-01-01T05:30:00+05:30"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3'600'000'000}, micros("1970-01-01T00:00:00-01:00"));
        for (const std::int64_t at :
             {std::int64_t{1}, std::int64_t{951'782'400'000'000}, std::int64_t{1'790'000'000'123'456}, std::int64_t{4'102'444'800'000'000}})
            CPPUNIT_ASSERT_EQUAL(at, micros(rfc3339(fromMicros(at))));
    }

    void refusesOtherTimes() {
        for (const auto* wrong : {"",
                                  "2026",
                                  "2026-01-01",
                                  "2026-01-01T00:00:00",
                                  "2026-01-01 00:00:00Z",
                                  "2026-13-01T00:00:00Z",
                                  "2026-02-29T00:00:00Z",
                                  "2026-00-01T00:00:00Z",
                                  "2026-01-00T00:00:00Z",
                                  "2026-01-01T24:00:00Z",
                                  "2026-01-01T00:60:00Z",
                                  "2026-01-01T00:00:60Z",
                                  "2026-01-01T00:00:00.Z",
                                  "2026-01-01T00:00:00.1234567890Z",
                                  "2026-01-01T00:00:00+0100",
                                  "2026-01-01T00:00:00+24:00",
                                  "2026-01-01T00:00:00Zx",
                                  "1969-12-31T23:59:59Z",
                                  "2026-1-01T00:00:00Z",
                                  "+2026-01-01T00:00:00Z",
                                  "2026-01-01T00:00:00.5",
                                  "2026-01-01T00:00:00+01:",
                                  "20260101T000000Z"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !parseRfc3339(wrong));
    }

    void parsesIntegersStrictly() {
        CPPUNIT_ASSERT_EQUAL(std::numeric_limits<std::int64_t>::max(), *parseInt("9223372036854775807"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-9223372036854775807}, *parseInt("-9223372036854775807"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, *parseInt("0"));
        for (const auto* wrong : {"", "-", "+1", "01", "-01", "-0", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
                                  "99999999999999999999", "--1", "1_000", "\xD9\xA1"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !parseInt(wrong));
    }

    void splitsJoinsAndTrims() {
        CPPUNIT_ASSERT((split("a,,b", ',') == std::vector<std::string>{"a", "", "b"}));
        CPPUNIT_ASSERT((split("", ',') == std::vector<std::string>{""}));
        CPPUNIT_ASSERT((split(",", ',') == std::vector<std::string>{"", ""}));
        CPPUNIT_ASSERT_EQUAL(std::string("a, b, a"), join({"a", "b", "a"}, ", "));
        CPPUNIT_ASSERT_EQUAL(std::string(", , "), join({"", "", ""}, ", "));
        CPPUNIT_ASSERT_EQUAL(std::string(), join({}, ","));
        CPPUNIT_ASSERT(trim(" \t\r\n\v\fa b \n") == "a b");
        CPPUNIT_ASSERT(trim(" \n").empty());
        CPPUNIT_ASSERT(trim("\xC2\xA0"
                            "a") ==
                       "\xC2\xA0"
                       "a");
    }

    void foldsAsciiOnly() {
        CPPUNIT_ASSERT(equalIgnoreCase("Content-LENGTH", "content-length"));
        CPPUNIT_ASSERT(!equalIgnoreCase("a", "ab"));
        CPPUNIT_ASSERT(!equalIgnoreCase("\xC4\xB0", "i"));
        CPPUNIT_ASSERT(!equalIgnoreCase("@", "`"));
        CPPUNIT_ASSERT_EQUAL(std::string("az\xC3\x89[`"), lower("AZ\xC3\x89[`"));
    }

    void suggestsTheNearest() {
        const std::vector<std::string> names{"token.alg", "token.audience", "log.level"};
        CPPUNIT_ASSERT_EQUAL(std::string("token.alg"), nearest("token.algo", names).value());
        CPPUNIT_ASSERT_EQUAL(std::string("log.level"), nearest("loglevel", names).value());
        CPPUNIT_ASSERT(!nearest("completely.different", names));
        CPPUNIT_ASSERT(!nearest("x", {}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TextTest);

}  // namespace agentidp::base
