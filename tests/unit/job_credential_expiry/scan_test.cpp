#include "scan.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/json.h"

namespace agentidp::job_credential_expiry {
namespace {

constexpr std::int64_t kNow = 1'790'000'000'000'000;
constexpr std::int64_t kWarn = 14 * kDayUs;

class ScanTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ScanTest);
    CPPUNIT_TEST(cursorsComeBackAsTheyWent);
    CPPUNIT_TEST(refusesForeignCursors);
    CPPUNIT_TEST(judgesByTheTimeLeft);
    CPPUNIT_TEST(writesFindingsAsTheHostWantsThem);
    CPPUNIT_TEST(readsAPageAndSkipsTheRest);
    CPPUNIT_TEST(refusesPagesThatAreNone);
    CPPUNIT_TEST_SUITE_END();

    static CredentialRecord ending(std::int64_t in) { return {"c-1", "a-1", "o-1", kNow + in}; }

    void cursorsComeBackAsTheyWent() {
        const Scan scan{"0123456789abcdef", kNow, 7, 3, "1790000000000000:9b2c\":x"};
        const auto back = scanOf(cursorOf(scan));
        CPPUNIT_ASSERT(back.has_value());
        CPPUNIT_ASSERT_EQUAL(scan.id, back->id);
        CPPUNIT_ASSERT_EQUAL(scan.records, back->records);
        CPPUNIT_ASSERT(back->beganUs == kNow && back->expiring == 7 && back->expired == 3);
    }
    void refusesForeignCursors() {
        for (const char* cursor :
             {"", "1", "2:0123456789abcdef:1:1:1:x", "1:0123456789abcdeg:1:1:1:x", "1:0123456789abcdef:-1:1:1:x",
              "1:0123456789abcdef:1:1:1:", "1:0123456789abcdef:1:1:x", "1:0123456789abcdef:99999999999999999999:1:1:x"})
            CPPUNIT_ASSERT_MESSAGE(cursor, !scanOf(cursor));
        CPPUNIT_ASSERT(!scanOf("1:0123456789abcdef:1:1:1:" + std::string(5'000, 'x')));
    }
    void judgesByTheTimeLeft() {
        const auto verdict = [](std::int64_t in) { return judge(ending(in), kNow, kWarn); };
        CPPUNIT_ASSERT(judge({"c", "a", "o", std::nullopt}, kNow, kWarn) == Verdict::Fine);
        CPPUNIT_ASSERT(verdict(kWarn) == Verdict::Fine);
        CPPUNIT_ASSERT(verdict(kWarn - 1) == Verdict::Expiring);
        CPPUNIT_ASSERT(verdict(kDayUs) == Verdict::Expiring);
        CPPUNIT_ASSERT(verdict(kDayUs - 1) == Verdict::ExpiringWithinADay);
        CPPUNIT_ASSERT(verdict(1) == Verdict::ExpiringWithinADay);
        CPPUNIT_ASSERT(verdict(0) == Verdict::Expired);
        CPPUNIT_ASSERT(verdict(-kWarn + 1) == Verdict::Expired);
        CPPUNIT_ASSERT(verdict(-kWarn) == Verdict::ExpiredLongAgo);
    }
    void writesFindingsAsTheHostWantsThem() {
        const std::tuple<Verdict, const char*, const char*> wanted[] = {{Verdict::Expiring, "credential_expiring", "warning"},
                                                                        {Verdict::ExpiringWithinADay, "credential_expiring", "critical"},
                                                                        {Verdict::Expired, "credential_expired", "critical"},
                                                                        {Verdict::ExpiredLongAgo, "credential_expired", "info"}};
        for (const auto& [verdict, code, severity] : wanted) {
            const auto finding = base::json::parse(findingOf(ending(5), verdict));
            CPPUNIT_ASSERT(finding.ok());
            CPPUNIT_ASSERT_EQUAL(std::string(code), finding->textOr("code", ""));
            CPPUNIT_ASSERT_EQUAL(std::string(severity), finding->textOr("severity", ""));
            CPPUNIT_ASSERT_EQUAL(std::string("c-1"), finding->textOr("subject", ""));
            CPPUNIT_ASSERT_EQUAL(std::string("o-1"), finding->textOr("organizationId", ""));
            CPPUNIT_ASSERT_EQUAL(std::string("a-1"), finding->find("detail")->textOr("clientId", ""));
            CPPUNIT_ASSERT_EQUAL(kNow + 5, finding->find("detail")->intOr("expiresAt", 0));
        }
    }
    void readsAPageAndSkipsTheRest() {
        const auto page = parsePage(R"( {"x":[1,-2.5e3,{"y":[]}],"records":[
            {"credentialId":"c\u002d1","clientId":"a","labels":{"a":"\"b\\"},"organizationId":null,"expiresAt":-5,"active":true},
            {"credentialId":"c2","expiresAt":null}],"cursor":"n\/1"} )");
        CPPUNIT_ASSERT(page.has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, page->records.size());
        CPPUNIT_ASSERT_EQUAL(std::string("c-1"), page->records[0].credentialId);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-5}, *page->records[0].expiresAtUs);
        CPPUNIT_ASSERT(page->records[0].organizationId.empty());
        CPPUNIT_ASSERT(!page->records[1].expiresAtUs);
        CPPUNIT_ASSERT_EQUAL(std::string("n/1"), page->cursor);
        CPPUNIT_ASSERT(parsePage(R"({"records":[],"cursor":null})")->cursor.empty());
    }
    void refusesPagesThatAreNone() {
        for (const char* text :
             {"", "{}", "[]", "{\"records\":{}}", "{\"records\":[1]}", "{\"records\":[]", "{\"records\":[]}x",
              "{\"records\":[{\"credentialId\":5}]}", "{\"records\":[{}]}", "{\"records\":[{\"credentialId\":\"a\",\"expiresAt\":\"1\"}]}",
              "{\"records\":[],}", "{\"records\":[],\"x\":}", "{\"records\":[{\"credentialId\":\"a\\x\"}]}",
              "{\"records\":[{\"credentialId\":\"a\",\"expiresAt\":99999999999999999999}]}"})
            CPPUNIT_ASSERT_MESSAGE(text, !parsePage(text));
        CPPUNIT_ASSERT(!parsePage("{\"x\":" + std::string(1'000, '[') + "}"));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ScanTest);

}  // namespace
}  // namespace agentidp::job_credential_expiry
