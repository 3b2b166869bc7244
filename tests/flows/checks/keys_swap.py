"""Two daemons behind haproxy on PostgreSQL and Redis move their keys from plugin to plugin while clients ask for tokens: file, Vault, a PKCS#11
token, AWS KMS, file again. Each step is two edits of the settings and a restart of one daemon after the other: first `keys.plugin` = the new
one and `keys.previous` = the old one; then, when `keys list` says so, without `keys.previous`. jose verifies every token against a JWKS that it
caches for its max-age; every client secret, the first ones too, works to the end."""
import contextlib
import json
import pathlib
import subprocess
import sys
import threading
import time

from checks.rolling_restart import Client
from daemon import ROOT
from replicas import NoPostgres, ISSUER

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "rigs"))
import haproxy  # noqa: E402
import moto  # noqa: E402
import openbao  # noqa: E402
import redis  # noqa: E402
import softhsm  # noqa: E402
from fetched import Skip, node_with_packages  # noqa: E402

covers = []
judges_shipped_files = True
MAX_AGE = 8
WAY = ("file", "vault", "pkcs11", "awskms", "file")
CLIENTS = 3


class JudgedClient(Client):
    """Hands every token to a verifier of its own."""

    def __init__(self, node, port, agent, stop):
        super().__init__(port, agent, stop)
        program = ROOT / "build-clients/js/jwks-cache.mjs"
        self.judge = subprocess.Popen([node, program, f"http://127.0.0.1:{port}/.well-known/jwks.json", ISSUER, str(MAX_AGE)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def took(self, token):
        self.judge.stdin.write(token + "\n")
        self.judge.stdin.flush()

    def verdict(self):
        said, _ = self.judge.communicate(timeout=60)
        return json.loads(said.splitlines()[-1])


class Load:
    """Clients of one step, and what came of them."""

    def __init__(self, node, it, agents):
        self.stop = threading.Event()
        self.clients = [JudgedClient(node, it.proxy.port, agent, self.stop) for agent in agents]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for client in self.clients:
            client.join(30)
        self.verdicts = [client.verdict() for client in self.clients]

    def line(self, old, new, agents):
        issued, failed = sum(len(client.issued) for client in self.clients), [what for client in self.clients for what in client.failed]
        unverifiable, unknown = (sum(verdict[name] for verdict in self.verdicts) for name in ("failed", "unknown_kid"))
        told = f"{old}->{new}: requests={issued + len(failed)} failed={len(failed)} unverifiable={unverifiable} unknown_kid={unknown}"
        assert not failed and not unverifiable and not unknown, f"{told}: {failed[:2]} {[verdict['why'] for verdict in self.verdicts if verdict['why']]}"
        assert sum(verdict["verified"] for verdict in self.verdicts) == issued > 50, told
        return f"{told} secrets_still_valid={len(agents)}"


def restart(it, settings):
    for daemon in it.daemons:
        code = daemon.stop()
        assert code == 0, f"a daemon ended with {code}: " + " | ".join(daemon.lines[-3:])
        for name, value in settings.items():
            daemon.settings.pop(name, None)
            if value:
                daemon.settings[name] = value
        daemon.start()
        # The proxy looks ten times a second.
        time.sleep(0.5)


def step(node, it, agents, old, new):
    with Load(node, it, agents[-CLIENTS:]) as load:
        began = time.monotonic()
        restart(it, {"keys.plugin": new, "keys.previous": old})
        assert time.monotonic() - began < MAX_AGE, "both must be restarted before the new key signs"
        deadline = time.monotonic() + 60
        while True:
            listed = json.loads(it.daemons[0].cli("keys", "list", "--json").stdout)
            if not listed["previousNeeded"]:
                break
            assert time.monotonic() < deadline, f"keys.previous = {old} is still needed after 60 s: {listed}"
            time.sleep(0.3)
        restart(it, {"keys.previous": ""})
        active = [key["plugin"] for key in listed["keys"] if key["state"] == "active"]
        assert active == [new], active
        time.sleep(1)
    for agent in agents:
        answer = it.daemons[1].token(agent["agentId"], agent["clientSecret"])
        assert answer.status == 200, f"the secret of {agent['email']} died: {answer.status} {answer.body}"
    return load.line(old, new, agents)


@contextlib.contextmanager
def key_servers():
    """The settings and variables with which each of the plugins finds its server."""
    with openbao.OpenBao() as vault, softhsm.SoftHsm() as token, moto.Moto() as kms:
        local = {f"plugins.keys-{name}.{key}": value for name in ("pkcs11", "awskms")
                 for key, value in (("dir", str(token.folder / name)), ("shared", "true"))}
        settings = {**local, "plugins.keys-vault.address": vault.address, "plugins.keys-vault.token": "env:SWAP_VAULT_TOKEN", **token.settings, **kms.settings}
        del settings["keys.plugin"]
        yield settings, {"SWAP_VAULT_TOKEN": vault.token, **token.environment, **kms.environment}


def run():
    from two_replicas import rig
    try:
        node = node_with_packages(ROOT / "tests/clients/js", ROOT / "build-clients/js")
        with key_servers() as (settings, environment), rig({"jwks.max_age_seconds": str(MAX_AGE), **settings}, environment) as it:
            agents, lines = [it.daemons[0].agent("from-the-start")], []
            for old, new in zip(WAY, WAY[1:]):
                admin = it.daemons[0].admin_token()
                agents += [it.daemons[0].agent(f"{old}-{new}-{number}", token=admin) for number in range(CLIENTS)]
                lines.append(step(node, it, agents, old, new))
                print(lines[-1], file=sys.stderr)
            verified = json.loads(it.daemons[0].cli("audit", "verify", "--json").stdout)
            assert verified["ok"] is True, verified
            return "keys_swap: " + "; ".join(lines)
    except (Skip, NoPostgres, haproxy.Missing, moto.Missing, openbao.Missing, redis.Missing, softhsm.Missing) as missing:
        return f"skip keys_swap: {missing}"
