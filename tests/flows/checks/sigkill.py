"""The daemon is killed again and again under a random load, on one data directory, and every call and answer is remembered. What was
answered must be true afterwards: see history.py for the rules.

AGENTIDP_KILLS (50; 15 under a sanitizer, which starts slowly) and AGENTIDP_SEED (random) in the environment; a failure names the seed
and leaves the history in the build folder. Where failpoints are compiled in, every second death is at one of them. After four minutes
no further death is begun, and the result says how many there were.
"""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import history as rules
from daemon import ROOT, Daemon, build_dir
from load import Line, Watcher, Worker, World, verifier

covers = []
WORKERS = 4
SWEPT = 1500
LONGEST = 240
MAX_AGE = 1


class Rotator(threading.Thread):
    """Rotates the signing key by the command line, and reads the keys' states as the store has them."""

    def __init__(self, world, daemon, seed):
        super().__init__(daemon=True)
        self.world, self.daemon, self.random = world, daemon, random.Random(seed)

    def run(self):
        while not self.world.over.is_set():
            time.sleep(self.random.uniform(0.6, 1.8))
            if self.world.up.is_set():
                try:
                    self.rotate()
                except (OSError, subprocess.SubprocessError, ValueError) as error:
                    self.world.unexpected.append(f"rotator: {type(error).__name__}: {error}")

    def rotate(self):
        start, wall, now = time.monotonic(), time.time(), self.random.random() < 0.5
        answer = self.daemon.cli("--json", "keys", "rotate", *(["--now"] if now else []))
        done = answer.returncode == 0
        self.world.remember("rotate", start, time.monotonic() if done else None, done, kid=json.loads(answer.stdout)["kid"] if done else None, now=now,
                            wall=(wall, time.time()))
        self.read_states()

    def read_states(self):
        listed = self.daemon.cli("--json", "keys", "list")
        if listed.returncode == 0:
            self.world.history["key_states"].append([(key["kid"], key["state"]) for key in json.loads(listed.stdout)["keys"]])


def failpoints():
    cache = build_dir() / "CMakeCache.txt"
    if not cache.exists() or not re.search(r"^AGENTIDP_FAILPOINTS:\w+=(ON|1|TRUE)$", cache.read_text(), re.M | re.I):
        return []
    source = "".join(path.read_text() for path in sorted((ROOT / "kernel/audit").glob("*.cpp")))
    return sorted(set(re.findall(r'"(ledger\.(?:before|after)_\w+)"', source)))


def sanitized():
    cache = build_dir() / "CMakeCache.txt"
    return cache.exists() and re.search(r"^AGENTIDP_SANITIZE:\w+=.+$", cache.read_text(), re.M) is not None


def start_again(daemon, chance, points, world):
    """Starts; True if the daemon is up, False if it died of what was planned for it. Dying of anything else is a fault."""
    daemon.env.pop("AGENTIDP_FAIL", None)
    if points and chance.random() < 0.5:
        daemon.env["AGENTIDP_FAIL"] = f"{chance.choice(points)}:{chance.randint(1, 60)}:kill"
    early = threading.Timer(chance.uniform(0, 0.4), lambda: daemon.process and daemon.process.kill()) if chance.random() < 0.15 else None
    if early:
        early.start()
    try:
        daemon.start(wait=60)
    except RuntimeError as error:
        if daemon.process.poll() != -signal.SIGKILL:
            raise AssertionError(f"a start after a kill was refused: {error}") from error
        return False
    finally:
        if early:
            early.cancel()
    world.address = daemon.address
    return True


def kill(daemon, world):
    world.up.clear()
    if daemon.process.poll() is None:
        daemon.process.kill()
    assert daemon.process.wait(20) == -signal.SIGKILL, f"the daemon ended by itself: {daemon.process.returncode}: {' | '.join(daemon.lines[-3:])}"


