"""Redis forgets everything, or dies, right after a revocation was acknowledged."""
import time

from bed import Bed
from daemon import Daemon
from redis import Missing, Redis
from redis_faults import introspected, revoke, token_of

ROW = 9
DID = "tokens were revoked, and right after each answer Redis was emptied by FLUSHALL, restarted cold, or killed; then the token was introspected 20 times. Then a random load with a monthly quota that is enforced, Redis being emptied twice a second."
EXPECTED = "a revoked token is inactive from the first answer on, whatever Redis has lost, and nobody gets more tokens than the quota: Redis is never the truth."
ROUNDS, LOOKS = 60, 20
QUOTA, FLUSHES = 60, 20


def over_a_quota(redis):
    """How many agents used their month up, and how many tokens were issued in all."""
    with Bed("9", {"quota.mode": "enforce", "quota.monthly.tokens": str(QUOTA)}, {"REDIS_URL": redis.url}) as bed:
        bed.load()
        for _ in range(FLUSHES):
            time.sleep(0.5)
            redis.cli("FLUSHALL")
        bed.end_load()
        issued = [call["agent"] for call in bed.world.history["calls"] if call["op"] == "issue" and call["ok"]]
        counts = {agent: issued.count(agent) for agent in set(issued)}
        bed.world.history["quota"] = {agent: (QUOTA, 0) for agent in counts}
        bed.close()
        return sum(count == QUOTA for count in counts.values()), len(issued)


def run():
    try:
        redis = Redis()
    except Missing as missing:
        return f"skip: {missing}"
    raised = {"ratelimit.client.per_minute": "1000000", "quota.mode": "off"}
    with redis, Daemon(raised, env={"REDIS_URL": redis.url}) as daemon:
        agent = daemon.agent("faults-9", ["agents:read"])
        looks, dead, done = 0, [], {"flushed": 0, "restarted": 0, "killed": 0}
        for number in range(ROUNDS):
            token = token_of(daemon, agent)
            assert introspected(daemon, agent, token) is True
            how = "restarted" if number % 10 == 5 else "killed" if number % 10 == 9 else "flushed"
            revoke(daemon, agent, token)
            if how == "flushed":
                redis.cli("FLUSHALL")
            else:
                redis.kill()
            if how == "restarted":
                redis.start()
            for look in range(LOOKS):
                assert introspected(daemon, agent, token) is False, f"round {number} ({how}): active again at look {look}"
                looks += 1
            if how == "killed":
                redis.start()
            dead.append(token)
            done[how] += 1
        assert redis.cli("--raw", "KEYS", "revoked:*") == "", "Redis was to be empty of revocations"
        alive = [token for token in dead if introspected(daemon, agent, token)]
        assert not alive, f"{len(alive)} revoked tokens live again"
        daemon.stop()
        redis.cli("FLUSHALL")
        daemon.start()
        alive = [token for token in dead if introspected(daemon, agent, token)]
        assert not alive, f"{len(alive)} revoked tokens live again after a restart of the daemon"
    with Redis() as redis:
        used_up, issued = over_a_quota(redis)
    assert used_up > 0, "no agent came to its quota"
    return (f"{ROUNDS} revocations ({done['flushed']} flushed, {done['restarted']} restarted cold, {done['killed']} killed), {looks} looks right after them, 0 active; "
            f"0 of {len(dead)} active after a restart of the daemon on an empty Redis. "
            f"With {FLUSHES} flushes under a quota of {QUOTA}: {issued} tokens, {used_up} agents used theirs up exactly, none more.")
