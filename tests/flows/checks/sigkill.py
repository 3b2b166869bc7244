"""The daemon is killed again and again under a random load, on one data directory, and every call and answer is remembered. What was
answered must be true afterwards: see history.py for the rules.

AGENTIDP_KILLS (50; 15 under a sanitizer, which starts slowly) and AGENTIDP_SEED (random) in the environment; a failure names the seed
and leaves the history in the build folder. Where failpoints are compiled in, every second death is at one of them. After four minutes
no further death is begun, and the result says how many there were.
"""
import base64
import http.client
import importlib.util
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

import history as rules
from daemon import ROOT, Daemon, basic, build_dir

covers = []
WORKERS = 4
TOKENS_KEPT = 4000
SWEPT = 1500
LONGEST = 240
MAX_AGE = 1


def verifier():
    spec = importlib.util.spec_from_file_location("verify_proof", ROOT / "tests/verifier/verify_proof.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def part_of(token, number):
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class World:
    """What the load knows: who may ask for what, and the history. Shared by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.up = threading.Event()
        self.over = threading.Event()
        self.address = None
        self.admin = None
        self.agents = {}  # agentId -> {credentialId: secret}
        self.suspended = []
        self.tokens, self.dead = [], []  # (jti, agentId, token)
        self.history = {name: [] for name in ("calls", "checkpoints", "jwks", "key_states", "entries")}
        self.history["max_age"] = MAX_AGE
        self.unexpected = []

    def remember(self, op, start, end, ok, **more):
        self.history["calls"].append(dict(more, op=op, start=start, end=end, ok=ok))


class Line:
    """One kept connection. `ask` answers (start, end, status, body); status None where no answer came."""

    def __init__(self, world):
        self.world, self.connection, self.address = world, None, None

    def ask(self, method, path, headers=None, body=None):
        address = self.world.address
        if self.connection is None or self.address != address:
            self.close()
            host, _, port = address.rpartition(":")
            self.connection, self.address = http.client.HTTPConnection(host, int(port), timeout=20), address
        start = time.monotonic()
        try:
            if self.connection.sock is None:
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.request(method, path, body=body, headers=headers or {})
            answer = self.connection.getresponse()
            text = answer.read()
            end = time.monotonic()
        except (OSError, http.client.HTTPException):
            self.close()
            time.sleep(0.005)
            return start, None, None, b""
        if answer.status >= 500 and answer.status != 503:
            self.world.unexpected.append(f"{method} {path}: {answer.status} {text[:200]!r}")
        return start, end, answer.status, text

    def form(self, path, fields, authorization):
        return self.ask("POST", path, {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(fields))

    def json(self, method, path, value=None, token=None):
        headers = {"Authorization": "Bearer " + token}
        if value is not None:
            headers["Content-Type"] = "application/json"
        return self.ask(method, path, headers, None if value is None else json.dumps(value))

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Worker(threading.Thread):
    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world, self.random, self.line, self.seed = world, random.Random(seed), Line(world), seed
        self.made = 0

    def run(self):
        acts = [(self.issue, 46), (self.introspect, 26), (self.bearer, 9), (self.revoke, 9), (self.credential, 3), (self.end_credential, 3),
                (self.suspend, 1), (self.reactivate, 1), (self.create, 2)]
        try:
            while not self.world.over.is_set():
                if not self.world.up.wait(0.1):
                    continue
                self.random.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()
                time.sleep(self.random.uniform(0, 0.004))
        except Exception as error:  # a fault of the load must not look like a quiet pass
            self.world.unexpected.append(f"worker {self.seed}: {type(error).__name__}: {error}")
        finally:
            self.line.close()

    def anyone(self):
        """(agentId, credentialId, secret) of somebody who should be let in."""
        with self.world.lock:
            able = [(agent, held) for agent, held in self.world.agents.items() if held]
            if not able:
                return None
            agent, held = self.random.choice(able)
            credential = self.random.choice(list(held))
            return agent, credential, held[credential]

    def some_token(self):
        with self.world.lock:
            pool = self.world.dead if self.world.dead and self.random.random() < 0.5 else self.world.tokens
            # The youngest dead are the most telling ones.
            return self.random.choice(pool[-40:] if self.random.random() < 0.5 else pool) if pool else None

    def issue(self):
        who = self.anyone()
        if not who:
            return
        agent, _, secret = who
        start, end, status, body = self.line.form("/api/v1/token", {"grant_type": "client_credentials"}, basic(agent, secret))
        self.answered_token(agent, secret, start, end, status, body)

    def answered_token(self, agent, secret, start, end, status, body):
        if status != 200:
            self.world.remember("issue", start, end, False, agent=agent, secret=secret)
            return
        token = json.loads(body)["access_token"]
        jti = part_of(token, 1)["jti"]
        self.world.remember("issue", start, end, True, agent=agent, secret=secret, jti=jti, kid=part_of(token, 0)["kid"])
        with self.world.lock:
            self.world.tokens.append((jti, agent, token))
            del self.world.tokens[:-TOKENS_KEPT]

    def introspect(self):
        found = self.some_token()
        if not found:
            return
        jti, agent, token = found
        who = self.world.agents.get(agent)
        own = self.random.choice(list(who.values()) or [None]) if who else None
        authorization = basic(agent, own) if own and self.random.random() < 0.5 else "Bearer " + self.world.admin
        start, end, status, body = self.line.form("/api/v1/token/introspect", {"token": token}, authorization)
        self.world.remember("introspect", start, end, status == 200, jti=jti, accepted=status == 200 and json.loads(body)["active"])

    def bearer(self):
        found = self.some_token()
        if not found:
            return
        jti, agent, token = found
        start, end, status, _ = self.line.json("GET", f"/api/v1/agents/{agent}", token=token)
        self.world.remember("bearer", start, end, status == 200, jti=jti, accepted=status == 200)

    def revoke(self):
        with self.world.lock:
            if not self.world.tokens:
                return
            found = self.world.tokens.pop(self.random.randrange(len(self.world.tokens)))
        jti, agent, token = found
        held = self.world.agents.get(agent)
        if not held:
            return
        start, end, status, _ = self.line.form("/api/v1/token/revoke", {"token": token}, basic(agent, self.random.choice(list(held.values()))))
        self.world.remember("revoke", start, end, status == 200, jti=jti)
        if status == 200:
            with self.world.lock:
                self.world.dead.append(found)

    def new_credential(self, agent):
        start, end, status, body = self.line.json("POST", f"/api/v1/agents/{agent}/credentials", {}, self.world.admin)
        made = json.loads(body) if status == 201 else {}
        self.world.remember("credential", start, end, status == 201, credentialId=made.get("credentialId"))
        if made:
            with self.world.lock:
                if agent in self.world.agents:
                    self.world.agents[agent][made["credentialId"]] = made["clientSecret"]

    def credential(self):
        who = self.anyone()
        if who and len(self.world.agents.get(who[0], {})) < 4:
            self.new_credential(who[0])

    def end_credential(self):
        """Rotates a credential, or revokes one of several. It belongs to this thread meanwhile, so that no two end it at once."""
        who = self.anyone()
        if not who:
            return
        agent, credential, secret = who
        with self.world.lock:
            held = self.world.agents.get(agent)
            if not held or len(held) < 2 or held.pop(credential, None) is None:
                return
        if self.random.random() < 0.6:
            start, end, status, body = self.line.json("POST", f"/api/v1/agents/{agent}/credentials/{credential}/rotate", {}, self.world.admin)
            action = "credential.rotated"
            if status == 200:
                with self.world.lock:
                    held[credential] = json.loads(body)["clientSecret"]
        else:
            start, end, status, _ = self.line.json("DELETE", f"/api/v1/agents/{agent}/credentials/{credential}", token=self.world.admin)
            action = "credential.revoked"
        done = status in (200, 204)
        self.world.remember("end_secret", start, end, done, secret=secret, credentialId=credential, action=action)
        if done:  # the old secret is tried again: it must be refused
            start, end, status, body = self.line.form("/api/v1/token", {"grant_type": "client_credentials"}, basic(agent, secret))
            self.answered_token(agent, secret, start, end, status, body)

    def suspend(self):
        with self.world.lock:
            if len(self.world.agents) < 5:
                return
            agent = self.random.choice(list(self.world.agents))
            held = self.world.agents.pop(agent)
        start, end, status, _ = self.line.json("PATCH", f"/api/v1/agents/{agent}", {"status": "suspended"}, self.world.admin)
        self.world.remember("suspend", start, end, status == 200, agent=agent)
        with self.world.lock:
            if status == 200:
                self.world.dead.extend(token for token in self.world.tokens if token[1] == agent)
            self.world.tokens[:] = [token for token in self.world.tokens if token[1] != agent]
            if status == 200:
                self.world.suspended.append((agent, held))
        if status == 200 and held:
            secret = next(iter(held.values()))
            start, end, status, body = self.line.form("/api/v1/token", {"grant_type": "client_credentials"}, basic(agent, secret))
            self.answered_token(agent, secret, start, end, status, body)

    def reactivate(self):
        with self.world.lock:
            if not self.world.suspended or self.random.random() < 0.5:
                return
            agent, held = self.world.suspended.pop(0)
        start, end, status, _ = self.line.json("PATCH", f"/api/v1/agents/{agent}", {"status": "active"}, self.world.admin)
        self.world.remember("reactivate", start, end, status == 200, agent=agent)
        if status == 200:
            with self.world.lock:
                self.world.agents[agent] = held

    def create(self):
        with self.world.lock:
            if len(self.world.agents) > 11:
                return
        self.made += 1
        start, end, status, body = self.line.json(
            "POST", "/api/v1/agents", {"email": f"load-{self.seed}-{self.made}@example.test", "agentType": "worker", "version": "1", "owner": "tests",
                                       "deploymentEnv": "development", "scopes": ["agents:read"]}, self.world.admin)
        agent = json.loads(body)["agentId"] if status == 201 else None
        self.world.remember("create", start, end, status == 201, agent=agent)
        if agent:
            with self.world.lock:
                self.world.agents[agent] = {}
            for _ in range(2):
                self.new_credential(agent)


class Watcher(threading.Thread):
    """Looks at what is public, all the time: the JWKS and the newest checkpoint."""

    def __init__(self, world, proofs, key):
        super().__init__(daemon=True)
        self.world, self.line, self.proofs, self.key = world, Line(world), proofs, key

    def run(self):
        while not self.world.over.is_set():
            if self.world.up.wait(0.1):
                try:
                    self.look()
                except Exception as error:
                    self.world.unexpected.append(f"watcher: {type(error).__name__}: {error}")
            time.sleep(0.04)
        self.line.close()

    def look(self):
        start, end, status, body = self.line.ask("GET", "/.well-known/jwks.json")
        if status == 200:
            self.world.history["jwks"].append({"start": start, "end": end, "kids": [key["kid"] for key in json.loads(body)["keys"]]})
        start, end, status, body = self.line.ask("GET", "/api/v1/audit/checkpoint")
        if status == 200:
            self.world.history["checkpoints"].append(self.opened(start, end, body.decode()))

    def opened(self, start, end, note):
        try:
            size, root = self.proofs.open_checkpoint(note, self.key)
            return {"start": start, "end": end, "size": size, "root": root, "signed": True}
        except self.proofs.Refused:
            lines = note.split("\n")
            return {"start": start, "end": end, "size": int(lines[1]), "root": base64.b64decode(lines[2]), "signed": False}


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
    chance, world, points, proofs = random.Random(seed), World(), failpoints(), verifier()
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
