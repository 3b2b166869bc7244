#include "ratelimit_redis.h"

#include <algorithm>

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::int64_t kMaxCost = 1'000;
constexpr std::int64_t kMinuteUs = 60'000'000;
/// Less than this is the time between two readings, not a clock that was set back.
constexpr std::int64_t kSetBackUs = 1'000'000;
/// What a caller needs to come back with the local answer before its deadline.
constexpr std::chrono::milliseconds kToGoHome{5};

std::string text(std::int64_t number) { return std::to_string(number); }
std::int64_t millisecondsOf(std::int64_t us) { return std::max<std::int64_t>(1, (us + 999) / 1'000); }

bool isIntegers(const Reply& reply, std::size_t count) {
    return reply.kind == Reply::Kind::Array && reply.items.size() == count &&
           std::all_of(reply.items.begin(), reply.items.end(), [](const Reply& item) { return item.kind == Reply::Kind::Integer; });
}

}  // namespace

aip::Status RateLimitRedis::configure(const aip::Config& config) {
    auto settings = Settings::read(config);
    if (!settings) return settings.fail();
    settings_ = std::move(*settings);
    return {};
}

aip::Outcome<Dialling> RateLimitRedis::dialling() const {
    const auto url = host().secret(settings_.url);
    if (!url) return url.fail();
    auto address = parseUrl(url->view());
    if (!address) return address.fail();
    Dialling how;
    how.address = std::move(*address);
    how.sentinels = settings_.sentinels;
    how.master = settings_.master;
    how.within = settings_.connectWithin;
    if (!settings_.sentinelPassword.empty()) {
        auto password = host().secret(settings_.sentinelPassword);
        if (!password) return password.fail();
        how.sentinelPassword = std::move(*password);
    }
    if (how.address.tls) {
        auto trust = Trust::make(settings_.caFile, settings_.tlsName);
        if (!trust) return trust.fail();
        how.trust = std::move(*trust);
    } else if (!settings_.caFile.empty() || !settings_.tlsName.empty()) {
        return aip::invalid("tls_ca_file or tls_name is set, and the Redis url begins with redis://; write rediss://");
    }
    return how;
}

aip::Status RateLimitRedis::start(const aip::Call&) {
    auto how = dialling();
    if (!how) return how.fail();
    ratelimit::HashSeed seed;
    if (auto random = host().random(&seed, sizeof seed); !random) return random;
    dialer_ = std::make_unique<Dialer>(std::move(*how));
    standing_ = std::make_unique<Standing>(host());
    Trouble why;
    const std::atomic<bool> stopping{false};
    auto connection = dialer_->dial(stopping, why);
    if (!connection && why.isMistake()) return aip::denied("Redis cannot be used", why.text());
    if (!connection) standing_->stillDown(why);
    local_ = std::make_unique<ratelimit::Budgets>(settings_.localKeys, seed);
    for (std::size_t i = 0; i < settings_.pool; ++i) {
        wires_.push_back(std::make_unique<Wire>(*dialer_, *standing_, settings_.answerWithin));
        wires_.back()->start(std::move(connection));
    }
    return {};
}

aip::Status RateLimitRedis::stop(const aip::Call&) {
    subscriber_.reset();
    wires_.clear();
    return {};
}

aip::Status RateLimitRedis::health(aip::Fields& details, const aip::Call& call) {
    static const std::string ping = command({"PING"});
    Reply reply;
    const auto asked = wire().ask(ping, call, patience(call), reply);
    auto state = standing_->state();
    const bool connected = asked == Wire::Asked::Answered && !reply.isError() && state.connected;
    if (!connected && state.why.empty()) state.why = Trouble{Cause::Slow, state.server}.text();
    const auto size = local_->size();
    const auto behind = now().behind;
    bool listening = false;
    {
        const std::lock_guard lock(listenMutex_);
        listening = subscriber_ != nullptr && subscriber_->listening();
    }
    details.boolean("connected", connected)
        .text("server", state.server)
        .text("why", connected ? std::string() : state.why)
        .boolean("listening", listening)
        .integer("local_answers", state.localAnswers)
        .integer("local_windows", static_cast<std::int64_t>(size.windows))
        .integer("local_counters", static_cast<std::int64_t>(size.counters))
        .integer("clock_behind_ms", behind > kSetBackUs ? behind / 1'000 : 0);
    return {};
}

ratelimit::ForwardClock::Reading RateLimitRedis::now() {
    const auto wall = host().wallUs();
    return clock_.read(wall, host().monoNs());
}

/// The least loaded; one that has no connection only where none has.
Wire& RateLimitRedis::wire() {
    return **std::min_element(wires_.begin(), wires_.end(), [](const auto& a, const auto& b) { return a->load() < b->load(); });
}

Moment RateLimitRedis::patience(const aip::Call& call) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(call.left()) - kToGoHome;
    return std::chrono::steady_clock::now() + std::clamp(left, std::chrono::milliseconds(0), settings_.answerWithin);
}

aip::Outcome<std::optional<Reply>> RateLimitRedis::ask(const Question& question, const aip::Call& call) {
    const auto until = patience(call);
    auto& wire = this->wire();
    Reply reply;
    auto asked = wire.ask(question.script.evalsha(question.keys, question.arguments), call, until, reply);
    if (asked == Wire::Asked::Answered && reply.isError() && reply.text.compare(0, 8, "NOSCRIPT") == 0)
        asked = wire.ask(question.script.eval(question.keys, question.arguments), call, until, reply);
    if (asked == Wire::Asked::Cancelled) return aip::cancelled();
    if (asked != Wire::Asked::Answered) return std::optional<Reply>();
    if (reply.isError()) {
        standing_->refused(troubleOf(reply.text));
        return std::optional<Reply>();
    }
    standing_->served();
    return std::optional<Reply>(std::move(reply));
}

/// rate:<client>:<minute> as the reference has it; a window of another length says so behind its number. With hash tags the braces are
/// around what both windows of one budget have in common.
std::string RateLimitRedis::windowKey(std::string_view key, std::int64_t windowUs, std::int64_t index) const {
    std::string out = settings_.prefix;
    out += settings_.hashTags ? "{" + std::string(key) + "}" : std::string(key);
    out += ":" + text(index);
    if (windowUs != kMinuteUs) out += "/" + text(windowUs);
    return out;
}

/// PUBLISH knows no databases: each has a channel of its own.
std::string RateLimitRedis::channel() const { return settings_.prefix + "agentidp:hints:" + std::to_string(dialer_->how().address.db); }

aip::Outcome<aip::Budget> RateLimitRedis::take(const Take& what, const aip::Call& call) {
    if (what.cost < 1 || what.cost > kMaxCost) return aip::invalid("a cost is 1 to 1000");
    if (what.windowUs < 1 || what.limit < 0) return aip::invalid("a window is longer than 0, a limit not below 0");
    const auto at = now();
    const auto index = at.us / what.windowUs, end = (index + 1) * what.windowUs;
    const auto limit = std::min(what.limit, kMostInScript);
    const auto told = [&](bool allowed, std::int64_t remaining) {
        return aip::Budget{allowed, what.limit, std::max<std::int64_t>(remaining, 0), end - (at.behind > kSetBackUs ? at.behind : 0)};
    };
    // What this process was granted alone fills the budget: a client that hammers on costs no round trip.
    const auto known = local_->taken(what.key, what.windowUs, at.us);
    if (known.current + known.weighted >= limit) return told(false, 0);

    const auto ticks = ticksOf(end - at.us, what.windowUs);
    auto reply = ask({takeScript(),
                      {windowKey(what.key, what.windowUs, index), windowKey(what.key, what.windowUs, index - 1)},
                      {text(limit), text(what.cost), text(ticks.left), text(ticks.window),
                       text(millisecondsOf(end - at.us + what.windowUs)), text(known.current), text(known.previous)}},
                     call);
    if (!reply) return reply.fail();
    if (!*reply || !isIntegers(**reply, 3)) {
        standing_->answeredLocally();
        const auto answer = local_->take(what.key, limit, what.windowUs, what.cost, at.us);
        return told(answer.allowed, answer.remaining);
    }
    const auto& numbers = (*reply)->items;
    const bool allowed = numbers[0].number == 1;
    if (allowed) local_->grant(what.key, limit, what.windowUs, what.cost, at.us);
    return told(allowed, limit - numbers[1].number - numbers[2].number);
}

aip::Outcome<aip::Budget> RateLimitRedis::count(const Count& what, const aip::Call& call) {
    if (what.cost < 0 || what.limit < 0 || what.periodEndUs < 0) return aip::invalid("a cost, a limit and a time are not below 0");
    const auto at = now();
    const auto limit = std::min(what.limit, kMostInScript), cost = std::min(what.cost, kMostInScript);
    const auto known = local_->raise(what.key, limit, what.periodEndUs, 0, at.us);
    auto reply = ask({countScript(),
                      {settings_.prefix + std::string(what.key)},
                      {text(cost), text(std::min(known, kMostInScript)), text(millisecondsOf(what.periodEndUs - at.us))}},
                     call);
    if (!reply) return reply.fail();
    if (!*reply || (*reply)->kind != Reply::Kind::Integer) {
        standing_->answeredLocally();
        const auto answer = local_->count(what.key, limit, what.periodEndUs, cost, at.us);
        return aip::Budget{answer.allowed, what.limit, answer.remaining, what.periodEndUs};
    }
    const auto sum = local_->raise(what.key, limit, what.periodEndUs, (*reply)->number, at.us);
    // Another thread's later sum may stand there already: this call is answered by its own.
    const auto own = std::min(sum, (*reply)->number);
    return aip::Budget{own <= limit, what.limit, std::max<std::int64_t>(limit - own, 0), what.periodEndUs};
}

aip::Status RateLimitRedis::announce(std::string_view topic, std::string_view key, std::int64_t ttlUs, const aip::Call& call) {
    if (!isTopic(topic) || key.empty()) return aip::invalid("a topic is a lower-case word, a key is not empty");
    const std::string hint = std::string(topic) + ":" + std::string(key);
    auto reply =
        ask({announceScript(), {settings_.prefix + hint}, {ttlUs <= 0 ? "0" : text(millisecondsOf(ttlUs)), channel(), hint}}, call);
    if (!reply) return reply.fail();
    if (!*reply) return aip::unavailable("the hint was not announced", standing_->state().why);
    return {};
}

aip::Status RateLimitRedis::listen(Hint hint, const aip::Call&) {
    const std::lock_guard lock(listenMutex_);
    if (subscriber_) return aip::conflict("somebody listens already");
    subscriber_ = std::make_unique<Subscriber>(*dialer_, channel(), std::move(hint));
    return {};
}

}  // namespace agentidp::ratelimit_redis

