"""REDIS_URL alone moves the budgets into Redis: by the reference's keys, the 100th request of a minute passes and the 101st is 429, and two
daemons on one PostgreSQL share each client's minute and month. Killing Redis stops no token: /readyz stays 200, /health says so."""
import pathlib
import re
import sys
import time

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402
from redis import Missing as NoRedis, Redis, eventually  # noqa: E402

covers = []
MINUTE = 60


def early_in_a_minute(seconds):
    """Waits for a minute with that much left, so that no window ends in between."""
    left = MINUTE - time.time() % MINUTE
    if left < seconds:
        time.sleep(left + 0.05)


def statuses(daemon, agent, count):
    return [daemon.token(agent["agentId"], agent["clientSecret"]).status for _ in range(count)]


def run():
    try:
        database, redis = Postgres(), Redis()
    except (Missing, NoRedis) as missing:
        return f"skip redis_url: {missing}"
    with database, redis:
        env = {"DATABASE_URL": database.url, "REDIS_URL": redis.url}
        with Daemon(env=env) as first:
            keys = {"plugins.keys-file.shared": "true", "plugins.keys-file.dir": str(first.data / "keys")}
            shared = first.agent("redis-shared", ["agents:read"])
            alone = first.agent("redis-alone", ["agents:read"])
            assert first.request("GET", "/health").json() == {"status": "ok", "postgres": "connected", "redis": "connected"}
            with Daemon(keys, env=env) as second:
                early_in_a_minute(30)
                window = int(time.time()) // MINUTE
                mixed = [status for _ in range(25) for daemon in (first, second) for status in statuses(daemon, shared, 2)]
                over = [statuses(daemon, shared, 1)[0] for daemon in (first, second)]
                assert mixed == [200] * 100, f"100 of two daemons should pass: {[status for status in mixed if status != 200]}"
                assert over == [429, 429], f"request 101 should be refused by both: {over}"
                answer = second.token(shared["agentId"], shared["clientSecret"])
                assert answer.header("Retry-After") and answer.header("X-RateLimit-Remaining") == "0", answer.headers
                assert int(time.time()) // MINUTE == window, "the minute ended in between"
            rate, month = f"rate:{shared['agentId']}:{window}", time.strftime(f"monthly:{shared['agentId']}:%Y:%m", time.gmtime())
            assert redis.cli("--raw", "GET", rate) == "100", redis.keys()
            # A month that is only reported is counted behind the tokens, once a second.
            eventually(lambda: redis.cli("--raw", "GET", month) == "100", 10)
            metrics = first.request("GET", "/metrics").body
            assert 'agentidp_redis_command_duration_seconds_count{command="take"}' in metrics

            redis.kill()
            eventually(lambda: first.request("GET", "/health").json() == {"status": "error", "postgres": "connected", "redis": "error"})
            assert first.request("GET", "/health").status == 503 and first.request("GET", "/readyz").status == 200
            early_in_a_minute(30)
            began = time.monotonic()
            dark = statuses(first, alone, 101)
            took = time.monotonic() - began
            assert dark == [200] * 100 + [429], f"without Redis one daemon keeps its own limit: {dark}"
            local = re.search(r"^agentidp_plugin_ratelimit_redis_local_answers (\d+)", first.request("GET", "/metrics").body, re.M)
            assert local and int(local[1]) >= 100, local[1]
            redis.start()
            eventually(lambda: first.request("GET", "/health").status == 200)
            assert statuses(first, alone, 1) == [429], "what was granted in the dark is not granted again"
    return f"redis_url: two_daemons=100 over=429 keys=2 dark=100 dark_over=429 dark_s={took:.2f} ready_in_the_dark=1"
