#!/usr/bin/env python3
"""tests/run.sh bench: the daemon beside a bare floor and a peer, in one run, alternating, medians of windows. Only the ratios mean anything.

    bench.py --build BUILD [--windows 5] [--seconds 10] [--warmup 5] [--connections 32] [--long] [--only PART]

PART: rates, rs256, memory, crowd, start, backends, keys, hooks. --long: memory after a million tokens of a thousand agents; backends with a million. Writes BUILD/bench.json and
BUILD/bench.md. A row that is short of its must says so; timing does not decide the exit code, wrong answers do. docs/performance.md
says what each row means.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import platform
import re
import resource
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/bench"
sys.path[:0] = [str(ROOT / "tests/flows"), str(ROOT / "tests/support"), str(HERE)]
from fetched import Skip, node_with_packages  # noqa: E402

PARTS = ("rates", "rs256", "memory", "crowd", "start", "backends", "keys", "hooks")
GRANT = "grant_type=client_credentials"
RAISED = {"ratelimit.client.per_minute": "1000000000", "quota.monthly.tokens": "9007199254740991", "quota.mode": "report", "log.requests": "false"}
LONG_TOKENS, LONG_AGENTS, SHORT_AGENTS = 1_000_000, 1_000, 50
IDLE, DRIPPING = 10_000, 200
MANY_AGENTS = 100_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    options.build = pathlib.Path(options.build).resolve()
    return options


class Report:
    def __init__(self):
        self.rows, self.wrong, self.details = [], 0, {}

    def row(self, name, value, unit, ratio=None, of="", must=None, at_least=True):
        """`must` is about the ratio where there is one, else about the value."""
        row = {"name": name, "value": value, "unit": unit}
        judged = value if ratio is None else ratio
        if ratio is not None:
            row.update(ratio=round(ratio, 3), of=of)
        if must is not None:
            row.update(must=must, bound="at least" if at_least else "at most", met=judged >= must if at_least else judged <= must)
        self.rows.append(row)

    def skip(self, name, why):
        self.rows.append({"name": name, "skipped": str(why)})

    def count(self, answer, what):
        """Adds up what was not answered as it should be: the only thing that fails a run."""
        for kind, number in answer["errors"].items():
            if number:
                self.wrong += number
                self.details[f"{what}: {kind}"] = self.details.get(f"{what}: {kind}", 0) + number


def load(options, port, basic, path="/api/v1/token", body=GRANT, warmup=1, connections=None, basics=None, seconds=None):
    command = [options.build / "bin/load", "--port", port, "--path", path, "--connections", connections or options.connections, "--basic", basic,
               "--basics", basics or "", "--body", body, "--warmup", warmup, "--windows", 1, "--seconds", seconds or options.seconds]
    return json.loads(subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True, timeout=600).stdout)


def median_of(answers, member="requests_per_second"):
    return statistics.median(answer[member] for answer in answers)


def ratio_of(ours, others, member="requests_per_second"):
    """The median of the ratios of neighbouring windows: what the machine did in between touches both sides alike."""
    return statistics.median(one[member] / max(other[member], 1e-9) for one, other in zip(ours, others))


def resident_megabytes(pid):
    found = re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) / 1024


class Helper:
    """A program that says its port on a line of its own; ended by its process id."""

    def __init__(self, command, **more):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more)
        self.port = None
        for line in self.process.stdout:
            if found := re.fullmatch(r"(?:listening )?(\d+)\s*", line):
                self.port = int(found[1])
                break
        if self.port is None:
            raise RuntimeError(f"{command[0]} said no port: exit {self.process.wait(10)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        pass


def peer(basic):
    folder = ROOT / "build-peer"
    node = node_with_packages(HERE / "peer", folder)
    return Helper([node, folder / "server.mjs", *basic.split(":")], cwd=folder)


def rates(options, report):
    from daemon import Daemon

    peer_basic, why = f"bench:{secrets.token_urlsafe(32)}", None
    try:
        beside = peer(peer_basic)
    except (Skip, RuntimeError, subprocess.TimeoutExpired) as reason:
        beside, why = Nothing(), reason
    with Helper([options.build / "bin/floor"]) as floor, Daemon(RAISED) as daemon, beside as other:
        agent = daemon.agent("bench", ["agents:read"])
        basic = f"{agent['agentId']}:{agent['clientSecret']}"
        token = daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"]
        asked = {"floor": lambda **more: load(options, floor.port, basic, **more),
                 "tokens": lambda **more: load(options, daemon.port, basic, **more),
                 "introspection": lambda **more: load(options, daemon.port, basic, "/api/v1/token/introspect", "token=" + token, **more)}
        if other:
            opaque = fetch_token(other.port, peer_basic, "urn:bench:opaque")
            asked["peer tokens"] = lambda **more: load(options, other.port, peer_basic, "/token", GRANT + "&scope=agents:read", **more)
            asked["peer introspection"] = lambda **more: load(options, other.port, peer_basic, "/token/introspection", "token=" + opaque, **more)
        for ask in asked.values():
            ask(warmup=options.warmup, seconds=1)
        windows = {name: [] for name in asked}
        for _ in range(options.windows):
            for name in ("floor", "tokens", "peer tokens", "introspection", "peer introspection"):
                if name in asked:
                    windows[name].append(asked[name]())
                    report.count(windows[name][-1], name)
        ours, theirs = resident_megabytes(daemon.process.pid), resident_megabytes(other.process.pid) if other else None
    rate = {name: round(median_of(answers)) for name, answers in windows.items()}
    report.row("floor: Asio, Beast, one ES256 signature, no logic", rate["floor"], "requests/s")
    report.row("client_credentials ES256, audit durable in SQLite, limits on", rate["tokens"], "tokens/s",
               ratio_of(windows["tokens"], windows["floor"]), "floor", 0.45)
    report.row("p99 of a token", round(median_of(windows["tokens"], "p99_ms"), 2), "ms", must=20, at_least=False)
    report.row("introspection of one live token", rate["introspection"], "requests/s", ratio_of(windows["introspection"], windows["floor"]), "floor")
    if other:
        report.row("oidc-provider: client_credentials, ES256 JWT, memory adapter", rate["peer tokens"], "tokens/s")
        report.row("our tokens against oidc-provider's", rate["tokens"], "tokens/s", ratio_of(windows["tokens"], windows["peer tokens"]), "oidc-provider", 4)
        report.row("oidc-provider: introspection of one live opaque token", rate["peer introspection"], "requests/s")
        report.row("our introspection against oidc-provider's", rate["introspection"], "requests/s",
                   ratio_of(windows["introspection"], windows["peer introspection"]), "oidc-provider", 3)
        report.row("VmRSS after these windows, against oidc-provider's", round(ours, 1), "MB", ours / theirs, "oidc-provider", 1, at_least=False)
    else:
        for name in ("our tokens against oidc-provider's", "our introspection against oidc-provider's", "VmRSS against oidc-provider's"):
            report.skip(name, why)
    report.details["windows"] = {name: [answer["requests_per_second"] for answer in answers] for name, answers in windows.items()}


def fetch_token(port, basic, audience):
    from daemon import basic as header

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/token", f"{GRANT}&scope=agents:read&resource={audience}",
                       {"Authorization": header(*basic.split(":")), "Content-Type": "application/x-www-form-urlencoded"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["access_token"]


def raw_signatures(seconds):
    """RSA-2048 signatures a second on two processes, nothing else running."""
    said = subprocess.run(["openssl", "speed", "-seconds", str(seconds), "-multi", "2", "rsa2048"], capture_output=True, text=True, check=True, timeout=300)
    return float(re.findall(r"^rsa\s+2048 bits\s+\S+s?\s+\S+s?\s+([\d.]+)\s", said.stdout, re.M)[-1])


def rs256(options, report):
    from daemon import Daemon

    raw, windows = [], []
    with Daemon(dict(RAISED, **{"token.alg": "RS256"})) as daemon:
        agent = daemon.agent("bench", ["agents:read"])
        basic = f"{agent['agentId']}:{agent['clientSecret']}"
        load(options, daemon.port, basic, warmup=options.warmup, seconds=1)
        for _ in range(options.windows):
            raw.append({"requests_per_second": raw_signatures(max(1, options.seconds // 2))})
            windows.append(load(options, daemon.port, basic))
            report.count(windows[-1], "tokens RS256")
    report.row("openssl speed -multi 2 rsa2048", round(median_of(raw)), "signatures/s")
    report.row("client_credentials RS256, load on the same cores", round(median_of(windows)), "tokens/s", ratio_of(windows, raw), "raw signatures", 0.7)


def agents_of(daemon, count):
    """ID:SECRET of `count` agents made through the API."""
    admin = daemon.admin_token()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: daemon.agent(f"many-{number}", ["agents:read"], token=admin), range(count)))
    return [f"{agent['agentId']}:{agent['clientSecret']}" for agent in made]


def rows_outside_audit(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'") if not name.startswith(("audit_", "sqlite_"))]
        counts = {name: store.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    store.close()
    return counts


def memory(options, report):
    from daemon import Daemon

    agents, wanted = (LONG_AGENTS, LONG_TOKENS) if options.long else (SHORT_AGENTS, 0)
    with Daemon(RAISED) as daemon, tempfile.NamedTemporaryFile("w", suffix=".basics") as file:
        file.write("\n".join(agents_of(daemon, agents)) + "\n")
        file.flush()
        database = daemon.data / "agentidp.db"
        before, idle = rows_outside_audit(database), resident_megabytes(daemon.process.pid)
        issued, end = 0, time.monotonic() + 900
        while (issued < wanted or issued == 0) and time.monotonic() < end:
            answer = load(options, daemon.port, "", basics=file.name, warmup=0)
            report.count(answer, "tokens of many agents")
            issued += answer["windows"][0]["answered"]
        after, busy = rows_outside_audit(database), resident_megabytes(daemon.process.pid)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    report.row(f"VmRSS with {agents} agents before the load", round(idle, 1), "MB")
    report.row(f"VmRSS after {issued} tokens of {agents} agents", round(busy, 1), "MB", must=40, at_least=False)
    # A month's counter for each agent is one row, however many tokens it gets; that is all that may be added.
    report.row("rows outside audit_* for each token", round(max(0, sum(grown.values())) / issued, 6), "rows", must=round(2 * agents / issued, 6),
               at_least=False)
    report.details["rows grown"] = grown


def crowd(options, report):
    from daemon import Daemon

    name = f"p99 of a good client beside {IDLE} idle and {DRIPPING} dripping connections"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < IDLE + DRIPPING + 1000:
        return report.skip(name, f"the limit of open files is {hard}")
    alone, beside, ends = [], [], []
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Daemon(dict(RAISED, **{"server.max_connections": str(IDLE + DRIPPING + 1000)})) as daemon:
        agent = daemon.agent("good", ["agents:read"])
        basic = f"{agent['agentId']}:{agent['clientSecret']}"
        load(options, daemon.port, basic, connections=4, warmup=options.warmup, seconds=1)
        for _ in range(min(3, options.windows)):
            alone.append(load(options, daemon.port, basic, connections=4))
            process = subprocess.Popen([sys.executable, str(HERE / "crowd.py"), str(daemon.port), str(IDLE), str(DRIPPING)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            said = process.stdout.readline()
            if not said.startswith("ready"):
                process.wait(10)
                return report.skip(name, f"the crowd did not come together: {said.strip()}")
            beside.append(load(options, daemon.port, basic, connections=4))
            ends.append(json.loads(process.communicate("\n", timeout=30)[0]))
            for answer in (alone[-1], beside[-1]):
                report.count(answer, "the good client")
        resident = resident_megabytes(daemon.process.pid)
    report.row("p99 of a good client alone, 4 connections", round(median_of(alone, "p99_ms"), 2), "ms")
    with_crowd = median_of(beside, "p99_ms")
    report.row(name, round(with_crowd, 2), "ms", with_crowd / median_of(alone, "p99_ms"), "alone", 2, at_least=False)
    report.row("its tokens/s beside the crowd", round(median_of(beside)), "tokens/s", ratio_of(beside, alone), "alone")
    report.row("VmRSS after the crowds", round(resident, 1), "MB")
    report.details["crowds"] = ends


def fill(database, template, count):
    """`count` agents with a credential each: copies of the row of one that the API made, under ids of their own. Through the API, each
    would be a commit. The copied MAC is of the same secret, so that any of them can be asked for a token afterwards."""
    with sqlite3.connect(database) as store:
        def columns(table):
            return [row[1] for row in store.execute(f'PRAGMA table_info("{table}")')]

        agent = dict(zip(columns("agents"), store.execute("SELECT * FROM agents WHERE id = ?", (template,)).fetchone()))
        credential = dict(zip(columns("credentials"), store.execute("SELECT * FROM credentials WHERE client_id = ?", (template,)).fetchone()))
        top = store.execute("SELECT max(num) FROM agents").fetchone()[0]
        ids = [str(uuid.uuid4()) for _ in range(count)]
        agents = [tuple(dict(agent, num=top + 1 + number, id=ids[number], email=f"bulk-{number}@example.test").values()) for number in range(count)]
        held = [tuple(dict(credential, id=str(uuid.uuid4()), client_id=ids[number], agent_num=top + 1 + number).values()) for number in range(count)]
        store.executemany(f"INSERT INTO agents VALUES ({','.join('?' * len(agent))})", agents)
        store.executemany(f"INSERT INTO credentials VALUES ({','.join('?' * len(credential))})", held)
    store.close()
    return ids


def start(options, report):
    from daemon import Daemon

    def seconds_to_ready(daemon):
        begun = time.monotonic()
        daemon.start()
        return time.monotonic() - begun

    empty, full = [], []
    with Daemon(RAISED) as daemon:
        template = daemon.agent("template", ["agents:read"])
        daemon.stop()
        for _ in range(min(5, options.windows)):
            empty.append(seconds_to_ready(daemon))
            daemon.stop()
        ids = fill(daemon.data / "agentidp.db", template["agentId"], MANY_AGENTS)
        for _ in range(min(5, options.windows)):
            full.append(seconds_to_ready(daemon))
            daemon.stop()
        daemon.start()
        resident = resident_megabytes(daemon.process.pid)
        begun = time.monotonic()
        answer = daemon.token(ids[len(ids) // 2], template["clientSecret"])
        first = (time.monotonic() - begun) * 1000
        if answer.status != 200:
            report.wrong += 1
            report.details[f"a token for one of {MANY_AGENTS}"] = f"{answer.status} {answer.body[:200]}"
    report.row("start to ready, 2 agents", round(statistics.median(empty), 3), "s")
    report.row(f"start to ready, {MANY_AGENTS} agents", round(statistics.median(full), 3), "s", must=0.5, at_least=False)
    report.row(f"first token of one of {MANY_AGENTS} agents after a start", round(first, 1), "ms")
    report.row(f"VmRSS at ready, {MANY_AGENTS} agents", round(resident, 1), "MB")


def backends(options, report):
    from backends import measure

    measure(options, report)


def hooks(options, report):
    from hooks import measure

    measure(options, report)


def keys(options, report):
    """Tokens with each keys plugin that signs locally under a wrapped key, in windows that alternate with keys-file's."""
    from contextlib import ExitStack

    import moto
    import openbao
    import softhsm
    from daemon import Daemon

    def vault(server):
        return ({"keys.plugin": "vault", "plugins.keys-vault.address": server.address, "plugins.keys-vault.token": "env:AGENTIDP_BENCH_VAULT_TOKEN"},
                {"AGENTIDP_BENCH_VAULT_TOKEN": server.token})

    def itself(server):
        return server.settings, server.environment

    asked = {}
    with ExitStack() as stack:

        def add(name, settings, env):
            daemon = stack.enter_context(Daemon({**RAISED, **settings}, env=env))
            agent = daemon.agent("bench", ["agents:read"])
            basic = f"{agent['agentId']}:{agent['clientSecret']}"
            asked[name] = lambda **more: load(options, daemon.port, basic, **more)

        add("file", {}, {})
        for name, make in (("vault", openbao.OpenBao), ("pkcs11", softhsm.SoftHsm), ("awskms", moto.Moto)):
            try:
                server = stack.enter_context(make())
            except (moto.Missing, openbao.Missing, softhsm.Missing) as reason:
                report.skip(f"tokens with keys-{name}, signing locally", reason)
                continue
            add(name, *(vault if name == "vault" else itself)(server))
        for ask in asked.values():
            ask(warmup=options.warmup, seconds=1)
        windows = {name: [] for name in asked}
        for _ in range(options.windows):
            for name, ask in asked.items():
                windows[name].append(ask())
                report.count(windows[name][-1], name)
    for name, answers in windows.items():
        if name != "file":
            report.row(f"tokens with keys-{name}, signing locally", round(median_of(answers)), "tokens/s", ratio_of(answers, windows["file"]), "keys-file", 0.95)


