#include <cppunit/extensions/HelperMacros.h>

#include "connection.h"
#include "scripts.h"
#include "settings.h"
#include "subscriber.h"
#include "trouble.h"

namespace agentidp::ratelimit_redis {
namespace {

class RedisPartsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisPartsTest);
    CPPUNIT_TEST(writesCommandsWithAnyByte);
    CPPUNIT_TEST(tellsErrorsApart);
    CPPUNIT_TEST(repeatsNothingOfAnAnswerToAPassword);
    CPPUNIT_TEST(splitsHints);
    CPPUNIT_TEST(choosesTicksWhoseProductsAreExact);
    CPPUNIT_TEST(judgesSettings);
    CPPUNIT_TEST(waitsLongerEachTimeAndNotTooLong);
    CPPUNIT_TEST_SUITE_END();

    void writesCommandsWithAnyByte() {
        CPPUNIT_ASSERT_EQUAL(std::string("*2\r\n$3\r\nGET\r\n$4\r\na\0\r\n\r\n", 23), command({"GET", std::string_view("a\0\r\n", 4)}));
        const auto called = takeScript().evalsha({"k1", "k2"}, {"1"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, called.find("*6\r\n$7\r\nEVALSHA\r\n$40\r\n"));
        CPPUNIT_ASSERT(called.find("$1\r\n2\r\n$2\r\nk1\r\n$2\r\nk2\r\n$1\r\n1\r\n") != std::string::npos);
    }
    void tellsErrorsApart() {
        const std::pair<const char*, Cause> known[] = {{"NOAUTH Authentication required.", Cause::WrongPassword},
                                                       {"WRONGPASS invalid", Cause::WrongPassword},
                                                       {"READONLY You can't write", Cause::Replica},
                                                       {"LOADING Redis is loading", Cause::Loading},
                                                       {"OOM command not allowed", Cause::Full},
                                                       {"MISCONF errors", Cause::NoDisk},
                                                       {"MOVED 1 h:1", Cause::Cluster},
                                                       {"NOPERM this user", Cause::NotPermitted},
                                                       {"ERR unknown", Cause::Failed},
                                                       {"NOAUTHX", Cause::Failed},
                                                       {"", Cause::Failed}};
        for (const auto& [text, cause] : known) {
            const auto trouble = troubleOf(text);
            CPPUNIT_ASSERT_MESSAGE(text, trouble.cause == cause);
            CPPUNIT_ASSERT(!trouble.text().empty());
        }
        CPPUNIT_ASSERT_EQUAL(std::string("ERR a?b"), troubleOf("ERR a\nb").detail);
        CPPUNIT_ASSERT(troubleOf("ERR " + std::string(5'000, 'x')).detail.size() < 200);
    }
    void repeatsNothingOfAnAnswerToAPassword() {
        for (const auto* text :
             {"ERR unknown command 'AUTH', with args beginning with: 'hunter2'", "hunter2", "HUNTER hunter2", "WRONGPASS hunter2"})
            CPPUNIT_ASSERT(troubleOf(text, Quote::No).text().find("hunter2") == std::string::npos);
    }
    void splitsHints() {
        std::string_view topic, key;
        CPPUNIT_ASSERT(splitHint("revoked:a:b", topic, key));
        CPPUNIT_ASSERT(topic == "revoked" && key == "a:b");
        for (const auto* text : {"", "revoked", ":a", "Revoked:a", "a b:c"}) CPPUNIT_ASSERT_MESSAGE(text, !splitHint(text, topic, key));
    }
    void choosesTicksWhoseProductsAreExact() {
        const auto minute = ticksOf(59'999'999, 60'000'000);
        CPPUNIT_ASSERT(minute.left == 59'999'999 && minute.window == 60'000'000);
        const auto hour = ticksOf(3'599'999'001, 3'600'000'000);
        CPPUNIT_ASSERT(hour.left == 3'600'000 && hour.window == 3'600'000);
        for (std::int64_t window = 1; window < 400LL * 24 * 3'600 * 1'000'000; window = window * 3 + 1) {
            const auto ticks = ticksOf(window, window);
            CPPUNIT_ASSERT(ticks.window > 0 && ticks.left == ticks.window);
            CPPUNIT_ASSERT(ticks.window <= (std::int64_t{1} << 53U) / ticks.window);
        }
    }
    static aip::Outcome<Settings> settings(const std::string& json) {
        auto config = aip::Config::parse(json);
        CPPUNIT_ASSERT(config.ok());
        return Settings::read(*config);
    }
    void judgesSettings() {
        const auto plain = settings("{}");
        CPPUNIT_ASSERT(plain.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("env:REDIS_URL"), plain->url);
        const auto watched = settings(R"({"sentinels": ["a", "[::1]:5000"], "master": "m"})");
        CPPUNIT_ASSERT(watched.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("a:26379"), watched->sentinels[0].text());
        CPPUNIT_ASSERT_EQUAL(std::string("[::1]:5000"), watched->sentinels[1].text());
        for (const auto* json :
             {R"({"url": ""})", R"({"prefix": "a b"})", R"({"prefix": "{x}"})", R"({"master": "m"})", R"({"sentinels": ["a"]})",
              R"({"sentinels": ["a:b"], "master": "m"})", R"({"sentinel_password": "env:X"})", R"({"sentinels": ["a"], "master": "m m"})"})
            CPPUNIT_ASSERT_MESSAGE(json, !settings(json).ok());
    }
    void waitsLongerEachTimeAndNotTooLong() {
        Backoff backoff;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, static_cast<std::int64_t>(backoff.next().count()));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{200}, static_cast<std::int64_t>(backoff.next().count()));
        for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT(backoff.next().count() <= 2'000);
        backoff.reset();
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, static_cast<std::int64_t>(backoff.next().count()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisPartsTest);

}  // namespace
}  // namespace agentidp::ratelimit_redis
