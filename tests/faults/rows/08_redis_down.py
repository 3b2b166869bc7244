"""Redis is killed, frozen and started again under load: revocation and limits hold, nothing waits, nothing is refused for it."""
import statistics
import threading
import time

from daemon import Daemon
from redis import Missing, Redis, eventually
from redis_faults import early_in_a_minute, introspected, revoke, token_of

ROW = 8
DID = "Redis was killed under load, started again empty, and frozen; meanwhile tokens were asked for, revoked, introspected, and a budget was spent."
EXPECTED = ("every token request is answered as before, later by milliseconds at most; a revoked token stays inactive; a client gets its limit and no more; "
            "/readyz stays 200 and /health names redis.")
FEW = 20


class Load(threading.Thread):
    """Asks for tokens one after the other: (when, what came, how long it took)."""

    def __init__(self, daemon, agent):
        super().__init__(daemon=True)
        self.daemon_, self.agent, self.over, self.seen = daemon, agent, threading.Event(), []

    def run(self):
        while not self.over.is_set():
            began = time.monotonic()
            status = self.daemon_.token(self.agent["agentId"], self.agent["clientSecret"]).status
            self.seen.append((began, status, time.monotonic() - began))

    def during(self, began, ended):
        return [item for item in self.seen if began <= item[0] < ended]


def health(daemon):
    return daemon.request("GET", "/health").json()["redis"]


def run():
    try:
        redis = Redis()
    except Missing as missing:
        return f"skip: {missing}"
    limited = {"ratelimit.client.per_minute": "1000000", "quota.mode": "off"}
    with redis, Daemon(limited, env={"REDIS_URL": redis.url}) as daemon:
        agent, few = daemon.agent("faults-8", ["agents:read"]), daemon.agent("faults-8-few", ["agents:read"])
        load = Load(daemon, agent)
        load.start()
        eventually(lambda: len(load.seen) > 50)
        phases, spent = {}, {}
        for name, away, back in (("killed", redis.kill, redis.start), ("frozen", redis.freeze, redis.thaw)):
            token = token_of(daemon, agent)
            away()
            began = time.monotonic()
            eventually(lambda: health(daemon) == "error")
            assert daemon.request("GET", "/readyz").status == 200, "a dead Redis made the daemon unready"
            assert introspected(daemon, agent, token) is True
            revoke(daemon, agent, token)
            for _ in range(20):
                assert introspected(daemon, agent, token) is False, f"a revoked token was active while Redis was {name}"
            early_in_a_minute(20)
            statuses = [daemon.token(few["agentId"], few["clientSecret"]).status for _ in range(FEW)]
            assert set(statuses) == {200}, statuses
            phases[name] = (began, time.monotonic())
            back()
            returned = time.monotonic()
            eventually(lambda: health(daemon) == "connected")
            spent[name] = time.monotonic() - returned
            assert introspected(daemon, agent, token) is False, f"a revoked token was active after Redis had been {name}"
        load.over.set()
        load.join(30)
        wrong = [status for _, status, _ in load.seen if status != 200]
        assert not wrong, f"{len(wrong)} of {len(load.seen)} requests were refused: {wrong[:5]}"
        slowest = {name: max(took for _, _, took in load.during(*phase)) for name, phase in phases.items()}
        medians = {name: statistics.median(took for _, _, took in load.during(*phase)) for name, phase in phases.items()}
        assert max(slowest.values()) < 2, f"a request waited for a dead Redis: {slowest}"
        said = [line for line in daemon.lines if "limits hold for this process alone" in str(line)]
        assert len(said) == 2, f"an outage should be said once each: {len(said)} lines"
    return (f"{len(load.seen)} tokens, none refused; while Redis was killed a token took {medians['killed'] * 1000:.1f} ms (slowest {slowest['killed'] * 1000:.0f}), "
            f"while frozen {medians['frozen'] * 1000:.1f} ms (slowest {slowest['frozen'] * 1000:.0f}); both revoked tokens inactive from the first answer; back "
            f"{spent['killed']:.1f} s and {spent['frozen']:.1f} s after Redis was.")
