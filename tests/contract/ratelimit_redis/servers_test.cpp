/// ratelimit-redis against servers that are locked, encrypted, watched by Sentinels, killed, emptied and full: what only a real server can
/// get wrong. Below the border, so that every line it logs is seen.
#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "ratelimit_redis.h"
#include "redis_servers.h"
#include "support/plugin_host.h"
#include "support/skip.h"

namespace agentidp::tests {
namespace {

using ratelimit_redis::RateLimitRedis;
using Settings = std::string;  ///< members of the JSON, beside the url

constexpr std::int64_t kMinute = 60'000'000;

/// One daemon's plugin.
class Limiter {
public:
    Limiter(const std::string& url, const Settings& settings = {}) {
        host.secrets["env:REDIS_URL"] = url;
        plugin_.attach(aip::Host(host.table()));
        auto config = aip::Config::parse("{" + settings + "}");
        CPPUNIT_ASSERT(config.ok());
        configured = plugin_.configure(*config);
        if (configured.ok()) started = plugin_.start(call_);
    }
    ~Limiter() { CPPUNIT_ASSERT(plugin_.stop(call_).ok()); }
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    /// Everything the start said when it refused.
    [[nodiscard]] std::string refusal() const {
        const auto& status = configured.ok() ? started : configured;
        CPPUNIT_ASSERT(!status.ok());
        return status.fail().message + " | " + status.fail().detail;
    }
    [[nodiscard]] std::string startFailure() const { return started.ok() ? std::string() : refusal(); }
    aip::Budget take(const std::string& key, std::int64_t limit, std::int64_t cost = 1) {
        auto budget = plugin_.take({key, limit, kMinute, cost}, call_);
        CPPUNIT_ASSERT(budget.ok());
        return *budget;
    }
    aip::Budget count(const std::string& key, std::int64_t limit, std::int64_t cost) {
        auto budget = plugin_.count({key, limit, monthEnd(), cost}, call_);
        CPPUNIT_ASSERT(budget.ok());
        return *budget;
    }
    aip::Status announce(const std::string& jti) { return plugin_.announce("revoked", jti, kMinute, call_); }
    void listen() {
        CPPUNIT_ASSERT(plugin_.listen([](auto, auto) {}, call_).ok());
    }
    std::string health() {
        aip::Fields details;
        CPPUNIT_ASSERT(plugin_.health(details, call_).ok());
        return details.json();
    }
    bool connected() { return health().find(R"("connected":true)") != std::string::npos; }
    void waitUntil(bool connected_) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (connected() != connected_) {
            CPPUNIT_ASSERT_MESSAGE("waited in vain: " + health(), std::chrono::steady_clock::now() < until);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
    std::int64_t wall() { return base::microsOf(host.clock.now()); }
    std::int64_t monthEnd() { return 1'793'000'000'000'000; }
    std::string window() { return std::to_string(wall() / kMinute); }
    std::size_t lines(const std::string& holding) {
        std::size_t count = 0;
        for (const auto& line : host.lines()) count += line.find(holding) != std::string::npos ? 1 : 0;
        return count;
    }

    PluginHost host;
    aip::Status configured, started;

private:
    RateLimitRedis plugin_;
    aip::Host facade_{host.table()};
    aip::Call call_{nullptr, facade_};
};

class RedisServersTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisServersTest);
    CPPUNIT_TEST(writesTheKeysOfTheReference);
    CPPUNIT_TEST(sharesOneBudgetExactlyAmong64ThreadsOfTwoDaemons);
    CPPUNIT_TEST(sharesACounterExactly);
    CPPUNIT_TEST(tellsAWrongPasswordApartAndLeaksNone);
    CPPUNIT_TEST(logsInWithAUser);
    CPPUNIT_TEST(namesWhatTheAclLacks);
    CPPUNIT_TEST(servesWithThePrivilegesOfItsPage);
    CPPUNIT_TEST(refusesACertificateOfAStranger);
    CPPUNIT_TEST(refusesACertificateOfAnotherName);
    CPPUNIT_TEST(servesOverTls);
    CPPUNIT_TEST(refusesAServerThatIsNoRedis);
    CPPUNIT_TEST(followsAFailoverOfTheSentinels);
    CPPUNIT_TEST(staysAwayFromAReplica);
    CPPUNIT_TEST(goesOnAloneWhileRedisIsDeadAndComesBack);
    CPPUNIT_TEST(neverWaitsLongForAFrozenRedis);
    CPPUNIT_TEST(startsWhileRedisIsAway);
    CPPUNIT_TEST(survivesALostScriptCache);
    CPPUNIT_TEST(forgetsNothingItGrantedWhenRedisIsEmptied);
    CPPUNIT_TEST(estimatesWhileRedisIsFull);
    CPPUNIT_TEST(separatesDatabasesAndPrefixes);
    CPPUNIT_TEST(tagsKeysForACluster);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        if (!RedisServers::isHere()) return skip("AGENTIDP_TEST_REDIS names no program that starts Redis servers");
        servers_ = std::make_unique<RedisServers>();
    }
    void tearDown() override { servers_.reset(); }

private:
    std::string server(const std::string& options = {}) { return servers_->ask("server a " + options); }
    std::string cli(const std::string& words) { return servers_->ask("cli a " + words); }

