/// What a listener does over time: deadlines, answers from other threads, crowds, a shortage of descriptors, draining.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "raw_client.h"

namespace agentidp::http::tests {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

base::milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<base::milliseconds>(Clock::now() - start); }

ListenerOptions impatient() {
    ListenerOptions options = loopback();
    options.deadlines.head = base::milliseconds(150);
    options.deadlines.body = base::milliseconds(150);
    options.deadlines.idle = base::milliseconds(300);
    options.deadlines.write = base::milliseconds(200);
    options.deadlines.linger = base::milliseconds(100);
    options.deadlines.patience = base::milliseconds(100);
    return options;
}

/// Lowers the soft limit of descriptors to those in use and a few more, and puts it back.
class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t spare) {
        getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        rlimit low = before_;
        low.rlim_cur = static_cast<rlim_t>(next) + spare;
        CPPUNIT_ASSERT_EQUAL(0, setrlimit(RLIMIT_NOFILE, &low));
    }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;
    ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// Keeps Responds until it is told how many there are to be answered.
struct Kept {
    std::mutex mutex;
    std::condition_variable grown;
    std::vector<std::pair<std::string, Respond>> responds;

    Handler handler() {
        return [this](Request&& request, Respond respond) {
            const std::lock_guard lock(mutex);
            responds.emplace_back(request.path, std::move(respond));
            grown.notify_all();
        };
    }
    std::vector<std::pair<std::string, Respond>> take(std::size_t count) {
        std::unique_lock lock(mutex);
        CPPUNIT_ASSERT(grown.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [&] { return responds.size() >= count; }));
        return std::exchange(responds, {});
    }
};

Response saying(std::string body) {
    Response response;
    response.body = std::move(body);
    return response;
}

}  // namespace

class ListenerLifeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ListenerLifeTest);
    CPPUNIT_TEST(row51CutsSlowHeadsWhileAGoodClientIsServed);
    CPPUNIT_TEST(cutsSlowBodies);
    CPPUNIT_TEST(boundsWhatIncompleteRequestsHold);
    CPPUNIT_TEST(closesIdleConnectionsWithoutAWord);
    CPPUNIT_TEST(cutsClientsThatDoNotRead);
    CPPUNIT_TEST(answersFromOtherThreads);
    CPPUNIT_TEST(answersABurstAtItsEnd);
    CPPUNIT_TEST(answersOnceOnly);
    CPPUNIT_TEST(answersARespondThatDiedWith500);
    CPPUNIT_TEST(ignoresAnswersThatComeTooLate);
    CPPUNIT_TEST(servesFiveHundredConnectionsOnTwoThreads);
    CPPUNIT_TEST(makesRoomWhenAllSlotsAreTaken);
    CPPUNIT_TEST(turnsAwayWhenNothingCanBeShed);
    CPPUNIT_TEST(healsFromAShortageOfDescriptors);
    CPPUNIT_TEST(drainsWithoutLosingARequest);
    CPPUNIT_TEST(saysWhenDrainingTakesTooLong);
    CPPUNIT_TEST(stopsWithRequestsInFlight);
    CPPUNIT_TEST_SUITE_END();