AGENTIDP_PLUGIN(RATELIMIT, agentidp::ratelimit_redis::RateLimitRedis, "redis", "1.0.0", "AgentIdP",
                AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS, R"json({
    "url": {"type": "secret_ref", "default": "env:REDIS_URL", "doc": "Where the address stands: redis://[[user]:password@]host[:port][/db], or rediss:// for TLS. With sentinels, host and port are not used."},
    "prefix": {"type": "string", "default": "", "doc": "Put before every key and channel; the reference's tools know none."},
    "pool": {"type": "integer", "default": 2, "min": 1, "max": 32, "doc": "Connections; each carries the calls of many requests at once."},
    "connect_timeout_ms": {"type": "integer", "default": 1000, "min": 50, "max": 10000, "doc": "For one attempt to reach a server, login included. No request waits for it."},
    "timeout_ms": {"type": "integer", "default": 150, "min": 10, "max": 5000, "doc": "A server that takes longer to answer is given up, and a request waits no longer."},
    "tls_ca_file": {"type": "string", "default": "", "doc": "PEM file of the certificate authorities that are trusted, and no others; empty: those of the machine."},
    "tls_name": {"type": "string", "default": "", "doc": "The name that certificates must be issued to; empty: the host that is connected to."},
    "sentinels": {"type": "list", "default": [], "doc": "host:port of each Sentinel, which are asked in this order where the master is."},
    "master": {"type": "string", "default": "", "doc": "The master's name among the Sentinels."},
    "sentinel_password": {"type": "secret_ref", "doc": "The password of the Sentinels, if they have one."},
    "hash_tags": {"type": "boolean", "default": false, "doc": "Keys with hash tags, {rate:<client>}:<window>, for a Redis Cluster behind a proxy. The reference's tools do not know them."},
    "local_keys": {"type": "integer", "default": 100000, "min": 1000, "max": 10000000, "doc": "How many budgets, and how many counters, this process remembers itself, for the time that Redis is away; about 100 bytes each."}
})json")
