"""The part `backends` of bench.py: PostgreSQL and Redis in the place of the embedded defaults, a slow disk under them, many agents, many
revocations. docs/performance.md says what each row means."""
import contextlib
import random
import statistics
import tempfile
import time

from bench import RAISED, load, median_of, ratio_of, resident_megabytes

REVOCATIONS = 500_000
FEW, MANY, MANY_LONG = 1_000, 50_000, 1_000_000
CROWD = 256
SLOW_MS = 2
# What one look at many agents asks for: more than the cache of agents holds, where there are more.
SAMPLE = 100_000


@contextlib.contextmanager
def on_backends(**postgres):
    """A daemon on a PostgreSQL and a Redis of its own."""
    from daemon import Daemon
    from postgres import Postgres
    from redis import Redis

    with Postgres(**postgres) as database, Redis() as redis, Daemon(RAISED, env={"DATABASE_URL": database.url, "REDIS_URL": redis.url}) as daemon:
        yield database, redis, daemon


def basic_of(daemon, name):
    agent = daemon.agent(name, ["agents:read"])
    return f"{agent['agentId']}:{agent['clientSecret']}"


def against_embedded(options, report):
    from daemon import Daemon

    embedded, shared = [], []
    with Daemon(RAISED) as plain, on_backends() as (_, redis, daemon):
        asked = ((plain, basic_of(plain, "bench"), embedded), (daemon, basic_of(daemon, "bench"), shared))
        for one, basic, _ in asked:
            load(options, one.port, basic, warmup=options.warmup, seconds=1)
        for _ in range(options.windows):
            for one, basic, windows in asked:
                windows.append(load(options, one.port, basic))
                report.count(windows[-1], "tokens on backends")
        issued = sum(window["answered"] for answer in shared for window in answer["windows"])
        # A month that is only reported is counted once a second.
        deadline, counted = time.monotonic() + 10, 0
        while counted < issued and time.monotonic() < deadline:
            counted = sum(int(redis.cli("--raw", "GET", key)) for key in redis.keys("monthly:*"))
    if counted < issued:
        report.wrong += 1
        report.details["Redis: tokens it did not count"] = issued - counted
    report.row("tokens/s on the embedded defaults", round(median_of(embedded)), "tokens/s")
    report.row("tokens/s on PostgreSQL + Redis, audit durable", round(median_of(shared)), "tokens/s", ratio_of(shared, embedded), "embedded defaults", 0.4)
    report.row("p99 of a token on PostgreSQL + Redis", round(median_of(shared, "p99_ms"), 2), "ms")


def slow_disk(options, report):
    quick, slow = [], []
    with on_backends(fsync_delay_ms=0) as (database, _, daemon):
        basic = basic_of(daemon, "bench")
        load(options, daemon.port, basic, connections=CROWD, warmup=options.warmup, seconds=1)
        for _ in range(options.windows):
            for delay, windows in ((0, quick), (SLOW_MS, slow)):
                database.slow_disk(delay)
                windows.append(load(options, daemon.port, basic, connections=CROWD))
                report.count(windows[-1], f"tokens with {delay} ms an fsync")
    report.row(f"tokens/s on PostgreSQL + Redis, {CROWD} connections", round(median_of(quick)), "tokens/s")
    report.row(f"the same with {SLOW_MS} ms added to each fsync under PostgreSQL", round(median_of(slow)), "tokens/s", ratio_of(slow, quick), "without", 0.8)


def revoked(daemon, agent, token):
    from daemon import basic

    header = {"Authorization": basic(agent["agentId"], agent["clientSecret"]), "Content-Type": "application/x-www-form-urlencoded"}
    return daemon.request("POST", "/api/v1/token/introspect", header, "token=" + token).json()["active"] is False


