"""The daemon over a real PostgreSQL that is killed, frozen and restarted under load (faults.md rows 1 and 32): while it is away tokens are
503 with Retry-After, JWKS and /livez answer, /readyz is 503; when it is back tokens come again within two seconds without a restart. Each
token that was answered is in the ledger once, and the ledger verifies."""
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

from daemon import Daemon
from jwks import payload_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402

AWAY_SECONDS = 4


class Load(threading.Thread):
    """Asks for tokens one after the other, and remembers what came when."""

    def __init__(self, daemon, agent, stop):
        super().__init__(daemon=True)
        self.daemon_, self.agent, self.stop_ = daemon, agent, stop
        self.issued, self.refused, self.wrong = [], [], []

    def run(self):
        while not self.stop_.is_set():
            began = time.monotonic()
            try:
                answer = self.daemon_.token(self.agent["agentId"], self.agent["clientSecret"])
            except OSError as failed:
                self.wrong.append(repr(failed))
                continue
            ended = time.monotonic()
            if answer.status == 200:
                self.issued.append((ended, payload_of(answer.json()["access_token"])["jti"]))
            elif answer.status == 503 and answer.header("Retry-After"):
                self.refused.append((began, ended))
            else:
                self.wrong.append(f"{answer.status} {answer.body[:200]}")


def outage(daemon, loads, away, back):
    """What was seen while `away` held, and how long after `back` the first token came."""
    away()
    began = time.monotonic()
    seen, probes = {"readyz": set(), "livez": set(), "jwks": set()}, []
    while time.monotonic() - began < AWAY_SECONDS:
        for name, path in (("readyz", "/readyz"), ("livez", "/livez"), ("jwks", "/.well-known/jwks.json")):
            # Readiness is looked at once a second.
            if name != "readyz" or time.monotonic() - began > 2.5:
                seen[name].add(daemon.request("GET", path).status)
        if time.monotonic() - began > 2.5:
            asked = time.monotonic()
            answer = daemon.token(loads[0].agent["agentId"], loads[0].agent["clientSecret"])
            probes.append((answer.status, answer.header("Retry-After") is not None, time.monotonic() - asked < 2))
        time.sleep(0.1)
    returned = back()
    deadline = returned + 20
    while not any(ended > returned for load in loads for ended, _ in load.issued):
        assert time.monotonic() < deadline, "no token 20 s after the server was back"
        time.sleep(0.02)
    first = min(ended for load in loads for ended, _ in load.issued if ended > returned)
    assert seen["livez"] == {200} and seen["jwks"] == {200}, seen
    assert seen["readyz"] == {503}, seen
    assert probes and set(probes) == {(503, True, True)}, f"a new request was not refused at once: {probes}"
    return first - returned


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip postgres_outage: {missing}"
    with server, Daemon({"ratelimit.client.per_minute": "1000000000", "quota.mode": "off"}, env={"DATABASE_URL": server.url}) as daemon:
        agents = [daemon.agent(f"outage-{number}", ["agents:read"]) for number in range(4)]
        stop = threading.Event()
        loads = [Load(daemon, agent, stop) for agent in agents]
        for load in loads:
            load.start()
        time.sleep(1)

        def crash():
            server.stop(signal.SIGQUIT)

        def restart():
            server.start()
            return time.monotonic()

        def thaw():
            for pid in frozen:
                subprocess.run(["kill", "-CONT", str(pid)], check=False)
            return time.monotonic()

        def freeze():
            frozen.extend(server.backends())
            for pid in frozen:
                subprocess.run(["kill", "-STOP", str(pid)], check=False)

        frozen = []
        after = {"crash": outage(daemon, loads, crash, restart), "freeze": outage(daemon, loads, freeze, thaw)}
        time.sleep(1)
        stop.set()
        for load in loads:
            load.join(30)
        wrong = [what for load in loads for what in load.wrong]
        assert not wrong, wrong[:3]
        answered = [jti for load in loads for _, jti in load.issued]
        verified = json.loads(daemon.cli("audit", "verify", "--json").stdout)
        assert verified["ok"] is True, verified
        stored = server.query("SELECT convert_from(body, 'UTF8') FROM agentidp.audit_entries WHERE body IS NOT NULL")
        text = "\n".join(stored)
        missing = sum(1 for jti in answered if text.count(jti) == 0)
        twice = sum(1 for jti in answered if text.count(jti) > 1)
        assert missing == 0 and twice == 0, (missing, twice)
        for name, seconds in after.items():
            assert seconds < 2, f"after {name}: the first token came {seconds:.1f} s after the server was back"
        return (f"postgres_outage: answered={len(answered)} missing=0 twice=0 refused={sum(len(load.refused) for load in loads)} "
                + " ".join(f"after_{name}_s={seconds:.2f}" for name, seconds in after.items()))
