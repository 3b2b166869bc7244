#include "remote/service.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "../http/certificates.h"
#include "scripted_server.h"

namespace agentidp::remote {
namespace {

using http::tests::Authority;
using std::chrono::milliseconds;
using tests::answer;
using tests::Conversation;
using tests::ScriptedServer;

std::uint64_t nowNs() { return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()); }

/// A call that ends after `within`, or as soon as `giveUp` is set.
class Caller {
public:
    explicit Caller(milliseconds within) {
        raw_.call.size = sizeof raw_.call;
        raw_.call.deadline_mono_ns = nowNs() + static_cast<std::uint64_t>(std::chrono::nanoseconds(within).count());
        raw_.call.cancelled = [](const aip_call* call) { return reinterpret_cast<const Raw*>(call)->giveUp.load() ? 1 : 0; };
    }
    aip::Call call() { return {&raw_.call, host_}; }
    void giveUp() { raw_.giveUp = true; }

private:
    struct Raw {
        aip_call call{};
        std::atomic<bool> giveUp{false};
    };
    Raw raw_;
    aip::Host host_;
};

class RemoteServiceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RemoteServiceTest);
    CPPUNIT_TEST(asksAndHearsOverOneConnection);
    CPPUNIT_TEST(sendsBodyHeadersAndTheBaseOfTheUrl);
    CPPUNIT_TEST(readsChunkedAndEmptyAnswers);
    CPPUNIT_TEST(trustsThePinnedAuthorityOnly);
    CPPUNIT_TEST(refusesTheCertificateOfAnotherHost);
    CPPUNIT_TEST(endsAtTheDeadlineHoweverTheServerDelays);
    CPPUNIT_TEST(endsWhenCancelled);
    CPPUNIT_TEST(boundsAnswers);
    CPPUNIT_TEST(refusesAnAnswerThatEndsEarly);
    CPPUNIT_TEST(repeatsOnlyWhatMayBeRepeated);
    CPPUNIT_TEST(followsNoRedirect);
    CPPUNIT_TEST(refusesHeadsThatWouldBreak);
    CPPUNIT_TEST(refusesWhatIsNoUrl);
    CPPUNIT_TEST(isAskedByManyThreads);
    CPPUNIT_TEST_SUITE_END();

    static std::unique_ptr<Service> opened(Settings settings) {
        auto service = Service::open(std::move(settings));
        CPPUNIT_ASSERT(service.ok());
        return std::move(*service);
    }
    static std::unique_ptr<Service> to(const ScriptedServer& server, const std::string& caFile = {}) {
        Settings settings;
        settings.url = server.url();
        settings.caFile = caFile;
        return opened(std::move(settings));
    }
    static Request get(const std::string& path) {
        Request request;
        request.path = path;
        return request;
    }
    static Request post(const std::string& path, const std::string& body) {
        Request request;
        request.method = "POST";
        request.path = path;
        request.body = aip::Secret(body);
        return request;
    }
    static aip::Outcome<Answer> ask(Service& service, const Request& request, milliseconds within = milliseconds(5'000)) {
        Caller caller(within);
        return service.ask(request, caller.call());
    }
    static void refused(aip_status status, const aip::Outcome<Answer>& answered) {
        CPPUNIT_ASSERT(!answered.ok());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answered.fail().message + " " + answered.fail().detail, status, answered.fail().status);
    }
    /// Answers every request of a connection with its first line.
    static void echo(Conversation& talk) {
        for (auto request = talk.request(); !request.empty(); request = talk.request())
            talk.send(answer("200 OK", request.substr(0, request.find('\r'))));
    }

    void asksAndHearsOverOneConnection() {
        ScriptedServer server(echo);
        const auto service = to(server);
        for (int i = 0; i < 5; ++i) {
            const auto heard = ask(*service, get("/v1/sys/health?x=1"));
            CPPUNIT_ASSERT(heard.ok());
            CPPUNIT_ASSERT_EQUAL(200, heard->status);
            CPPUNIT_ASSERT_EQUAL(std::string("GET /v1/sys/health?x=1 HTTP/1.1"), std::string(heard->body.view()));
        }
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
    }

    void sendsBodyHeadersAndTheBaseOfTheUrl() {
        std::string seen;
        ScriptedServer server([&seen](Conversation& talk) {
            seen = talk.request();
            talk.send(answer("204 No Content", "", "X-Mine: yes\r\n"));
        });
        Settings settings;
        settings.url = server.url() + "/base/";
        const auto service = opened(std::move(settings));
        auto request = post("/v1/it", R"({"a":1})");
        request.headers.push_back({"X-Vault-Token", aip::Secret("s.token")});
        const auto heard = ask(*service, request);
        CPPUNIT_ASSERT(heard.ok());
        CPPUNIT_ASSERT_EQUAL(204, heard->status);
        CPPUNIT_ASSERT_EQUAL(std::string("yes"), std::string(heard->header("x-mine")));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, seen.find("POST /base/v1/it HTTP/1.1\r\n"));
        CPPUNIT_ASSERT(seen.find("\r\nX-Vault-Token: s.token\r\n") != std::string::npos);
        CPPUNIT_ASSERT(seen.find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("\r\n\r\n{\"a\":1}"), seen.substr(seen.size() - 11));
    }

    void readsChunkedAndEmptyAnswers() {
        ScriptedServer server([](Conversation& talk) {
            (void)talk.request();
            talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
            (void)talk.request();
            talk.send("HTTP/1.1 204 No Content\r\n\r\n");
        });
        const auto service = to(server);
        const auto heard = ask(*service, get("/"));
        CPPUNIT_ASSERT(heard.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("abcde"), std::string(heard->body.view()));
        const auto nothing = ask(*service, get("/"));
        CPPUNIT_ASSERT(nothing.ok());
        CPPUNIT_ASSERT_EQUAL(204, nothing->status);
        CPPUNIT_ASSERT(nothing->body.empty());
    }

    void trustsThePinnedAuthorityOnly() {
        Authority ours("ours"), theirs("theirs");
        const auto leaf = ours.issue("server", Authority::Use::Server);
        ScriptedServer server(echo, {leaf.certificateFile, leaf.keyFile});
        const auto good = to(server, ours.certificateFile());
        CPPUNIT_ASSERT(ask(*good, get("/a")).ok());
        CPPUNIT_ASSERT(ask(*good, get("/b")).ok());
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
        CPPUNIT_ASSERT(good->encrypted() && good->local());
        refused(AIP_E_DENIED, ask(*to(server, theirs.certificateFile()), get("/")));
        refused(AIP_E_DENIED, ask(*to(server), get("/")));
    }

    void refusesTheCertificateOfAnotherHost() {
        Authority ours("ours");
        const auto leaf = ours.issue("server", Authority::Use::Server);
        // The certificate names 127.0.0.1 and localhost. Being local excuses nothing.
        ScriptedServer server(echo, {leaf.certificateFile, leaf.keyFile}, "127.0.0.2");
        const auto heard = ask(*to(server, ours.certificateFile()), get("/"));
        refused(AIP_E_DENIED, heard);
        CPPUNIT_ASSERT(heard.fail().message.find(server.url()) != std::string::npos);
    }

    void endsAtTheDeadlineHoweverTheServerDelays() {
        Authority ours("ours");
        const auto leaf = ours.issue("server", Authority::Use::Server);
        const auto silent = [](Conversation& talk) { talk.waitForEnd(); };
        const auto drips = [](Conversation& talk) {
            (void)talk.request();
            talk.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            for (int i = 0; i < 1'000; ++i) {
                talk.send("x");
                std::this_thread::sleep_for(milliseconds(5));
            }
        };
        const auto late = [](const ScriptedServer& server, const std::string& caFile) {
            const auto begun = std::chrono::steady_clock::now();
            refused(AIP_E_DEADLINE, ask(*to(server, caFile), get("/"), milliseconds(200)));
            CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < milliseconds(1'500));
        };
        late(ScriptedServer(silent), {});
        late(ScriptedServer(drips), {});
        late(ScriptedServer(drips, {leaf.certificateFile, leaf.keyFile}), ours.certificateFile());
        // A server in the clear never answers the handshake.
        const ScriptedServer deaf(silent);
        Settings settings;
        settings.url = "https" + deaf.url().substr(4);
        settings.caFile = ours.certificateFile();
        refused(AIP_E_DEADLINE, ask(*opened(std::move(settings)), get("/"), milliseconds(200)));
    }

    void endsWhenCancelled() {
        std::atomic<bool> asked{false};
        ScriptedServer server([&asked](Conversation& talk) {
            (void)talk.request();
            asked = true;
            talk.waitForEnd();
        });
        const auto service = to(server);
        Caller caller(milliseconds(20'000));
        std::chrono::steady_clock::time_point gaveUp;
        std::thread other([&] {
            while (!asked) std::this_thread::yield();
            gaveUp = std::chrono::steady_clock::now();
            caller.giveUp();
        });
        const auto heard = service->ask(get("/"), caller.call());
        const auto took = std::chrono::steady_clock::now() - gaveUp;
        other.join();
        refused(AIP_E_CANCELLED, heard);
        CPPUNIT_ASSERT(took < milliseconds(1'000));
    }

    void boundsAnswers() {
        ScriptedServer server([](Conversation& talk) {
            while (!talk.request().empty()) talk.send(answer("200 OK", std::string(1'001, 'x')));
        });
        Settings settings;
        settings.url = server.url();
        settings.largestAnswer = 1'001;
        CPPUNIT_ASSERT(ask(*opened(settings), get("/")).ok());
        settings.largestAnswer = 1'000;
        refused(AIP_E_UNAVAILABLE, ask(*opened(settings), get("/")));
    }

    void refusesAnAnswerThatEndsEarly() {
        for (const std::string text :
             {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Le", "nonsense\r\n\r\n", ""}) {
            ScriptedServer server([text](Conversation& talk) {
                (void)talk.request();
                talk.send(text);
            });
            refused(AIP_E_UNAVAILABLE, ask(*to(server), get("/")));
        }
    }

    void repeatsOnlyWhatMayBeRepeated() {
        std::atomic<int> requests{0};
        // Each connection answers once and breaks at the second request.
        ScriptedServer server([&requests](Conversation& talk) {
            (void)talk.request();
            ++requests;
            talk.send(answer("200 OK", "once"));
            if (!talk.request().empty()) ++requests;
        });
        const auto service = to(server);
        CPPUNIT_ASSERT(ask(*service, get("/")).ok());
        CPPUNIT_ASSERT(ask(*service, get("/")).ok());
        CPPUNIT_ASSERT_EQUAL(3, requests.load());
        refused(AIP_E_UNAVAILABLE, ask(*service, post("/", "{}")));
        CPPUNIT_ASSERT_EQUAL(4, requests.load());
    }

    void followsNoRedirect() {
        ScriptedServer server([](Conversation& talk) {
            while (!talk.request().empty()) talk.send(answer("307 Temporary Redirect", "", "Location: http://127.0.0.1:1/else\r\n"));
        });
        const auto heard = ask(*to(server), get("/"));
        CPPUNIT_ASSERT(heard.ok());
        CPPUNIT_ASSERT_EQUAL(307, heard->status);
    }

    void refusesHeadsThatWouldBreak() {
        ScriptedServer server(echo);
        const auto service = to(server);
        auto injected = get("/");
        injected.headers.push_back({"X-Vault-Token", aip::Secret("s.token\r\nX-Other: 1")});
        refused(AIP_E_INVALID, ask(*service, injected));
        for (const char* path : {"", "v1", "/a b", "/a\r\nHost: other"}) refused(AIP_E_INVALID, ask(*service, get(path)));
        CPPUNIT_ASSERT_EQUAL(0, server.connections());
    }

    void refusesWhatIsNoUrl() {
        for (const char* url :
             {"", "vault:8200", "ftp://h", "https://", "http://u:p@h", "https://h/?q=1", "https://h/#f", "https://h\r\n"}) {
            Settings settings;
            settings.url = url;
            const auto service = Service::open(std::move(settings));
            CPPUNIT_ASSERT_MESSAGE(url, !service.ok());
            CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, service.fail().status);
        }
        Settings settings;
        settings.url = "https://localhost";
        settings.caFile = "/nonexistent.pem";
        const auto service = Service::open(std::move(settings));
        CPPUNIT_ASSERT(!service.ok());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, service.fail().status);
    }

    void isAskedByManyThreads() {
        Authority ours("ours");
        const auto leaf = ours.issue("server", Authority::Use::Server);
        ScriptedServer server(echo, {leaf.certificateFile, leaf.keyFile});
        const auto service = to(server, ours.certificateFile());
        std::atomic<int> good{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 20; ++i) {
                    const auto path = "/" + std::to_string(t) + "/" + std::to_string(i);
                    const auto heard = ask(*service, get(path), milliseconds(10'000));
                    if (heard.ok() && heard->body.view() == "GET " + path + " HTTP/1.1") ++good;
                }
            });
        for (auto& each : threads) each.join();
        CPPUNIT_ASSERT_EQUAL(160, good.load());
        CPPUNIT_ASSERT(server.connections() <= 32);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RemoteServiceTest);

}  // namespace
}  // namespace agentidp::remote
