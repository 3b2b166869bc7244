/// ratelimit-redis through the kernel's loader and adapter, against a real server: the contract, and the adapter's hints. The server is
/// named by REDIS_URL (tests/support/redis.py starts one).
#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "fakes/fake_clock.h"
#include "fakes/fake_rate_limiter.h"
#include "plugin/contract/ratelimit_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"

namespace agentidp::tests {
namespace {

using plugin::contract::RateLimiterSubject;

base::Result<base::Secret> serverUrl(std::string_view) {
    const char* url = std::getenv("REDIS_URL");
    return base::Secret::fromText(url != nullptr ? url : "");
}

std::string freshPrefix() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(getpid()) + "-" + std::to_string(++number) + ":";
}

struct Loaded {
    explicit Loaded(const base::Clock& clock) : plugin(clock, plugin::wanted(AIP_KIND_RATELIMIT, "redis", {}), "", {}, serverUrl) {}
    plugin::RateLimiter& limiter() { return plugin.catalog().rateLimiter(); }
    LoadedPlugin plugin;
};

class RatelimitRedisBench {
public:
    RatelimitRedisBench() {
        // Where there is no server the promises of the fake are kept, and the case is told as skipped.
        if (std::getenv("REDIS_URL") == nullptr)
            skip("REDIS_URL names no Redis server");
        else
            loaded_ = std::make_unique<Loaded>(clock_);
        subject_.limiter = loaded_ ? &loaded_->limiter() : static_cast<plugin::RateLimiter*>(&fake_);
        subject_.clock = &clock_;
        subject_.advance = [this](base::microseconds by) { clock_.advance(by); };
        subject_.stepWall = [this](base::microseconds by) { clock_.stepWall(by); };
        subject_.keyPrefix = freshPrefix();
        subject_.maxCalls = 20'000;
    }
    RateLimiterSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    FakeRateLimiter fake_{clock_};
    std::unique_ptr<Loaded> loaded_;
    RateLimiterSubject subject_;
};

const RegisterContract<RatelimitRedisBench, RateLimiterSubject> kRedis("ratelimit_redis", plugin::contract::ratelimitContract());

/// What a listener heard, in order.
class Heard {
public:
    void operator()(std::string_view topic, std::string_view key) {
        const std::lock_guard lock(mutex_);
        hints_.push_back(std::string(topic) + "=" + std::string(key));
        more_.notify_all();
    }
    bool has(const std::string& hint) {
        std::unique_lock lock(mutex_);
        return more_.wait_for(lock, std::chrono::milliseconds(100),
                              [&] { return std::find(hints_.begin(), hints_.end(), hint) != hints_.end(); });
    }

private:
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<std::string> hints_;
};

class RedisHintsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisHintsTest);
    CPPUNIT_TEST(hearsWhatAnotherDaemonAnnounces);
    CPPUNIT_TEST(takesOneListenerAndRefusesAnother);
    CPPUNIT_TEST(refusesATopicThatIsNone);
    CPPUNIT_TEST_SUITE_END();

    static bool isServed() {
        if (std::getenv("REDIS_URL") != nullptr) return true;
        skip("REDIS_URL names no Redis server");
        return false;
    }
    plugin::Call call() const { return plugin::callWithin(clock_, base::seconds(10)); }

    void hearsWhatAnotherDaemonAnnounces() {
        if (!isServed()) return;
        auto heard = std::make_shared<Heard>();
        Loaded one(clock_), other(clock_);
        CPPUNIT_ASSERT(other.limiter().listen([heard](auto topic, auto key) { (*heard)(topic, key); }, call()).ok());
        // A hint is lost where nobody listens yet: it is announced until it is heard.
        const std::string key = freshPrefix() + "jti with: colon";
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!heard->has("revoked=" + key)) {
            CPPUNIT_ASSERT(std::chrono::steady_clock::now() < until);
            const auto announced = one.limiter().announce("revoked", key, base::seconds(60), call());
            CPPUNIT_ASSERT_MESSAGE(announced.ok() ? "" : announced.error().detail, announced.ok());
        }
        CPPUNIT_ASSERT(one.limiter().announce("other", "k", base::microseconds(0), call()).ok());
        while (!heard->has("other=k")) CPPUNIT_ASSERT(std::chrono::steady_clock::now() < until);
    }
    void takesOneListenerAndRefusesAnother() {
        if (!isServed()) return;
        Loaded one(clock_);
        CPPUNIT_ASSERT(one.limiter().listen([](auto, auto) {}, call()).ok());
        const auto again = one.limiter().listen([](auto, auto) {}, call());
        CPPUNIT_ASSERT(!again.ok());
        CPPUNIT_ASSERT(again.error().code == base::Errc::Conflict);
    }
    void refusesATopicThatIsNone() {
        if (!isServed()) return;
        Loaded one(clock_);
        for (const auto* topic : {"", "with:colon", "Upper", "1st", "a b"}) {
            const auto refused = one.limiter().announce(topic, "k", base::seconds(1), call());
            CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::Invalid);
        }
    }

    FakeClock clock_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisHintsTest);

}  // namespace
}  // namespace agentidp::tests
