/// One line of the log: its shape, and that no value can leave its line or its quotes.
#include <cppunit/extensions/HelperMacros.h>

#include <cmath>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "observe/json_log.h"

namespace agentidp::observe {

class LogLineTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogLineTest);
    CPPUNIT_TEST(hasTheFiveMembers);
    CPPUNIT_TEST(omitsFieldsWhereThereAreNone);
    CPPUNIT_TEST(writesEveryTypeOfValue);
    CPPUNIT_TEST(escapesWhatEndsALine);
    CPPUNIT_TEST(escapesWhatMovesTheCursor);
    CPPUNIT_TEST(leavesLookupsAsText);
    CPPUNIT_TEST(replacesWhatIsNoUtf8);
    CPPUNIT_TEST(cutsLongTexts);
    CPPUNIT_TEST(cutsBetweenCharacters);
    CPPUNIT_TEST(escapesForPeopleToo);
    CPPUNIT_TEST(everyMessageIsSound);
    CPPUNIT_TEST_SUITE_END();

    const base::Instant at_ = base::fromMicros(1'790'000'000'123'456);

    [[nodiscard]] std::string line(std::initializer_list<Field> fields) const {
        return formatLine(LogFormat::Json, at_, Message::HTTP_REQUEST, fields);
    }
    [[nodiscard]] base::json::Value parsed(const std::string& text) const {
        auto value = base::json::parse(text);
        CPPUNIT_ASSERT_MESSAGE(text, value.ok());
        return *value;
    }
    /// What a reader gets for a field holding `text`.
    [[nodiscard]] std::string read(std::string_view text) const { return parsed(line({{"f", text}})).find("fields")->textOr("f", ""); }

public:
    void hasTheFiveMembers() {
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                R"({"ts":"2026-09-21T14:13:20.123456Z","level":"info","id":"HTTP_REQUEST","text":"request","fields":{"route":"/x"}})"),
            line({{"route", "/x"}}));
    }

    void omitsFieldsWhereThereAreNone() { CPPUNIT_ASSERT(parsed(line({})).find("fields") == nullptr); }

    void writesEveryTypeOfValue() {
        const auto text =
            line({{"a", std::int64_t{-5}}, {"b", 0.25}, {"c", true}, {"d", std::string("x")}, {"e", std::nan("")}, {"f", std::size_t{7}}});
        CPPUNIT_ASSERT(text.ends_with(R"("fields":{"a":-5,"b":0.25,"c":true,"d":"x","e":null,"f":7}})"));
    }

    void escapesWhatEndsALine() {
        const std::string evil = "a\r\n{\"level\":\"info\"}\n\xE2\x80\xA8x\xE2\x80\xA9y\xC2\x85z\v\f";
        const auto text = line({{"f", evil}});
        for (const auto* end : {"\r", "\n", "\v", "\f", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xC2\x85"})
            CPPUNIT_ASSERT_EQUAL(std::string::npos, text.find(end));
        CPPUNIT_ASSERT_EQUAL(evil, read(evil));
    }

    void escapesWhatMovesTheCursor() {
        const std::string evil =
            "\x1b[2J\x1b]0;title\x07 \x08 \x7f \xC2\x9B"
            "31m \xE2\x80\xAE"
            "gnp\xE2\x81\xA6 \xEF\xBB\xBF";
        const auto text = line({{"f", evil}});
        for (const char c : text) CPPUNIT_ASSERT(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F);
        CPPUNIT_ASSERT_EQUAL(evil, read(evil));
    }

    void leavesLookupsAsText() {
        CPPUNIT_ASSERT_EQUAL(std::string("${jndi:ldap://x/a}%n%s"), read("${jndi:ldap://x/a}%n%s"));
        CPPUNIT_ASSERT_EQUAL(std::string("\",\"level\":\"error"), read("\",\"level\":\"error"));
    }

    void replacesWhatIsNoUtf8() {
        const std::string mark = "\xEF\xBF\xBD";
        CPPUNIT_ASSERT_EQUAL("a" + mark + "b", read("a\xFF"
                                                    "b"));
        CPPUNIT_ASSERT_EQUAL(mark + mark, read("\xC0\x80"));
        CPPUNIT_ASSERT_EQUAL(mark + mark + mark, read("\xED\xA0\x80"));
        CPPUNIT_ASSERT_EQUAL("\xC3\xA9" + mark, read("\xC3\xA9\xE2"));
        CPPUNIT_ASSERT_EQUAL(std::string("a\0b", 3), read(std::string_view("a\0b", 3)));
    }

    void cutsLongTexts() {
        CPPUNIT_ASSERT_EQUAL(kMaxFieldBytes, read(std::string(kMaxFieldBytes, 'x')).size());
        const auto cut = read(std::string(1U << 20U, 'x'));
        CPPUNIT_ASSERT_EQUAL(kMaxFieldBytes, cut.size());
        CPPUNIT_ASSERT(cut.ends_with("xxx..."));
        CPPUNIT_ASSERT(line({{"f", std::string(1U << 20U, '\x01')}}).size() < 7 * kMaxFieldBytes);
    }

    void cutsBetweenCharacters() {
        for (std::size_t lead = 0; lead < 4; ++lead) {
            std::string text(lead, 'x');
            while (text.size() < 2 * kMaxFieldBytes) text += "\xF0\x9F\x98\x80";
            const auto cut = read(text);
            CPPUNIT_ASSERT(base::isUtf8(cut));
            CPPUNIT_ASSERT_EQUAL(std::string::npos, cut.find("\xEF\xBF\xBD"));
            CPPUNIT_ASSERT(cut.size() <= kMaxFieldBytes && cut.size() > kMaxFieldBytes - 8);
        }
    }

    void escapesForPeopleToo() {
        const auto text = formatLine(LogFormat::Human, at_, Message::LOG_DROPPED, {{"count", 3}, {"who", "a b\n\x1b[31m"}});
        CPPUNIT_ASSERT_EQUAL(
            std::string("2026-09-21T14:13:20.123456Z warn  log lines were dropped [LOG_DROPPED] count=3 who=\"a b\\n\\u001b[31m\""), text);
    }

    void everyMessageIsSound() {
        std::set<std::string_view> names;
        const auto check = [&](Message message, std::string_view name, std::string_view text) {
            CPPUNIT_ASSERT_EQUAL(std::string(name), std::string(nameOf(message)));
            CPPUNIT_ASSERT_EQUAL(std::string(text), std::string(textOf(message)));
            CPPUNIT_ASSERT(names.insert(name).second);
            (void)parsed(formatLine(LogFormat::Json, at_, message, {}));
        };
#define AGENTIDP_MESSAGE(id, level, text, operatorText)   \
    check(Message::id, #id, text);                        \
    CPPUNIT_ASSERT(levelOf(Message::id) == Level::level); \
    CPPUNIT_ASSERT(std::string_view(operatorText).size() > 20);
#include "observe/messages.def"
#undef AGENTIDP_MESSAGE
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogLineTest);

}  // namespace agentidp::observe