    void writesTheKeysOfTheReference() {
        if (!servers_) return;
        Limiter one(server());
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(one.take("rate:c1", 100).allowed);
        CPPUNIT_ASSERT(one.count("monthly:c1:2026:10", 10'000, 7).allowed);
        CPPUNIT_ASSERT(one.announce("jti-1").ok());
        const std::string rate = "rate:c1:" + one.window();
        CPPUNIT_ASSERT_EQUAL(std::string("3"), cli("GET " + rate));
        CPPUNIT_ASSERT_EQUAL(std::string("int"), cli("OBJECT ENCODING " + rate));
        CPPUNIT_ASSERT_EQUAL(std::string("7"), cli("GET monthly:c1:2026:10"));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), cli("GET revoked:jti-1"));
        const auto rateTtl = std::stoll(cli("PTTL " + rate)), revokedTtl = std::stoll(cli("PTTL revoked:jti-1"));
        CPPUNIT_ASSERT(rateTtl > 55'000 && rateTtl <= 120'000);
        CPPUNIT_ASSERT(revokedTtl > 50'000 && revokedTtl <= 60'000);
        const std::int64_t monthTtl = std::stoll(cli("PTTL monthly:c1:2026:10")), wanted = (one.monthEnd() - one.wall()) / 1'000;
        CPPUNIT_ASSERT(monthTtl <= wanted && monthTtl > wanted - 20'000);
        CPPUNIT_ASSERT_EQUAL(std::string("3"), cli("DBSIZE"));
    }

    void sharesOneBudgetExactlyAmong64ThreadsOfTwoDaemons() {
        if (!servers_) return;
        const auto url = server();
        Limiter one(url), other(url);
        constexpr std::int64_t kLimit = 1'000;
        std::atomic<std::int64_t> granted{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 64; ++i)
            threads.emplace_back([&, i] {
                auto& mine = i % 2 == 0 ? one : other;
                for (int k = 0; k < 40; ++k)
                    if (mine.take("rate:shared", kLimit).allowed) ++granted;
            });
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(kLimit, granted.load());
        CPPUNIT_ASSERT_EQUAL(std::string("1000"), cli("GET rate:shared:" + one.window()));
    }

    void sharesACounterExactly() {
        if (!servers_) return;
        const auto url = server();
        Limiter one(url), other(url);
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&, i] {
                for (int k = 0; k < 50; ++k) (i % 2 == 0 ? one : other).count("monthly:shared:2026:10", 500, 1);
            });
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(std::string("800"), cli("GET monthly:shared:2026:10"));
        const auto over = other.count("monthly:shared:2026:10", 500, 0);
        CPPUNIT_ASSERT(!over.allowed && over.remaining == 0);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{200}, one.count("monthly:shared:2026:10", 1'000, 0).remaining);
    }

