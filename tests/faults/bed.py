"""What the fault rows stand on: a daemon under a random load (tests/flows/load.py) whose every call and answer is remembered, and judged at
the end of the run by run.py together with those of all other rows."""
import json
import os
import pathlib
import random
import re
import sqlite3
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("tests/flows", "tests/support"):
    sys.path.insert(0, str(ROOT / folder))

from daemon import Daemon, build_dir  # noqa: E402
from load import Line, Watcher, Worker, World, verifier  # noqa: E402

MAX_AGE = 1
UNLIMITED = {"issuer": "https://idp.example", "ratelimit.client.per_minute": "1000000000", "ratelimit.address.failures_per_minute": "1000000000",
             "quota.mode": "off", "log.requests": "false", "audit.checkpoint_seconds": "1", "jwks.max_age_seconds": str(MAX_AGE)}
TOKEN = "/api/v1/token"

recorded = []  # (name of the row, its history)


def record(row, history):
    recorded.append((row, history))


def until(true, what, within=20):
    """Asks again and again; the answer of `true` when it is one."""
    deadline = time.monotonic() + within
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < deadline, what() if callable(what) else f"after {within} s: {what}"
        time.sleep(0.02)


def failpoints_build():
    """A build with failpoints: the run's own, or build-asan beside it; None where neither is."""
    for folder in (build_dir(), ROOT / "build-asan"):
        cache = folder / "CMakeCache.txt"
        if cache.exists() and re.search(r"^AGENTIDP_FAILPOINTS:\w+=(ON|1|TRUE)$", cache.read_text(), re.M | re.I) and (folder / "bin/agentidpd").exists():
            return folder
    return None


def entries_of_postgres(server):
    rows = [json.loads(row) for row in server.query(
        "SELECT json_build_array(idx, encode(leaf, 'hex'), convert_from(body, 'UTF8')) FROM agentidp.audit_entries ORDER BY idx")]
    assert [row[0] for row in rows] == list(range(len(rows))), "the indexes of the entries do not follow each other"
    return [{"leaf": bytes.fromhex(leaf), "text": text} for _, leaf, text in rows]