def restart(options, report):
    from daemon import basic

    with on_backends() as (database, redis, daemon):
        agent = daemon.agent("bench", ["agents:read"])
        token = daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"]
        header = {"Authorization": basic(agent["agentId"], agent["clientSecret"]), "Content-Type": "application/x-www-form-urlencoded"}
        daemon.request("POST", "/api/v1/token/revoke", header, "token=" + token)
        daemon.stop()
        database.query("INSERT INTO agentidp.token_revocations SELECT gen_random_uuid()::text, now() + interval '1 day', now() "
                       f"FROM generate_series(1, {REVOCATIONS})")
        redis.cli("FLUSHALL")
        seconds = []
        for _ in range(min(5, options.windows)):
            began = time.monotonic()
            daemon.start()
            seconds.append(time.monotonic() - began)
            if not revoked(daemon, agent, token):
                report.wrong += 1
                report.details["revocations: a revoked token was active"] = "after a restart"
            resident = resident_megabytes(daemon.process.pid)
            daemon.stop()
    report.row(f"restart with {REVOCATIONS} live revocations: ready in", round(statistics.median(seconds), 3), "s", must=3, at_least=False)
    report.row(f"VmRSS with {REVOCATIONS} live revocations", round(resident, 1), "MB")


def copies(database, template, count):
    """ID:... of `count` agents that are copies of the row of one the API made, each with a copy of its credential, so that all have its secret."""
    def columns(table, changed):
        names = database.query("SELECT column_name FROM information_schema.columns WHERE table_schema = 'agentidp' AND "
                               f"table_name = '{table}' ORDER BY ordinal_position")
        return ", ".join(f'"{name}"' for name in names), ", ".join(changed.get(name, f'o."{name}"') for name in names)

    identity = "'00000000-0000-4000-8000-' || lpad(to_hex(g), 12, '0')"
    agent = {"num": "o.num + g", "id": identity, "email": "'bulk-' || g || '@example.test'"}
    credential = {"id": "gen_random_uuid()::text", "client_id": identity, "agent_num": "o.agent_num + g"}
    for first in range(1, count + 1, SAMPLE):
        for table, key, changed in (("agents", "id", agent), ("credentials", "client_id", credential)):
            into, values = columns(table, changed)
            database.query(f"INSERT INTO agentidp.{table} ({into}) SELECT {values} FROM agentidp.{table} o, "
                           f"generate_series({first}, {min(count, first + SAMPLE - 1)}) g WHERE o.{key} = '{template}'")
    database.query("ANALYZE agentidp.agents, agentidp.credentials")
    return [f"00000000-0000-4000-8000-{number:012x}" for number in range(1, count + 1)]


def many_agents(options, report):
    many = MANY_LONG if options.long else MANY
    answers, resident = {}, {}
    for count in (FEW, many):
        with on_backends() as (database, _, daemon), tempfile.NamedTemporaryFile("w", suffix=".basics") as file:
            template = daemon.agent("template", ["agents:read"])
            ids = copies(database, template["agentId"], count)
            random.Random(1).shuffle(ids)
            file.write("".join(f"{agent}:{template['clientSecret']}\n" for agent in ids[:SAMPLE]))
            file.flush()
            answers[count] = []
            load(options, daemon.port, "", basics=file.name, warmup=options.warmup, seconds=1)
            for _ in range(options.windows):
                answers[count].append(load(options, daemon.port, "", basics=file.name))
                report.count(answers[count][-1], f"tokens of {count} agents")
            resident[count] = resident_megabytes(daemon.process.pid)
    p99 = {count: median_of(windows, "p99_ms") for count, windows in answers.items()}
    report.row(f"p99 of a token among {FEW} agents", round(p99[FEW], 2), "ms")
    report.row(f"p99 of a token among {many} agents", round(p99[many], 2), "ms", p99[many] / p99[FEW], f"{FEW} agents", 1.3, at_least=False)
    report.row(f"tokens/s among {many} agents", round(median_of(answers[many])), "tokens/s", median_of(answers[many]) / median_of(answers[FEW]), f"{FEW} agents")
    report.row(f"VmRSS after these windows, {many} agents", round(resident[many], 1), "MB", resident[many] / resident[FEW], f"{FEW} agents", 1.3,
               at_least=False)


def measure(options, report):
    from postgres import Missing
    from redis import Missing as NoRedis

    for rows in (against_embedded, slow_disk, restart, many_agents):
        try:
            rows(options, report)
        except (Missing, NoRedis) as missing:
            report.skip(rows.__name__.replace("_", " "), missing)
