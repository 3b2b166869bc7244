"""Redis has no memory left, evicts what it holds, or is a replica that takes no writes."""
from daemon import Daemon
from redis import Missing, Redis, eventually
from redis_faults import early_in_a_minute, introspected, revoke, token_of

ROW = 10
DID = ("half of a client's minute was spent; then maxmemory was set to 1 MB without eviction (OOM), or Redis evicted every key of ours in a flood of foreign "
       "ones, or was made a replica (READONLY); then the rest was asked for, and a revoked token introspected.")
EXPECTED = ("a miss in Redis is never 'not revoked' and never a new budget: the revoked token stays inactive, the client gets its 100 of the minute and no more, "
            "readiness holds.")
LIMIT = 100
FLOOD = "for i = 1, 20000 do redis.call('SET', 'foreign:' .. i, string.rep('x', 200)) end return redis.call('DBSIZE')"


def fill_up(redis):
    redis.cli("CONFIG", "SET", "maxmemory", "1mb")


def evict(redis):
    redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    # All that is there may have to go for the flood, and more than once.
    redis.cli("CONFIG", "SET", "maxmemory", "2mb")
    for _ in range(50):
        redis.cli("EVAL", FLOOD, "0")
        if not redis.keys("rate:*"):
            return
    raise AssertionError("Redis evicted none of our keys")


def demote(redis):
    redis.cli("REPLICAOF", "127.0.0.1", "1")


def spent(daemon, agent, requests):
    statuses = [daemon.token(agent["agentId"], agent["clientSecret"]).status for _ in range(requests)]
    assert set(statuses) <= {200, 429}, statuses
    return statuses.count(200)


def run():
    saw = []
    for name, harm in (("full", fill_up), ("evicting", evict), ("a replica", demote)):
        try:
            redis = Redis()
        except Missing as missing:
            return f"skip: {missing}"
        with redis, Daemon(env={"REDIS_URL": redis.url}) as daemon:
            agent, judge = daemon.agent("faults-10", ["agents:read"]), daemon.agent("faults-10-judge", ["agents:read"])
            token = token_of(daemon, judge)
            revoke(daemon, judge, token)
            early_in_a_minute(40)
            first = spent(daemon, agent, LIMIT // 2)
            harm(redis)
            held = redis.keys("r*:*")
            then = spent(daemon, agent, LIMIT)
            assert first + then == LIMIT, f"Redis {name}: {first} and {then} requests of a minute passed, {LIMIT} may"
            looks = [introspected(daemon, judge, token) for _ in range(20)]
            assert not any(looks), f"Redis {name}: a revoked token was active"
            assert daemon.request("GET", "/readyz").status == 200
            if name != "evicting":
                eventually(lambda: daemon.request("GET", "/health").json()["redis"] == "error")
            saw.append(f"Redis {name} ({len(held)} of our keys left): {first} + {then} of {LIMIT} passed, 0 of {len(looks)} looks active")
    return "; ".join(saw) + "."