def entries_of_sqlite(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT idx, leaf, body FROM audit_entries ORDER BY idx").fetchall()
    store.close()
    assert [row[0] for row in rows] == list(range(len(rows))), "the indexes of the entries do not follow each other"
    return [{"leaf": leaf, "text": bytes(body).decode()} for _, leaf, body in rows]


class Prover(threading.Thread):
    """While the daemon runs, asks it to prove that the newest checkpoint extends one that was seen before, and lets the independent verifier judge."""

    def __init__(self, world, proofs):
        super().__init__(daemon=True)
        self.world, self.proofs, self.line, self.random = world, proofs, Line(world), random.Random()
        world.history["proofs"] = []

    def run(self):
        while not self.world.over.wait(0.3):
            self.look()
        self.line.close()

    def look(self):
        seen = [checkpoint for checkpoint in list(self.world.history["checkpoints"]) if checkpoint["size"] > 0]
        if len(seen) < 2 or not self.world.up.is_set():
            return
        new, old = seen[-1], self.random.choice(seen[:-1])
        if new["size"] <= old["size"]:
            return
        _, _, status, body = self.line.json("GET", f"/api/v1/audit/consistency?from={old['size']}&to={new['size']}", token=self.world.admin)
        if status != 200:
            return
        try:
            path = [self.proofs.hash_from_base64(text, "a proof line") for text in json.loads(body)["hashes"]]
            self.proofs.check_consistency(old["size"], old["root"], new["size"], new["root"], path)
            proven = True
        except self.proofs.Refused:
            proven = False
        self.world.history["proofs"].append({"old": old["size"], "new": new["size"], "proven": proven})


class Bed:
    """`with Bed("row", settings, env) as bed:` starts a daemon; bed.load() puts the load on it; bed.close() ends the load, sweeps, verifies the
    ledger, and hands the history over. A row that raises before close() records nothing."""

    def __init__(self, row, settings=None, env=None, server=None, workers=3, agents=6, **more):
        self.row, self.server, self.workers, self.agents = row, server, workers, agents
        if server is not None:
            env = dict({"DATABASE_URL": server.url}, **(env or {}))
        self.daemon = Daemon({**UNLIMITED, **(settings or {})}, env, **more)
        self.world, self.threads = World(MAX_AGE), []
        self.read_entries = lambda: entries_of_postgres(server) if server is not None else entries_of_sqlite(self.daemon.data / "agentidp.db")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end_load()
        self.daemon.__exit__()

    def load(self):
        world, proofs = self.world, verifier()
        world.address, world.admin = self.daemon.address, self.daemon.admin_token()
        key = proofs.parse_key(self.daemon.json("GET", "/api/v1/audit/key").json()["key"])
        self.watcher = Watcher(world, proofs, key)
        workers = [Worker(world, random.SystemRandom().randrange(1 << 31)) for _ in range(self.workers)]
        for _ in range(self.agents):
            workers[0].create()
        self.threads = [*workers, self.watcher, Prover(world, proofs)]
        for thread in self.threads:
            thread.start()
        world.up.set()
        return self

    def restarted(self):
        """The daemon was started again: the load goes on there."""
        self.world.address = self.daemon.address
        self.world.up.set()

    def end_load(self):
        self.world.over.set()
        self.world.up.clear()
        for thread in self.threads:
            thread.join(60)

    def someone(self):
        """(agentId, secret) of an agent of its own, that the load does not touch."""
        agent = self.daemon.agent(f"aside-{random.randrange(1 << 40)}", ["agents:read"])
        return agent["agentId"], agent["clientSecret"]

    def ask_token(self, who):
        """(status, whether Retry-After came with it, seconds) of one token request, remembered like those of the load."""
        asked = time.monotonic()
        answer = self.daemon.token(*who)
        took = time.monotonic() - asked
        if answer.status == 200:
            from jwks import header_of, payload_of
            token = answer.json()["access_token"]
            self.world.remember("issue", asked, asked + took, True, agent=who[0], secret=who[1], jti=payload_of(token)["jti"], kid=header_of(token)["kid"])
        return answer.status, answer.header("Retry-After") is not None, took

    def answers(self, since=0.0, before=float("inf"), path=TOKEN):
        """(status, begin, end) of the load's requests that were asked in that time."""
        return [(status, begin, end) for begin, end, asked, status, _ in list(self.world.answers) if since <= begin < before and asked == path]

    def issued(self):
        return sum(call["op"] == "issue" and call["ok"] for call in list(self.world.history["calls"]))

    def first_token_after(self, moment, within=30):
        def first():
            ends = [end for status, _, end in self.answers(moment - 30) if status == 200 and end > moment]
            return min(ends) - moment if ends else None
        return until(lambda: first() is not None and (first(),), f"no token {within} s after it was back", within)[0]

    def threads_of_daemon(self):
        return int(re.search(r"^Threads:\s+(\d+)", pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text(), re.M).group(1))

    def rss_mb(self):
        return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text(), re.M).group(1)) / 1024

    def metric(self, name):
        body = self.daemon.request("GET", "/metrics").body
        return sum(float(row.rsplit(" ", 1)[1]) for row in body.splitlines() if re.match(re.escape(name) + r"[ {]", row))

    def said(self, message):
        """The fields of the lines that the daemon wrote under this id."""
        found = []
        for line in list(self.daemon.lines):
            if f'"{message}"' in line:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry.get("id") == message:
                    found.append(entry.get("fields", {}))
        return found

    def read_states(self):
        listed = self.daemon.cli("--json", "keys", "list")
        if listed.returncode == 0:
            self.world.history["key_states"].append([(key["kid"], key["state"]) for key in json.loads(listed.stdout)["keys"]])

    def close(self, lost_connections=0, stop=True, short_lived=False):
        """At most `lost_connections` requests may have had no answer: where the daemon lives on, there are none. `short_lived`: tokens die of
        age within seconds, so that there is nothing to sweep."""
        self.end_load()
        self.world.admin = self.daemon.admin_token()
        line = Line(self.world)
        accepted = 0
        for jti, _, token in [] if short_lived else self.world.dead[-300:] + self.world.tokens[-10:]:
            start, end, status, body = line.form(TOKEN + "/introspect", {"token": token}, "Bearer " + self.world.admin)
            assert status == 200, f"introspection in the end: {status} {body[:200]!r}"
            active = json.loads(body)["active"]
            accepted += active
            self.world.remember("introspect", start, end, True, jti=jti, accepted=active)
        assert accepted or short_lived or not self.world.tokens, "not one live token is called active in the end"
        line.close()
        self.read_states()
        signed = self.daemon.cli("audit", "verify", "--full")
        assert signed.returncode == 0, f"agentidp audit verify --full: {(signed.stdout + signed.stderr).strip()[-300:]}"
        self.watcher.look()
        if stop:
            assert self.daemon.stop() == 0, f"the daemon did not exit 0: {self.daemon.lines[-2:]}"
        self.world.history["entries"] = self.read_entries()
        unanswered = [answer for answer in self.world.answers if answer[3] is None]
        assert len(unanswered) <= lost_connections, f"{len(unanswered)} requests had no answer at all"
        assert not self.world.unexpected, self.world.unexpected[:3]
        if short_lived:
            # A key goes when its tokens are dead, and a revocation of a dead token is 200 without an entry: only keys and ledger are judged.
            self.world.history.update(calls=[], jwks=[])
        record(self.row, self.world.history)


def folder_of(name):
    """A scratch folder for what a row compiles."""
    import tempfile
    made = tempfile.mkdtemp(prefix=f"agentidp-{name}-")
    os.chmod(made, 0o755)
    return pathlib.Path(made)