public:
    void row51CutsSlowHeadsWhileAGoodClientIsServed() {
        ListenerOptions options = impatient();
        options.deadlines.head = base::milliseconds(600);
        const auto listener = serve(std::move(options));
        const auto start = Clock::now();
        std::vector<RawClient> drips;
        for (int i = 0; i < 64; ++i) {
            drips.emplace_back(portOf(*listener));
            CPPUNIT_ASSERT(drips.back().send("GET / HTTP/1.1\r\nHost: a\r\nX: "));
        }
        RawClient good(portOf(*listener));
        std::vector<base::microseconds> taken;
        while (since(start) < base::milliseconds(500)) {
            for (auto& drip : drips) (void)drip.send("x");
            const auto asked = Clock::now();
            CPPUNIT_ASSERT_EQUAL(200, good.ask(kGet).status);
            taken.push_back(std::chrono::duration_cast<base::microseconds>(Clock::now() - asked));
            (void)drips.front().readable(5);  // a pause that ends early if the listener cuts
        }
        std::sort(taken.begin(), taken.end());
        CPPUNIT_ASSERT_MESSAGE("p99 of the good client", taken[taken.size() * 99 / 100] < base::milliseconds(100));
        for (auto& drip : drips) {
            CPPUNIT_ASSERT_EQUAL(408, drip.read().status);
            CPPUNIT_ASSERT(drip.ended());
        }
        CPPUNIT_ASSERT(since(start) >= base::milliseconds(600));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{64}, listener->statistics().refused[408]);
    }

    void cutsSlowBodies() {
        const auto listener = serve(impatient());
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhel"));
        CPPUNIT_ASSERT_EQUAL(408, client.read().status);
        CPPUNIT_ASSERT(client.ended());
    }

    void boundsWhatIncompleteRequestsHold() {
        ListenerOptions options = loopback();
        options.threads = 1;  // a loop holds its share only
        options.incompleteBytes = 100'000;
        const auto listener = serve(std::move(options));
        const std::string half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + std::string(40'000, 'x');
        const std::string rest(10'000, 'y');
        RawClient first(portOf(*listener));
        RawClient second(portOf(*listener));
        RawClient third(portOf(*listener));
        CPPUNIT_ASSERT(first.send(half));
        CPPUNIT_ASSERT(second.send(half));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("what needs no room is served", 200,
                                     RawClient(portOf(*listener)).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status);
        CPPUNIT_ASSERT(third.send(half));
        CPPUNIT_ASSERT_EQUAL(503, third.read().status);
        CPPUNIT_ASSERT(third.ended());
        CPPUNIT_ASSERT(first.send(rest));
        CPPUNIT_ASSERT_EQUAL(200, first.read().status);
        CPPUNIT_ASSERT(second.send(rest));
        CPPUNIT_ASSERT_EQUAL(200, second.read().status);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("what was held is free again", 200, RawClient(portOf(*listener)).ask(half + rest).status);
    }

    void closesIdleConnectionsWithoutAWord() {
        const auto listener = serve(impatient());
        RawClient silent(portOf(*listener));
        RawClient served(portOf(*listener));
        CPPUNIT_ASSERT_EQUAL(200, served.ask(kGet).status);
        CPPUNIT_ASSERT(silent.ended());
        CPPUNIT_ASSERT(served.ended());
    }

    void cutsClientsThatDoNotRead() {
        const std::string large(64U << 20U, 'x');
        const auto listener = serve(impatient(), [&](Request&&, Respond respond) { respond(saying(large)); });
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT(client.send(kGet));
        // Only the end shows on a socket nobody reads: wait for it, then see that the answer is not whole.
        pollfd waiting{client.descriptor(), POLLRDHUP, 0};
        CPPUNIT_ASSERT_EQUAL(1, ::poll(&waiting, 1, kPatienceMs));
        std::size_t got = 0;
        for (std::string bytes = client.receive(); !bytes.empty(); bytes = client.receive()) got += bytes.size();
        CPPUNIT_ASSERT(got < large.size());
    }

    void answersFromOtherThreads() {
        Kept kept;
        const auto listener = serve(loopback(), kept.handler());
        std::vector<RawClient> clients;
        for (int i = 0; i < 32; ++i) {
            clients.emplace_back(portOf(*listener));
            CPPUNIT_ASSERT(clients.back().send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(kGet)));
        }
        for (int round = 0; round < 2; ++round) {
            auto responds = kept.take(32);
            std::vector<std::thread> threads;
            for (std::size_t t = 0; t < 4; ++t) {
                threads.emplace_back([&, t] {
                    for (std::size_t i = t; i < responds.size(); i += 4) responds[i].second(saying(responds[i].first));
                });
            }
            for (auto& thread : threads) thread.join();
            for (int i = 0; i < 32; ++i) {
                const std::string path = round == 0 ? "/" + std::to_string(i) : "/";
                CPPUNIT_ASSERT_EQUAL(path, clients[static_cast<std::size_t>(i)].read().body);
            }
        }
    }

    void answersABurstAtItsEnd() {
        Kept kept;
        const auto listener = serve(loopback(), kept.handler());
        std::vector<RawClient> clients;
        for (int i = 0; i < 10; ++i) {
            clients.emplace_back(portOf(*listener));
            CPPUNIT_ASSERT(clients.back().send(kGet));
        }
        auto responds = kept.take(10);
        {
            const AnswerBurst burst;
            for (auto& [path, respond] : responds) respond(saying("now"));
            CPPUNIT_ASSERT(!clients.front().readable(50));
        }
        for (auto& client : clients) CPPUNIT_ASSERT_EQUAL(std::string("now"), client.read().body);
    }

    void answersOnceOnly() {
        const auto listener = serve(loopback(), [](Request&&, Respond respond) {
            const Respond copy = respond;
            respond(saying("first"));
            copy(saying("second"));
        });
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT_EQUAL(std::string("first"), client.ask(kGet).body);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), client.ask(kGet).body);
    }

    void answersARespondThatDiedWith500() {
        Kept kept;
        std::atomic<int> lost{0};
        ListenerOptions options = loopback();
        options.events.answerLost = [&] { ++lost; };
        const auto listener = serve(std::move(options), [&](Request&& request, Respond respond) {
            if (request.path == "/later") kept.handler()(std::move(request), std::move(respond));
        });
        for (const std::string path : {"/", "/later"}) {
            RawClient client(portOf(*listener));
            CPPUNIT_ASSERT(client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"));
            if (path == "/later") (void)kept.take(1);
            const Answer answer = client.read();
            CPPUNIT_ASSERT_EQUAL(500, answer.status);
            CPPUNIT_ASSERT(answer.has("Connection: close"));
            CPPUNIT_ASSERT(client.ended());
        }
        CPPUNIT_ASSERT_EQUAL(2, lost.load());
    }

    void ignoresAnswersThatComeTooLate() {
        Kept kept;
        auto listener = serve(loopback(), kept.handler());
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT(client.send(kGet));
        auto responds = kept.take(1);
        listener->stop();
        responds.front().second(saying("stopped"));
        listener.reset();
        responds.clear();
        CPPUNIT_ASSERT(client.ended());
    }

    void servesFiveHundredConnectionsOnTwoThreads() {
        const auto listener = serve();
        std::vector<RawClient> clients;
        for (int i = 0; i < 512; ++i) clients.emplace_back(portOf(*listener));
        for (int round = 0; round < 3; ++round) {
            for (auto& client : clients) CPPUNIT_ASSERT(client.send(kGet));
            for (auto& client : clients) CPPUNIT_ASSERT_EQUAL(200, client.read().status);
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{512}, listener->statistics().open);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1536}, listener->statistics().requests);
    }

    void makesRoomWhenAllSlotsAreTaken() {
        ListenerOptions options = impatient();
        options.maxConnections = 8;
        options.deadlines.head = options.deadlines.idle = base::seconds(60);
        options.deadlines.patience = base::milliseconds(400);
        const auto listener = serve(std::move(options));
        std::vector<RawClient> silent;
        for (int i = 0; i < 8; ++i) silent.emplace_back(portOf(*listener));
        for (int i = 0; i < 3; ++i) {
            RawClient client(portOf(*listener));
            CPPUNIT_ASSERT_EQUAL(200, client.ask(kGet).status);
        }
        CPPUNIT_ASSERT(listener->statistics().shed >= 1);
        CPPUNIT_ASSERT(silent.front().ended());
    }

    void turnsAwayWhenNothingCanBeShed() {
        Kept kept;
        std::atomic<int> told{0};
        ListenerOptions options = impatient();
        options.maxConnections = 4;
        options.events.outOfSlots = [&](std::string_view) { ++told; };
        const auto listener = serve(std::move(options), kept.handler());
        std::vector<RawClient> busy;
        for (int i = 0; i < 4; ++i) {
            busy.emplace_back(portOf(*listener));
            CPPUNIT_ASSERT(busy.back().send(kGet));
        }
        auto responds = kept.take(4);
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT(client.send(kGet));
        const Answer answer = client.read();
        CPPUNIT_ASSERT_EQUAL(503, answer.status);
        CPPUNIT_ASSERT(answer.has("Retry-After: 1"));
        CPPUNIT_ASSERT(told.load() >= 1 && listener->statistics().turnedAway >= 1);
        for (auto& [path, respond] : responds) respond(saying("ok"));
        for (auto& one : busy) CPPUNIT_ASSERT_EQUAL(200, one.read().status);
        busy.clear();
        RawClient later(portOf(*listener));
        CPPUNIT_ASSERT(later.send(kGet));
        kept.take(1).front().second(saying("healed"));
        CPPUNIT_ASSERT_EQUAL(std::string("healed"), later.read().body);
    }

    void healsFromAShortageOfDescriptors() {
        std::atomic<int> told{0};
        ListenerOptions options = impatient();
        options.deadlines.head = options.deadlines.idle = base::seconds(60);
        options.events.outOfSlots = [&](std::string_view) { ++told; };
        const auto listener = serve(std::move(options));
        RawClient before(portOf(*listener));
        CPPUNIT_ASSERT_EQUAL(200, before.ask(kGet).status);
        std::vector<RawClient> hoard(40);
        RawClient good;
        RawClient after;
        {
            const DescriptorLimit limit(6);
            for (auto& client : hoard) client.connect(portOf(*listener));
            good.connect(portOf(*listener));
            CPPUNIT_ASSERT_EQUAL(200, good.ask(kGet).status);  // hoarders are shed, oldest first, until its turn comes
        }
        CPPUNIT_ASSERT(told.load() >= 1);
        after.connect(portOf(*listener));
        CPPUNIT_ASSERT_EQUAL(200, after.ask(kGet).status);
    }

    void drainsWithoutLosingARequest() {
        ListenerOptions options = loopback();
        options.deadlines.patience = base::milliseconds(100);
        options.deadlines.linger = base::milliseconds(200);
        const auto listener = serve(std::move(options));
        const auto port = portOf(*listener);
        std::atomic<int> answers{0};
        std::atomic<int> broken{0};
        // A client that comes after the draining began would be refused, as it should be.
        std::latch warm(8);
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                RawClient client(port);
                for (int i = 0;; ++i) {
                    if (!client.send(kGet)) return;
                    const Answer answer = client.read();
                    if (answer.status == 200) ++answers;
                    if (answer.status != 200) ++broken;
                    if (i == (t == 0 ? 20 : 0)) warm.count_down();
                    if (answer.status != 200 || answer.has("Connection: close")) return;
                }
            });
        }
        RawClient idle(port);
        CPPUNIT_ASSERT_EQUAL(200, idle.ask(kGet).status);
        RawClient silent(port);
        warm.wait();
        const auto drained = listener->drain(base::seconds(10));
        CPPUNIT_ASSERT_MESSAGE(drained ? "" : drained.error().hint, drained.ok());
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(0, broken.load());
        CPPUNIT_ASSERT(answers.load() > 20);
        CPPUNIT_ASSERT(idle.ended() && silent.ended());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, listener->statistics().open);
        ListenerOptions again = loopback();
        again.addresses = {"127.0.0.1:" + std::to_string(port)};
        CPPUNIT_ASSERT_MESSAGE("the port is free again", Listener::open(std::move(again), echo).ok());
    }

    void saysWhenDrainingTakesTooLong() {
        Kept kept;
        const auto listener = serve(loopback(), kept.handler());
        RawClient client(portOf(*listener));
        CPPUNIT_ASSERT(client.send(kGet));
        auto responds = kept.take(1);
        const auto drained = listener->drain(base::milliseconds(50));
        CPPUNIT_ASSERT(!drained.ok() && drained.error().code == base::Errc::Deadline);
        responds.front().second(saying("late"));
        const Answer answer = client.read();
        CPPUNIT_ASSERT_EQUAL(std::string("late"), answer.body);
        CPPUNIT_ASSERT(answer.has("Connection: close"));
        client.endSending();
        CPPUNIT_ASSERT(listener->drain(base::seconds(10)).ok());
    }

    void stopsWithRequestsInFlight() {
        Kept kept;
        auto listener = serve(loopback(), kept.handler());
        RawClient busy(portOf(*listener));
        RawClient idle(portOf(*listener));
        CPPUNIT_ASSERT(busy.send(kGet));
        auto responds = kept.take(1);
        const auto start = Clock::now();
        listener.reset();
        CPPUNIT_ASSERT(since(start) < base::seconds(5));
        CPPUNIT_ASSERT(busy.ended() && idle.ended());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListenerLifeTest);

}  // namespace agentidp::http::tests
