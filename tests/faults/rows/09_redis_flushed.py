"""Redis forgets everything, or dies, right after a revocation was acknowledged."""
from daemon import Daemon
from redis import Missing, Redis
from redis_faults import introspected, revoke, token_of

ROW = 9
DID = "tokens were revoked, and right after each answer Redis was emptied by FLUSHALL, restarted cold, or killed; then the token was introspected 20 times."
EXPECTED = "a revoked token is inactive from the first answer on, whatever Redis has lost: Redis is never the truth."
ROUNDS, LOOKS = 60, 20


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
    return (f"{ROUNDS} revocations ({done['flushed']} flushed, {done['restarted']} restarted cold, {done['killed']} killed), {looks} looks right after them, 0 active; "
            f"0 of {len(dead)} active after a restart of the daemon on an empty Redis.")
