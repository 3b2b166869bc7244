/// Who really called, when a proxy stands between.
#include <cppunit/extensions/HelperMacros.h>

#include "http/forwarded.h"

namespace agentidp::http {

class ForwardedTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ForwardedTest);
    CPPUNIT_TEST(knowsItsBlocks);
    CPPUNIT_TEST(row53TakesTheRightMostUntrustedAddress);
    CPPUNIT_TEST(row53TakesNothingFromStrangers);
    CPPUNIT_TEST(takesTheProxysCertificateAway);
    CPPUNIT_TEST(refusesWhatIsNoBlock);
    CPPUNIT_TEST_SUITE_END();

    static Request via(std::string_view peer, std::vector<std::string> forwarded) {
        Request request;
        request.peer = {std::string(peer), false, "DER"};
        for (const auto& value : forwarded) request.headers.add("X-Forwarded-For", value);
        return request;
    }
    static std::string callerOf(Request request) {
        const auto proxies = TrustedProxies::parse({"loopback", "10.0.0.0/8", "2001:db8::/33", "192.0.2.9"});
        CPPUNIT_ASSERT(proxies.ok());
        proxies->apply(request);
        return request.peer.address;
    }

public:
    void knowsItsBlocks() {
        const auto proxies = *TrustedProxies::parse({"10.1.0.0/15", "::1", "fd00::/9", "0.0.0.0/32"});
        for (const std::string_view in : {"10.1.2.3", "10.0.255.255", "::ffff:10.0.0.1", "::1", "fd7f::1", "0.0.0.0"}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(in), proxies.contains(in));
        }
        for (const std::string_view out : {"10.2.0.0", "127.0.0.1", "::2", "fd80::1", "0.0.0.1", "", "10.1", "10.1.2.3.4", "localhost"}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(out), !proxies.contains(out));
        }
        CPPUNIT_ASSERT(!TrustedProxies().contains("127.0.0.1"));
        CPPUNIT_ASSERT((*TrustedProxies::parse({"0.0.0.0/0"})).contains("8.8.8.8"));
        CPPUNIT_ASSERT(!(*TrustedProxies::parse({"0.0.0.0/0"})).contains("2001:db8::1"));
    }

    void row53TakesTheRightMostUntrustedAddress() {
        CPPUNIT_ASSERT_EQUAL(std::string("198.51.100.7"), callerOf(via("127.0.0.1", {"6.6.6.6, 198.51.100.7, 10.0.0.1"})));
        CPPUNIT_ASSERT_EQUAL(std::string("198.51.100.7"), callerOf(via("10.3.3.3", {"6.6.6.6", "198.51.100.7", "192.0.2.9, ::1"})));
        CPPUNIT_ASSERT_EQUAL(std::string("10.0.0.1"), callerOf(via("::1", {"10.0.0.1"})));
        CPPUNIT_ASSERT_EQUAL(std::string("198.51.100.7"), callerOf(via("127.0.0.1", {"198.51.100.7:4711"})));
        CPPUNIT_ASSERT_EQUAL(std::string("2001:db8:8000::7"), callerOf(via("127.0.0.1", {"[2001:db8:8000::7]:4711, 2001:db8::1"})));
        CPPUNIT_ASSERT_EQUAL(std::string("198.51.100.7"), callerOf(via("127.0.0.1", {"::ffff:198.51.100.7"})));
        CPPUNIT_ASSERT_EQUAL(std::string("10.0.0.1"), callerOf(via("127.0.0.1", {"6.6.6.6, unknown, 10.0.0.1"})));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), callerOf(via("127.0.0.1", {"evil"})));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), callerOf(via("127.0.0.1", {"", "[::1", ","})));
    }

    void row53TakesNothingFromStrangers() {
        CPPUNIT_ASSERT_EQUAL(std::string("203.0.113.5"), callerOf(via("203.0.113.5", {"198.51.100.7"})));
        Request request = via("203.0.113.5", {});
        request.headers.add("X-Forwarded-Proto", "https");
        (*TrustedProxies::parse({"loopback"})).apply(request);
        CPPUNIT_ASSERT(!request.peer.tls);
    }

    void takesTheProxysCertificateAway() {
        const auto proxies = *TrustedProxies::parse({"loopback"});
        Request proxied = via("127.0.0.1", {"198.51.100.7"});
        proxied.headers.add("X-Forwarded-Proto", "http, HTTPS");
        proxies.apply(proxied);
        CPPUNIT_ASSERT(proxied.peer.tls);
        CPPUNIT_ASSERT(proxied.peer.clientCertificateDer.empty());
        Request direct = via("127.0.0.1", {});
        proxies.apply(direct);
        CPPUNIT_ASSERT_EQUAL(std::string("DER"), direct.peer.clientCertificateDer);
    }

    void refusesWhatIsNoBlock() {
        for (const std::string block :
             {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::1/129", "10.0.0/8", "proxy.example", "10.0.0.0/8/8"}) {
            CPPUNIT_ASSERT_MESSAGE(block, !TrustedProxies::parse({block}).ok());
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForwardedTest);

}  // namespace agentidp::http