    void tellsAWrongPasswordApartAndLeaksNone() {
        if (!servers_) return;
        const auto url = server("password=right");
        const auto at = url.substr(url.find('@') + 1);
        const std::string wrong = "hunter2leak";
        for (const auto& tried : {"redis://:" + wrong + "@" + at, "redis://someone:" + wrong + "@" + at}) {
            Limiter one(tried);
            CPPUNIT_ASSERT(one.refusal().find("WRONGPASS") != std::string::npos);
            CPPUNIT_ASSERT(one.refusal().find(wrong) == std::string::npos);
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one.lines(wrong));
        }
        Limiter nobody("redis://" + at);
        CPPUNIT_ASSERT(nobody.refusal().find("NOAUTH") != std::string::npos);
        // A server that knows no AUTH repeats what it was sent.
        const auto renamed = servers_->ask("server b rename-command=AUTH%20nothing");
        Limiter echoed("redis://:" + wrong + "@" + renamed.substr(renamed.find("//") + 2));
        CPPUNIT_ASSERT(echoed.refusal().find("refuses user or password") != std::string::npos);
        CPPUNIT_ASSERT(echoed.refusal().find(wrong) == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, echoed.lines(wrong));
    }

    void logsInWithAUser() {
        if (!servers_) return;
        Limiter one(server("password=p user=agentidp"));
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(one.take("rate:c", 1).allowed && !one.take("rate:c", 1).allowed);
        CPPUNIT_ASSERT(one.connected());
    }

