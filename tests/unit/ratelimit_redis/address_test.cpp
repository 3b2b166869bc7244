#include "address.h"

#include <cppunit/extensions/HelperMacros.h>

namespace agentidp::ratelimit_redis {
namespace {

class AddressTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AddressTest);
    CPPUNIT_TEST(readsEveryPart);
    CPPUNIT_TEST(fillsInWhatIsAbsent);
    CPPUNIT_TEST(decodesUserAndPassword);
    CPPUNIT_TEST(refusesWhatItDoesNotKnow);
    CPPUNIT_TEST(neverQuotesThePassword);
    CPPUNIT_TEST(readsHostsAndPorts);
    CPPUNIT_TEST_SUITE_END();

    void readsEveryPart() {
        const auto read = parseUrl("rediss://agent:secret@redis.example:6380/12");
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT(read->tls);
        CPPUNIT_ASSERT_EQUAL(std::string("agent"), read->user);
        CPPUNIT_ASSERT_EQUAL(std::string("secret"), std::string(read->password.view()));
        CPPUNIT_ASSERT_EQUAL(std::string("redis.example:6380"), read->at.text());
        CPPUNIT_ASSERT_EQUAL(12, read->db);
    }
    void fillsInWhatIsAbsent() {
        for (const auto* url : {"redis://localhost", "redis://localhost/", "redis://localhost:6379", "redis://localhost/0"}) {
            const auto read = parseUrl(url);
            CPPUNIT_ASSERT_MESSAGE(url, read.ok());
            CPPUNIT_ASSERT(!read->tls && read->user.empty() && read->password.empty() && read->db == 0);
            CPPUNIT_ASSERT_EQUAL(std::string("localhost:6379"), read->at.text());
        }
        const auto six = parseUrl("redis://[::1]:7000/1");
        CPPUNIT_ASSERT(six.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), six->at.host);
        CPPUNIT_ASSERT_EQUAL(std::string("[::1]:7000"), six->at.text());
    }
    void decodesUserAndPassword() {
        const auto alone = parseUrl("redis://:p%40ss%2Fw%3ard%00@h");
        CPPUNIT_ASSERT(alone.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("p@ss/w:rd\0", 10), std::string(alone->password.view()));
        CPPUNIT_ASSERT(alone->user.empty());
        const auto raw = parseUrl("redis://u:a@b:c@h:1");
        CPPUNIT_ASSERT(raw.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("a@b:c"), std::string(raw->password.view()));
        CPPUNIT_ASSERT_EQUAL(std::string("h"), raw->at.host);
    }
    void refusesWhatItDoesNotKnow() {
        for (const auto* url : {"",
                                "redis",
                                "redis:/h",
                                "http://h",
                                "unix:///s",
                                "REDIS://h",
                                "redis://",
                                "redis://:6379",
                                "redis://h:0",
                                "redis://h:65536",
                                "redis://h:",
                                "redis://h:06379",
                                "redis://h:6379x",
                                "redis://h/one",
                                "redis://h/-1",
                                "redis://h/1/2",
                                "redis://h/01",
                                "redis://h?timeout=1",
                                "redis://h/0?db=1",
                                "redis://h#f",
                                "redis://word@h",
                                "redis://u:@h",
                                "redis://:a%4@h",
                                "redis://:a%zz@h",
                                "redis://a b",
                                "redis://h\n",
                                "redis://h\xc3\xa4",
                                "redis://[::1",
                                "redis://[h]",
                                "redis://[::1]x",
                                "redis://a,b",
                                "redis://:p/w@h",
                                "redis://h/99999999"})
            CPPUNIT_ASSERT_MESSAGE(url, !parseUrl(url).ok());
        CPPUNIT_ASSERT(!parseUrl("redis://" + std::string(5'000, 'h')).ok());
    }
    void neverQuotesThePassword() {
        for (const auto* url : {"redis://:hunter2@", "redis://:hunter2@h:x", "redis://:hunter2@h?x", "redis://:hunter2%@h",
                                "redis://hunter2@h", "redis://:hunter2/x@h", "redis://:hunter2@h/x"}) {
            const auto read = parseUrl(url);
            CPPUNIT_ASSERT(!read.ok());
            CPPUNIT_ASSERT(read.fail().message.find("hunter2") == std::string::npos &&
                           read.fail().detail.find("hunter2") == std::string::npos);
        }
    }
    void readsHostsAndPorts() {
        const auto named = parseHostPort("sentinel-1.example", 26'379);
        CPPUNIT_ASSERT(named.ok() && named->port == 26'379);
        const auto given = parseHostPort("10.0.0.1:5000", 26'379);
        CPPUNIT_ASSERT(given.ok() && given->port == 5'000 && given->host == "10.0.0.1");
        for (const auto* text : {"", ":1", "a b:1", "h:", "h:1:2", "::1", "h/x"})
            CPPUNIT_ASSERT_MESSAGE(text, !parseHostPort(text, 1).ok());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AddressTest);

}  // namespace
}  // namespace agentidp::ratelimit_redis
