"""Two daemons on one PostgreSQL with hooks.source = storage, tokens asked of both without a pause: each pushed bundle is in force in both within a
second, no request fails, and none is answered by two generations. Every bundle states its number twice, in the lifetime by scope_check and in a claim."""
import datetime
import json
import pathlib
import shutil
import tempfile
import threading
import time

from load import part_of
from replicas import NoPostgres, replicas

covers = []
PUSHES = 10
WORKERS = 4
BASE_TTL = 100

SCRIPT = """return {{
  api = 1, name = "numbered", version = "{number}",
  hooks = {{
    scope_check = function(ctx)
      return narrow {{ max_ttl = {ttl} }}
    end,
    claims = function(ctx)
      return add {{ bundle_number = {number} }}
    end,
  }},
}}
"""


class Load:
    """Workers that ask each daemon in turn, from before the first push to behind the last."""

    def __init__(self, daemons, agent):
        self.daemons, self.agent = daemons, agent
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.requests, self.failed, self.mixed, self.seen = 0, [], [], set()
        self.threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(WORKERS)]

    def _work(self, number):
        while not self.over.is_set():
            number += 1
            try:
                answer = self.daemons[number % len(self.daemons)].token(self.agent["agentId"], self.agent["clientSecret"])
                status, body = answer.status, answer.body
            except OSError as broken:
                status, body = None, str(broken)
            with self.lock:
                self.requests += 1
                if status != 200:
                    self.failed.append((status, body))
                    continue
                claims = part_of(json.loads(body)["access_token"], 1)
                said, lived = claims.get("bundle_number"), claims["exp"] - claims["iat"]
                self.seen.add(said)
                if said is not None and lived != BASE_TTL + said or said is None and lived < BASE_TTL * 10:
                    self.mixed.append((said, lived))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)


def status(daemon):
    out = daemon.cli("hook", "status", "--json")
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def loaded_at(daemon, sha256):
    """When the daemon put that bundle into force, by its log: the machine's one clock."""
    began = time.monotonic()
    while True:
        for line in reversed(daemon.lines):
            if '"HOOKS_LOADED"' in line and sha256 in line:
                return datetime.datetime.fromisoformat(json.loads(line)["ts"].replace("Z", "+00:00"))
        assert time.monotonic() - began < 20, f"{sha256} did not arrive"
        time.sleep(0.01)


def pushed(daemons, folder, number):
    """Seconds from one daemon's swap, which follows the commit, to the other's."""
    path = folder / "numbered.lua"
    path.write_text(SCRIPT.format(number=number, ttl=BASE_TTL + number))
    path.chmod(0o644)
    out = daemons[number % 2].cli("hook", "push", str(folder), "--json")
    assert out.returncode == 0, out.stderr
    sha256 = json.loads(out.stdout)["sha256"]
    times = [loaded_at(daemon, sha256) for daemon in daemons]
    return abs((times[0] - times[1]).total_seconds())


def run():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-hooks-"))
    folder.chmod(0o755)
    try:
        with replicas(2, {"hooks.source": "storage"}) as (_, daemons):
            agent = daemons[0].agent("pushed", ["agents:read"])
            with Load(daemons, agent) as load:
                took = [pushed(daemons, folder, number) for number in range(1, PUSHES + 1)]
            back = daemons[0].cli("hook", "rollback", "--json")
            assert back.returncode == 0, back.stderr
            sha256, began = json.loads(back.stdout)["sha256"], time.monotonic()
            while status(daemons[1])["sha256"] != sha256:
                assert time.monotonic() - began < 20, "the rollback did not arrive"
            third = status(daemons[1])["scripts"][0]["version"]
            assert third == str(PUSHES - 1), third
            assert not load.failed, load.failed[:3]
            assert not load.mixed, load.mixed[:3]
            assert len(load.seen - {None}) >= 2, f"no token was asked under a pushed bundle: {load.seen}"
            assert max(took) <= 1, f"later than a second: {took}"
            return (f"hook_push: pushes={PUSHES} worst_s={max(took):.3f} requests={load.requests} failed={len(load.failed)} "
                    f"mixed_generations={len(load.mixed)}")
    except NoPostgres as missing:
        return f"skip hook_push: {missing}"
    finally:
        shutil.rmtree(folder, True)
