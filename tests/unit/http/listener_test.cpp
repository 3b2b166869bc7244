/// Security rows 44-53 against a real listener through raw sockets: every refusal is one clear answer and an end, and nothing
/// that followed a refused request is ever served.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/guarded.h"
#include "raw_client.h"

namespace agentidp::http::tests {

class ListenerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ListenerTest);
    CPPUNIT_TEST(answersInHttp11);
    CPPUNIT_TEST(row44RefusesBothLengths);
    CPPUNIT_TEST(row45RefusesDoubtfulContentLengths);
    CPPUNIT_TEST(row46RefusesDoubtfulTransferEncodings);
    CPPUNIT_TEST(row47RefusesMalformedLines);
    CPPUNIT_TEST(row48RefusesMissingAndDoubleHosts);
    CPPUNIT_TEST(row49TakesAMissingLengthForAnEmptyBodyAtOnce);
    CPPUNIT_TEST(row50RefusesWhatIsTooLarge);
    CPPUNIT_TEST(row50RefusesALargeBodyWhileItIsBeingSent);
    CPPUNIT_TEST(row52RefusesMethodsAndVersionsNobodyServes);
    CPPUNIT_TEST(row52IgnoresMethodOverrides);
    CPPUNIT_TEST(row53IgnoresForwardedHeadersFromStrangers);
    CPPUNIT_TEST(row53HonoursForwardedHeadersFromTrustedProxies);
    CPPUNIT_TEST(answersPipelinedRequestsInOrder);
    CPPUNIT_TEST(answersHeadWithoutABody);
    CPPUNIT_TEST(closesAsAsked);
    CPPUNIT_TEST(keepsHttp10OpenOnlyWhenAsked);
    CPPUNIT_TEST(invitesABodyThatWaits);
    CPPUNIT_TEST(sendsAnswersLargerThanTheSocketTakes);
    CPPUNIT_TEST(answersARequestThatEndsEarly);
    CPPUNIT_TEST(neverSplitsAResponse);
    CPPUNIT_TEST(wordsRefusalsAsItIsTold);
    CPPUNIT_TEST(refusesAddressesItCannotServe);
    CPPUNIT_TEST(servesBothFamilies);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<Listener> listener_;
    base::Guarded<std::vector<std::string>> served_;

    static constexpr std::string_view kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

    /// Sends `request`, and behind it another that must never be served.
    void refuses(int status, std::string_view request) {
        RawClient client(portOf(*listener_));
        (void)client.send(std::string(request) + std::string(kSmuggled));
        const Answer answer = client.read();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(request.substr(0, 200)), status, answer.status);
        CPPUNIT_ASSERT(answer.has("Connection: close"));
        CPPUNIT_ASSERT_MESSAGE("more than one answer", client.ended());
        auto served = served_.lock();
        CPPUNIT_ASSERT(std::find(served->begin(), served->end(), "/smuggled") == served->end());
    }

    static std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"; }
    static std::string post(std::string_view fields, std::string_view body = {}) {
        return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
    }
    static std::string line(std::string_view requestLine) { return std::string(requestLine) + "\r\nHost: a\r\n\r\n"; }

    Handler recording() {
        return [this](Request&& request, Respond respond) {
            served_.lock()->push_back(request.path);
            echo(std::move(request), std::move(respond));
        };
    }