    void namesWhatTheAclLacks() {
        if (!servers_) return;
        const auto url = server();
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("ACL SETUSER poor on >p ~nothing:* +@all"));
        Limiter one("redis://poor:p@" + url.substr(url.find("//") + 2));
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(one.take("rate:c", 1).allowed);
        CPPUNIT_ASSERT(!one.take("rate:c", 1).allowed);
        CPPUNIT_ASSERT(one.health().find("NOPERM") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("NOPERM"));
    }

    /// docs/operators/ratelimit-redis.md, Privileges.
    void servesWithThePrivilegesOfItsPage() {
        if (!servers_) return;
        const auto url = server();
        CPPUNIT_ASSERT_EQUAL(std::string("OK"),
                             cli("ACL SETUSER agentidp on >p resetkeys resetchannels ~rate:* ~monthly:* ~revoked:* &agentidp:hints:* "
                                 "-@all +eval +evalsha +get +mget +incrby +pexpire +pttl +set +publish +subscribe +ping +select +role "
                                 "+client|setname"));
        Limiter one("redis://agentidp:p@" + url.substr(url.find("//") + 2));
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(one.take("rate:p", 2).allowed && one.take("rate:p", 2).allowed && !one.take("rate:p", 2).allowed);
        CPPUNIT_ASSERT(one.count("monthly:p:2026:10", 10, 1).allowed);
        CPPUNIT_ASSERT(one.announce("jti").ok());
        CPPUNIT_ASSERT_MESSAGE(one.health(), one.connected());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one.host.lines().size());
        one.listen();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (one.health().find(R"("listening":true)") == std::string::npos) {
            CPPUNIT_ASSERT(std::chrono::steady_clock::now() < until);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }

    void servesOverTls() {
        if (!servers_) return;
        const auto told = server("tls=1 password=p");
        const auto url = told.substr(0, told.find(' ')), ca = told.substr(told.find(' ') + 1);
        Limiter one(url, R"("tls_ca_file": ")" + ca + "\"");
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(one.connected());
        for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT(one.take("rate:tls", 100).allowed);
        CPPUNIT_ASSERT(!one.take("rate:tls", 100).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("100"), cli("GET rate:tls:" + one.window()));
        Limiter byName(url, R"("tls_name": "localhost", "tls_ca_file": ")" + ca + "\"");
        CPPUNIT_ASSERT_EQUAL(std::string(), byName.startFailure());
    }

    void refusesACertificateOfAStranger() {
        if (!servers_) return;
        const auto told = server("tls=1"), other = servers_->ask("server b tls=1");
        const auto url = told.substr(0, told.find(' ')), strangersCa = other.substr(other.find(' ') + 1);
        Limiter stranger(url, R"("tls_ca_file": ")" + strangersCa + "\"");
        CPPUNIT_ASSERT_MESSAGE(stranger.refusal(), stranger.refusal().find("is not trusted") != std::string::npos);
        Limiter machine(url);
        CPPUNIT_ASSERT_MESSAGE(machine.refusal(), machine.refusal().find("is not trusted") != std::string::npos);
    }

    void refusesACertificateOfAnotherName() {
        if (!servers_) return;
        const auto told = server("tls=1");
        const auto url = told.substr(0, told.find(' ')), ca = told.substr(told.find(' ') + 1);
        Limiter one(url, R"("tls_name": "redis.example", "tls_ca_file": ")" + ca + "\"");
        CPPUNIT_ASSERT_MESSAGE(one.refusal(), one.refusal().find("issued to another name") != std::string::npos);
    }

    void refusesAServerThatIsNoRedis() {
        if (!servers_) return;
        // A Redis that speaks TLS answers a plain greeting by an alert.
        const auto told = server("tls=1");
        const auto url = told.substr(0, told.find(' '));
        Limiter plain("redis://" + url.substr(url.find("//") + 2));
        CPPUNIT_ASSERT(!plain.startFailure().empty() || !plain.connected());
        CPPUNIT_ASSERT(plain.startFailure().find("not Redis") != std::string::npos || !plain.health().empty());
    }

    void followsAFailoverOfTheSentinels() {
        if (!servers_) return;
        const auto told = servers_->ask("sentinels s password=p");
        const auto name = told.substr(0, told.find(' '));
        std::string list;
        for (const char byte : "\"" + told.substr(told.find(' ') + 1) + "\"")
            list += byte == ',' ? std::string("\",\"") : std::string(1, byte);
        Limiter one("redis://:p@not-used", R"("master": ")" + name + R"(", "sentinels": [)" + list + "]");
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(one.take("rate:f", 10, 4).allowed);
        CPPUNIT_ASSERT(one.connected());
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), servers_->ask("failover s"));
        one.waitUntil(true);
        const auto after = one.take("rate:f", 10, 4);
        CPPUNIT_ASSERT(after.allowed && after.remaining == 2);
        CPPUNIT_ASSERT(!one.take("rate:f", 10, 4).allowed);
        CPPUNIT_ASSERT(one.connected());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("serves again after"));
    }

    void staysAwayFromAReplica() {
        if (!servers_) return;
        const auto url = server();
        Limiter one(url);
        CPPUNIT_ASSERT(one.take("rate:r", 10).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("REPLICAOF 127.0.0.1 1"));
        const auto still = one.take("rate:r", 10);
        CPPUNIT_ASSERT(still.allowed && still.remaining == 8);
        one.waitUntil(false);
        CPPUNIT_ASSERT_MESSAGE(one.health(), one.health().find("READONLY") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("REPLICAOF NO ONE"));
        one.waitUntil(true);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, one.take("rate:r", 10).remaining);
    }

    void goesOnAloneWhileRedisIsDeadAndComesBack() {
        if (!servers_) return;
        const auto url = server();
        Limiter one(url), other(url);
        for (int i = 0; i < 30; ++i) CPPUNIT_ASSERT(one.take("rate:k", 100).allowed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{65}, other.take("rate:k", 100, 5).remaining);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{93}, one.count("monthly:k:2026:10", 100, 7).remaining);
        servers_->ask("kill a");
        // What this process was granted is known to it; what others took is not.
        std::int64_t granted = 0;
        for (int i = 0; i < 120; ++i) granted += one.take("rate:k", 100).allowed ? 1 : 0;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{70}, granted);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{92}, one.count("monthly:k:2026:10", 100, 1).remaining);
        CPPUNIT_ASSERT(!one.announce("jti").ok());
        CPPUNIT_ASSERT(!one.connected());
        for (int i = 0; i < 100; ++i) (void)one.health();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("limits hold for this process alone"));
        servers_->ask("start a");
        one.waitUntil(true);
        other.waitUntil(true);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("serves again after"));
        CPPUNIT_ASSERT(!one.take("rate:k", 100).allowed);
        // The server came back empty. The first answer of each process brings back what it knows.
        CPPUNIT_ASSERT_EQUAL(std::int64_t{91}, one.count("monthly:k:2026:10", 100, 1).remaining);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{91}, other.count("monthly:k:2026:10", 100, 0).remaining);
    }

    void neverWaitsLongForAFrozenRedis() {
        if (!servers_) return;
        Limiter one(server());
        CPPUNIT_ASSERT(one.take("rate:z", 1'000).allowed);
        servers_->ask("freeze a");
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < 200; ++i) CPPUNIT_ASSERT(one.take("rate:z", 1'000).allowed);
        const auto took = std::chrono::steady_clock::now() - began;
        // Each connection is waited for once, then nobody waits.
        CPPUNIT_ASSERT_MESSAGE(std::to_string(std::chrono::duration<double>(took).count()), took < std::chrono::seconds(2));
        CPPUNIT_ASSERT(!one.connected());
        servers_->ask("thaw a");
        one.waitUntil(true);
        CPPUNIT_ASSERT(one.take("rate:z", 1'000).allowed);
        CPPUNIT_ASSERT(std::stoll(cli("GET rate:z:" + one.window())) >= 201);
    }

    void startsWhileRedisIsAway() {
        if (!servers_) return;
        const auto url = server();
        servers_->ask("kill a");
        Limiter one(url);
        CPPUNIT_ASSERT_EQUAL(std::string(), one.startFailure());
        CPPUNIT_ASSERT(!one.connected());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("cannot be reached"));
        CPPUNIT_ASSERT(one.take("rate:s", 2).allowed && one.take("rate:s", 2).allowed && !one.take("rate:s", 2).allowed);
        servers_->ask("start a");
        one.waitUntil(true);
        CPPUNIT_ASSERT(!one.take("rate:s", 2).allowed);
    }

    void survivesALostScriptCache() {
        if (!servers_) return;
        Limiter one(server());
        CPPUNIT_ASSERT(one.take("rate:n", 10).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("SCRIPT FLUSH"));
        const auto after = one.take("rate:n", 10);
        CPPUNIT_ASSERT(after.allowed && after.remaining == 8);
        CPPUNIT_ASSERT_EQUAL(std::string("2"), cli("GET rate:n:" + one.window()));
        CPPUNIT_ASSERT(one.connected());
    }

    void forgetsNothingItGrantedWhenRedisIsEmptied() {
        if (!servers_) return;
        Limiter one(server());
        CPPUNIT_ASSERT(one.take("rate:e", 10, 6).allowed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, one.count("monthly:e:2026:10", 10, 7).remaining);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("FLUSHALL"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, one.take("rate:e", 10).remaining);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, one.count("monthly:e:2026:10", 10, 1).remaining);
        CPPUNIT_ASSERT_EQUAL(std::string("7"), cli("GET rate:e:" + one.window()));
        CPPUNIT_ASSERT(std::stoll(cli("PTTL rate:e:" + one.window())) > 0);
        CPPUNIT_ASSERT_EQUAL(std::string("8"), cli("GET monthly:e:2026:10"));
    }

    void estimatesWhileRedisIsFull() {
        if (!servers_) return;
        Limiter one(server());
        CPPUNIT_ASSERT(one.take("rate:o", 10).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("CONFIG SET maxmemory 1mb"));
        std::int64_t granted = 1;
        for (int i = 0; i < 20; ++i) granted += one.take("rate:o", 10).allowed ? 1 : 0;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, granted);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one.lines("no memory left"));
        CPPUNIT_ASSERT_MESSAGE(one.health(), one.health().find("OOM") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("OK"), cli("CONFIG SET maxmemory 0"));
        CPPUNIT_ASSERT(one.take("rate:o2", 10).allowed);
        CPPUNIT_ASSERT(one.connected());
    }

    void separatesDatabasesAndPrefixes() {
        if (!servers_) return;
        const auto url = server();
        Limiter zero(url), three(url + "/3"), named(url, R"("prefix": "idp:")");
        for (auto* each : {&zero, &three, &named}) CPPUNIT_ASSERT(each->take("rate:d", 1).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("1"), cli("-n 3 GET rate:d:" + zero.window()));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), cli("GET idp:rate:d:" + zero.window()));
    }

    void tagsKeysForACluster() {
        if (!servers_) return;
        Limiter one(server(), R"("hash_tags": true)");
        CPPUNIT_ASSERT(one.take("rate:h", 1).allowed && !one.take("rate:h", 1).allowed);
        CPPUNIT_ASSERT_EQUAL(std::string("1"), cli("GET {rate:h}:" + one.window()));
        CPPUNIT_ASSERT_EQUAL(cli("CLUSTER KEYSLOT {rate:h}:1"), cli("CLUSTER KEYSLOT {rate:h}:2"));
    }

    std::unique_ptr<RedisServers> servers_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisServersTest);

}  // namespace
}  // namespace agentidp::tests