def word(value):
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def table(report, heading):
    lines = [heading, "", "| row | value | ratio | must | |", "|---|---|---|---|---|"]
    for row in report.rows:
        if "skipped" in row:
            lines.append(f"| {row['name']} | skipped: {row['skipped']} | | | |")
            continue
        ratio = f"{row['ratio']} of {row['of']}" if "ratio" in row else ""
        must = f"{row['bound']} {word(row['must'])}" if "must" in row else ""
        verdict = "" if "must" not in row else "met" if row["met"] else "**short of**"
        lines.append(f"| {row['name']} | {word(row['value'])} {row['unit']} | {ratio} | {must} | {verdict} |")
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    os.environ["AGENTIDP_BUILD"] = str(options.build)  # before the first import of daemon
    report = Report()
    for name in PARTS:
        if options.only in (None, name):
            print(f"{name} ...", file=sys.stderr, flush=True)
            globals()[name](options, report)
    report.row("answers that were not 200", report.wrong, "", must=0, at_least=False)
    heading = (f"{os.cpu_count()} cores, {platform.release()}; {options.connections} connections; {options.windows} windows of {options.seconds} s after "
               f"{options.warmup} s; the load runs on the same cores; limits raised, quota `report`, request log off.")
    text = table(report, heading)
    (options.build / "bench.json").write_text(json.dumps(
        {"machine": {"cores": os.cpu_count(), "cpu": platform.processor() or platform.machine(), "kernel": platform.release()}, "settings": RAISED,
         "connections": options.connections, "windows": options.windows, "seconds": options.seconds, "long": options.long, "rows": report.rows,
         "details": report.details}, indent=2) + "\n")
    (options.build / "bench.md").write_text(text)
    print(text, end="")
    for row in report.rows:
        if row.get("met") is False:
            print(f"short of: {row['name']}: {row.get('ratio', row['value'])}, must be {row['bound']} {row['must']}")
    if report.wrong:
        print(f"wrong answers: {json.dumps({name: value for name, value in report.details.items() if ': ' in name or name.startswith('a token')})}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