def read_entries(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT idx, leaf, body FROM audit_entries ORDER BY idx").fetchall()
    store.close()
    assert [row[0] for row in rows] == list(range(len(rows))), "the indexes of the entries do not follow each other"
    return [{"leaf": leaf, "text": bytes(body).decode()} for _, leaf, body in rows]


def sweep(world, line, chance):
    """Every kind of dead token once more, at the very end, and a few live ones: a daemon that refuses all would pass otherwise."""
    dead, alive = world.dead[-SWEPT:], world.tokens[-20:]
    accepted = 0
    for jti, _, token in dead + alive:
        start, end, status, body = line.form("/api/v1/token/introspect", {"token": token}, "Bearer " + world.admin)
        assert status == 200, f"introspection in the end: {status} {body[:200]!r}"
        active = json.loads(body)["active"]
        world.remember("introspect", start, end, True, jti=jti, accepted=active)
        accepted += active
    assert accepted > 0 or not alive, "not one live token is called active in the end"
    # What one replica accepts must be in the ledger with a proof that convinces a stranger.
    issued = [call["jti"] for call in world.history["calls"] if call["op"] == "issue" and call["ok"]]
    return chance.sample(issued, min(5, len(issued)))


def prove(daemon, events, key_text):
    for event in events:
        proof = daemon.cli("audit", "prove", "--event", event)
        judged = subprocess.run([sys.executable, str(ROOT / "tests/verifier/verify_proof.py"), "--key", key_text], input=proof.stdout, capture_output=True,
                                text=True, timeout=60)
        if proof.returncode != 0 or judged.returncode != 0:
            yield f"event {event}: {proof.stderr.strip()} {judged.stdout.strip()}"


def run():
    kills = int(os.environ.get("AGENTIDP_KILLS", "15" if sanitized() else "50"))
    seed = int(os.environ.get("AGENTIDP_SEED", random.SystemRandom().randrange(1 << 31)))
    chance, world, points, proofs = random.Random(seed), World(MAX_AGE), failpoints(), verifier()
    # The port is another one after each start; the issuer must not be, or every old token would be refused for that alone.
    settings = {"issuer": "https://idp.example", "ratelimit.client.per_minute": "1000000000", "ratelimit.address.failures_per_minute": "1000000000",
                "log.requests": "false", "audit.checkpoint_seconds": "1", "jwks.max_age_seconds": str(MAX_AGE)}
    with Daemon(settings) as daemon:
        world.address, world.admin = daemon.address, daemon.admin_token()
        key_text = daemon.json("GET", "/api/v1/audit/key").json()["key"]
        watcher, rotator = Watcher(world, proofs, proofs.parse_key(key_text)), Rotator(world, daemon, chance.random())
        workers = [Worker(world, chance.randrange(1 << 31)) for _ in range(WORKERS)]
        for _ in range(8):
            workers[0].create()
        threads = [*workers, watcher, rotator]
        for thread in threads:
            thread.start()
        done, running, latest = 0, True, time.monotonic() + LONGEST * max(1, kills / 50)
        try:
            while done < kills and time.monotonic() < latest:
                if running:
                    world.up.set()
                    # The ledger signs once a second: some lives must be longer, or there would be few checkpoints to judge.
                    deadline = time.monotonic() + chance.uniform(*chance.choice([(0.1, 1.2), (0.1, 1.2), (1.2, 2.4)]))
                    while time.monotonic() < deadline and daemon.process.poll() is None:
                        time.sleep(0.01)
                kill(daemon, world)
                done += 1
                if done < kills:
                    running = start_again(daemon, chance, points, world)
        finally:
            world.over.set()
            world.up.clear()
            for thread in threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a thread of the load did not end"
        if daemon.process.poll() is None:  # the time was over
            kill(daemon, world)
            done += 1
        daemon.env.pop("AGENTIDP_FAIL", None)
        daemon.start()
        world.address = daemon.address
        line = Line(world)
        sample = sweep(world, line, chance)
        time.sleep(2.2)  # the ledger signs once a second what the sweep and the start added
        watcher.look()
        watcher.line.close()
        rotator.read_states()
        line.close()
        full = daemon.cli("audit", "verify", "--full")
        assert daemon.stop() == 0, "the last stop did not exit 0"
        world.history["entries"] = read_entries(daemon.data / "agentidp.db")
        found = rules.check(world.history)
        events = {json.loads(entry["text"])["jti"]: json.loads(entry["text"])["eventId"] for entry in world.history["entries"]
                  if '"action":"token.issued"' in entry["text"]}
        found["bad_roots"] += prove(daemon, [events[jti] for jti in sample if jti in events], key_text)
        if full.returncode != 0:
            found["bad_roots"].append("agentidp audit verify --full: " + (full.stdout + full.stderr).strip()[-300:])
    counts = f"sigkill: kills={done} acknowledged={rules.acknowledged(world.history)} missing={len(found['missing'])} bad_roots={len(found['bad_roots'])}"
    counts += "".join(f" {kind}={len(found[kind])}" for kind in rules.KINDS if found[kind] and kind not in ("missing", "bad_roots"))
    counts += f" unexpected={len(world.unexpected)}" if world.unexpected else ""
    faults = [sentence for kind in rules.KINDS for sentence in found[kind][:3]] + world.unexpected[:3]
    if faults:
        kept = build_dir() / "sigkill-history.json"
        kept.write_text(json.dumps(world.history, default=lambda value: value.hex()))
        print(counts, flush=True)
        raise AssertionError(f"seed {seed}, history in {kept.name}: " + "; ".join(faults))
    looked = {"checkpoints": len(world.history["checkpoints"]), "jwks": len(world.history["jwks"]), "key_states": len(world.history["key_states"]),
              "revoked": sum(call["op"] == "revoke" and call["ok"] for call in world.history["calls"]),
              "suspended": sum(call["op"] == "suspend" and call["ok"] for call in world.history["calls"]),
              "rotated": sum(call["op"] == "rotate" and call["ok"] and not call["now"] for call in world.history["calls"]),
              "rotated at once": sum(call["op"] == "rotate" and call["ok"] and call["now"] for call in world.history["calls"])}
    # A run that exercised nothing shows nothing.
    assert kills < 20 or all(looked.values()), f"the load never came to some of it: {looked}"
    return counts
