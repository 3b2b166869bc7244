"""A random load that remembers every call and every answer, for history.py to judge: workers that issue, introspect, use and revoke tokens,
end credentials and suspend agents, and a watcher of all that is public. Shared by the checks and the fault rows.
"""
import base64
import http.client
import importlib.util
import json
import random
import socket
import threading
import time
import urllib.parse

from daemon import ROOT, basic

TOKENS_KEPT = 4000


def verifier():
    spec = importlib.util.spec_from_file_location("verify_proof", ROOT / "tests/verifier/verify_proof.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def part_of(token, number):
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class World:
    """What the load knows: who may ask for what, and the history. Shared by all threads. `max_age`: of the daemon's JWKS, in seconds."""

    def __init__(self, max_age):
        self.lock = threading.Lock()
        self.up = threading.Event()
        self.over = threading.Event()
        self.address = None
        self.admin = None
        self.agents = {}  # agentId -> {credentialId: secret}
        self.suspended = []
        self.tokens, self.dead = [], []  # (jti, agentId, token)
        self.history = {name: [] for name in ("calls", "checkpoints", "jwks", "key_states", "entries")}
        self.history["max_age"] = max_age
        self.answers = []  # (start, end, path, status or None, whether Retry-After came with it), one a request
        self.unexpected = []

    def remember(self, op, start, end, ok, **more):
        self.history["calls"].append(dict(more, op=op, start=start, end=end, ok=ok))


class Line:
    """One kept connection. `ask` answers (start, end, status, body); status None where no answer came. A 503 says nothing of what became
    of the effect, which may still become durable: `end` is None then, as where no answer came."""

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
            self.world.answers.append((start, time.monotonic(), path, None, False))
            time.sleep(0.005)
            return start, None, None, b""
        again = answer.getheader("Retry-After") is not None
        self.world.answers.append((start, end, path, answer.status, again))
        if answer.status >= 500 and (answer.status != 503 or not again):
            self.world.unexpected.append(f"{method} {path}: {answer.status} Retry-After={again} {text[:200]!r}")
        return start, None if answer.status == 503 else end, answer.status, text

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