public:
    void setUp() override {
        ListenerOptions options = loopback();
        options.limits.body = [](Method, std::string_view path) -> std::size_t { return path == "/api/v1/token" ? 64U << 10U : 1U << 20U; };
        listener_ = serve(std::move(options), recording());
    }
    void tearDown() override {
        listener_.reset();
        served_.lock()->clear();
    }

    void answersInHttp11() {
        RawClient client(portOf(*listener_));
        for (int i = 0; i < 3; ++i) {
            const Answer answer = client.ask(post("Content-Length: 5\r\n", "hello"));
            CPPUNIT_ASSERT_EQUAL(200, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string("POST /||hello"), answer.body);
            CPPUNIT_ASSERT(answer.has("Content-Length: 13"));
            CPPUNIT_ASSERT(answer.head.find("\r\nDate: ") != std::string::npos);
            CPPUNIT_ASSERT(answer.head.find("Connection") == std::string::npos && answer.head.find("Server") == std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, listener_->statistics().requests);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, listener_->statistics().accepted);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, listener_->statistics().open);
    }

    void row44RefusesBothLengths() {
        refuses(400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
        refuses(400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, listener_->statistics().refused[400]);
    }

    void row45RefusesDoubtfulContentLengths() {
        for (const std::string fields :
             {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: -1\r\n",
              "Content-Length: 5abc\r\n", "Content-Length: 18446744073709551616\r\n"}) {
            refuses(400, post(fields, "hello"));
        }
    }

    void row46RefusesDoubtfulTransferEncodings() {
        refuses(501, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"));
        refuses(400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
        refuses(501, post("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", "hello"));
        refuses(400, post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"));
        refuses(400, post("Transfer-Encoding: chunked\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n"));
    }

    void row47RefusesMalformedLines() {
        refuses(400, get("X: a\r\n b\r\n"));
        refuses(400, "GET / HTTP/1.1\nHost: a\n\n");
        refuses(400, get(std::string("X: a\0b\r\n", 8)));
        refuses(400, get("X: a\rb\r\n"));
        refuses(400, get("no colon\r\n"));
        refuses(400, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
    }

    void row48RefusesMissingAndDoubleHosts() {
        refuses(400, "GET / HTTP/1.1\r\n\r\n");
        refuses(400, get("Host: b\r\n"));
        refuses(400, "GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n");
    }

    void row49TakesAMissingLengthForAnEmptyBodyAtOnce() {
        RawClient client(portOf(*listener_));
        for (const std::string method : {"POST", "PUT", "PATCH"}) {
            CPPUNIT_ASSERT_EQUAL(method + " /||", client.ask(line(method + " / HTTP/1.1")).body);
        }
    }

    void row50RefusesWhatIsTooLarge() {
        std::string fields;
        for (int i = 0; i < 100; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
        refuses(431, get(fields));
        refuses(431, get("X: " + std::string(9000, 'v') + "\r\n"));
        refuses(414, line("GET /" + std::string(100'000, 't') + " HTTP/1.1"));
        refuses(413, "POST /api/v1/token HTTP/1.1\r\nHost: a\r\nContent-Length: 66560\r\n\r\n" + std::string(66560, 'b'));
        RawClient client(portOf(*listener_));
        const std::string body(66560, 'b');
        CPPUNIT_ASSERT_EQUAL(200, client.ask(post("Content-Length: 66560\r\n", body)).status);
    }

    void row50RefusesALargeBodyWhileItIsBeingSent() {
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT(client.send("POST /api/v1/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        const std::string chunk = "4000\r\n" + std::string(0x4000, 'c') + "\r\n";
        // Four chunks fill the 64 KiB; the line of the fifth is over it. What is sent after that must not cost the answer.
        for (int i = 0; i < 16; ++i) (void)client.send(chunk);
        const Answer answer = client.read();
        CPPUNIT_ASSERT_EQUAL(413, answer.status);
        client.endSending();
        CPPUNIT_ASSERT(client.ended());
    }

    void row52RefusesMethodsAndVersionsNobodyServes() {
        refuses(501, line("TRACE / HTTP/1.1"));
        refuses(501, line("CONNECT a:443 HTTP/1.1"));
        refuses(501, line("gEt / HTTP/1.1"));
        refuses(505, line("GET / HTTP/9.9"));
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT_EQUAL(std::string("BREW /pot||"), client.ask(line("BREW /pot HTTP/1.1")).body);  // the router's to refuse
    }

    void row52IgnoresMethodOverrides() {
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT_EQUAL(std::string("POST /||"), client.ask(post("X-HTTP-Method-Override: DELETE\r\n")).body);
    }

    static Handler tellPeer() {
        return [](Request&& request, Respond respond) {
            Response response;
            response.body =
                request.peer.address + (request.peer.tls ? " tls " : " plain ") + std::to_string(request.peer.clientCertificateDer.size());
            respond(std::move(response));
        };
    }

    void row53IgnoresForwardedHeadersFromStrangers() {
        listener_ = serve(loopback(), tellPeer());
        RawClient client(portOf(*listener_));
        const std::string body = client
                                     .ask(get("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Client-Cert: MIIB\r\n"
                                              "X-Forwarded-Client-Cert: Hash=00\r\nX-SSL-Cert: MIIB\r\nForwarded: for=192.0.2.1\r\n"))
                                     .body;
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1 plain 0"), body);
    }

    void row53HonoursForwardedHeadersFromTrustedProxies() {
        ListenerOptions options = loopback();
        options.trustedProxies = *TrustedProxies::parse({"loopback", "10.0.0.0/8"});
        listener_ = serve(std::move(options), tellPeer());
        RawClient client(portOf(*listener_));
        const auto bodyFor = [&](std::string_view fields) { return client.ask(get(fields)).body; };
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1 plain 0"), bodyFor(""));
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1 tls 0"),
                             bodyFor("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.7 plain 0"), bodyFor("X-Client-Cert: MIIB\r\nX-Forwarded-For: 192.0.2.7\r\n"));
    }

    void answersPipelinedRequestsInOrder() {
        RawClient client(portOf(*listener_));
        std::string requests;
        for (int i = 0; i < 100; ++i) {
            requests += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        }
        CPPUNIT_ASSERT(client.send(requests));
        for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT_EQUAL("POST /" + std::to_string(i) + "||abc", client.read().body);
    }

    void answersHeadWithoutABody() {
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT(client.send("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        const std::string answer = client.readToEnd();
        CPPUNIT_ASSERT(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        CPPUNIT_ASSERT(answer.find("Content-Length: 9\r\n") != std::string::npos);
        CPPUNIT_ASSERT(answer.ends_with("\r\n\r\n"));
    }

    void closesAsAsked() {
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT(client.send(get("Connection: close\r\n") + std::string(kSmuggled)));
        CPPUNIT_ASSERT(client.read().has("Connection: close"));
        CPPUNIT_ASSERT(client.ended());
    }

    void keepsHttp10OpenOnlyWhenAsked() {
        RawClient closing(portOf(*listener_));
        CPPUNIT_ASSERT(closing.ask("GET / HTTP/1.0\r\n\r\n").has("Connection: close"));
        CPPUNIT_ASSERT(closing.ended());
        RawClient staying(portOf(*listener_));
        for (int i = 0; i < 2; ++i)
            CPPUNIT_ASSERT(staying.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("Connection: keep-alive"));
    }

    void invitesABodyThatWaits() {
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT_EQUAL(100, client.ask(post("Content-Length: 5\r\nExpect: 100-continue\r\n")).status);
        CPPUNIT_ASSERT_EQUAL(std::string("POST /||hello"), client.ask("hello").body);
        // Who sends it at once needs no invitation.
        CPPUNIT_ASSERT_EQUAL(200, client.ask(post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello")).status);
        refuses(417, post("Content-Length: 5\r\nExpect: a-pony\r\n"));
    }

    void sendsAnswersLargerThanTheSocketTakes() {
        const std::string large(20U << 20U, 'x');
        listener_ = serve(loopback(), [&](Request&&, Respond respond) {
            Response response;
            response.body = large;
            respond(std::move(response));
        });
        RawClient client(portOf(*listener_));
        CPPUNIT_ASSERT(client.send(get("") + get("")));
        CPPUNIT_ASSERT(client.read().body == large);
        CPPUNIT_ASSERT(client.read().body == large);
    }

    void answersARequestThatEndsEarly() {
        for (const std::string& request : {std::string("GET / HT"), post("Content-Length: 5\r\n", "hel")}) {
            RawClient client(portOf(*listener_));
            CPPUNIT_ASSERT(client.send(request));
            client.endSending();
            CPPUNIT_ASSERT_EQUAL(400, client.read().status);
            CPPUNIT_ASSERT(client.ended());
        }
        RawClient whole(portOf(*listener_));
        CPPUNIT_ASSERT(whole.send(get("")));
        whole.endSending();
        CPPUNIT_ASSERT_EQUAL(200, whole.read().status);
        CPPUNIT_ASSERT(whole.ended());
    }

    void neverSplitsAResponse() {
        std::atomic<int> lost{0};
        ListenerOptions options = loopback();
        options.events.answerLost = [&] { ++lost; };
        listener_ = serve(std::move(options), [](Request&&, Respond respond) {
            Response response;
            response.headers.add("Location", "/a\r\nSet-Cookie: evil=1");
            respond(std::move(response));
        });
        RawClient client(portOf(*listener_));
        const Answer answer = client.ask(get(""));
        CPPUNIT_ASSERT_EQUAL(500, answer.status);
        CPPUNIT_ASSERT(answer.head.find("evil") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(1, lost.load());
    }

    void wordsRefusalsAsItIsTold() {
        base::Guarded<std::vector<std::string>> told;
        ListenerOptions options = loopback();
        options.limits.body = [](Method, std::string_view) -> std::size_t { return 10; };
        options.wordRefusal = [](const Refused& refused) {
            Response response;
            response.status = refused.refusal.status;
            response.headers.add("X-Request-Id", "42");
            response.body = "{\"path\":\"" + refused.request.path + "\"}";
            return response;
        };
        options.events.refused = [&](const Refused& refused) {
            told.lock()->push_back(refused.peer.address + " " + std::to_string(refused.refusal.status) + " " +
                                   std::string(refused.refusal.why));
        };
        listener_ = serve(std::move(options));
        RawClient client(portOf(*listener_));
        const Answer answer = client.ask("POST /tokens?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(413, answer.status);
        CPPUNIT_ASSERT(answer.has("X-Request-Id: 42"));
        CPPUNIT_ASSERT_EQUAL(std::string("{\"path\":\"/tokens\"}"), answer.body);
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1 413 the body is too large"), told.lock()->at(0));
    }

    void refusesAddressesItCannotServe() {
        const auto errorOf = [](const std::string& address) {
            ListenerOptions options = loopback();
            options.addresses = {address};
            const auto opened = Listener::open(std::move(options), echo);
            CPPUNIT_ASSERT(!opened.ok());
            return opened.error().code;
        };
        for (const std::string address : {"3000", "127.0.0.1:", "127.0.0.1:65536", ":::3000", "[::1:80", "127.0.0.1:http"}) {
            CPPUNIT_ASSERT(errorOf(address) == base::Errc::Invalid);
        }
        CPPUNIT_ASSERT(errorOf("127.0.0.1:" + std::to_string(portOf(*listener_))) == base::Errc::Exists);
        CPPUNIT_ASSERT(errorOf("192.0.2.1:0") == base::Errc::Unavailable);
    }

    void servesBothFamilies() {
        ListenerOptions options = loopback();
        options.addresses = {"[::]:0", "127.0.0.1:0"};
        listener_ = serve(std::move(options), tellPeer());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, listener_->endpoints().size());
        for (const auto& endpoint : listener_->endpoints()) {
            RawClient client(endpoint.port);
            CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1 plain 0"), client.ask(get("")).body);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListenerTest);

}  // namespace agentidp::http::tests
