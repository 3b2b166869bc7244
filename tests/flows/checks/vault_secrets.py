"""Client secrets in Vault (a real OpenBao), switched on by VAULT_ADDR and VAULT_TOKEN alone: a new secret is in KV under its row's vault_path
and nowhere else, works after a restart, rotates with an overlap, survives sealing while it is known and is 503 where it is not, and leaves KV
when it is revoked. Back on `mac` it goes on working while the plugin is configured, and moves to a MAC at its rotation."""
import pathlib
import sqlite3
import sys
import time

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from openbao import Missing, OpenBao  # noqa: E402

covers = []


def row_of(daemon, credential):
    with sqlite3.connect(f"file:{daemon.data}/agentidp.db?mode=ro", uri=True) as database:
        return database.execute("select vault_path, secret_mac, previous_mac from credentials where id = ?", (credential,)).fetchone()


def kept_at(server, path):
    """The secret in KV, None where there is none."""
    try:
        return server.api("GET", f"secret/data/{path}")["data"]["data"]["secret"]
    except RuntimeError as refused:
        assert " 404 " in str(refused), refused
        return None


def gone_soon(server, path):
    deadline = time.monotonic() + 15
    while kept_at(server, path) is not None:
        assert time.monotonic() < deadline, f"{path} is still in Vault"
        time.sleep(0.05)


def status_of(daemon, agent, secret):
    return daemon.token(agent["agentId"], secret).status


def rotate(daemon, agent, **body):
    answer = daemon.json("POST", f"/api/v1/agents/{agent['agentId']}/credentials/{agent['credentialId']}/rotate", body, daemon.admin_token())
    assert answer.status == 200, answer.body
    return answer.json()["clientSecret"]


def run():
    try:
        server = OpenBao()
    except Missing as missing:
        return f"skip vault_secrets: {missing}"
    with server, Daemon(env={"VAULT_ADDR": server.address, "VAULT_TOKEN": server.token}) as daemon:
        agent = daemon.agent("vaulted", ["agents:read"])
        first = agent["clientSecret"]
        path, mac, _ = row_of(daemon, agent["credentialId"])
        assert mac is None and path.startswith("agentidp/credentials/"), (path, mac)
        assert kept_at(server, path) == first
        assert (status_of(daemon, agent, first), status_of(daemon, agent, first + "x")) == (200, 401)

        daemon.stop()
        daemon.start()
        assert status_of(daemon, agent, first) == 200
        second = rotate(daemon, agent, overlapSeconds=600)
        newer, mac, previous = row_of(daemon, agent["credentialId"])
        assert newer != path and mac is None and previous is not None and kept_at(server, newer) == second
        gone_soon(server, path)
        assert (status_of(daemon, agent, first), status_of(daemon, agent, second)) == (200, 200)

        unseen = daemon.agent("unseen", ["agents:read"])
        other = daemon.agent("other", ["agents:read"])
        assert status_of(daemon, other, other["clientSecret"]) == 200
        daemon.stop()
        daemon.start()
        assert status_of(daemon, agent, second) == 200
        admin = daemon.admin_token()
        server.seal()
        assert status_of(daemon, agent, second) == 200, "what is in memory must go on"
        sealed = daemon.token(unseen["agentId"], unseen["clientSecret"])
        assert sealed.status == 503 and sealed.header("Retry-After"), (sealed.status, sealed.headers)
        refused = daemon.json("POST", f"/api/v1/agents/{agent['agentId']}/credentials", {}, admin)
        assert refused.status == 503, refused.body
        assert daemon.json("DELETE", f"/api/v1/agents/{other['agentId']}/credentials/{other['credentialId']}", token=admin).status == 204
        assert status_of(daemon, other, other["clientSecret"]) == 401
        daemon.stop()
        began = time.monotonic()
        try:
            daemon.start()
            raise AssertionError("it started while Vault was sealed")
        except RuntimeError as said:
            assert "is sealed" in str(said), said
        refused_in = time.monotonic() - began

        server.unseal()
        daemon.start()
        assert (status_of(daemon, unseen, unseen["clientSecret"]), status_of(daemon, agent, second)) == (200, 200)
        token = daemon.admin_token()
        assert daemon.json("DELETE", f"/api/v1/agents/{agent['agentId']}/credentials/{agent['credentialId']}", token=token).status == 204
        assert status_of(daemon, agent, second) == 401
        gone_soon(server, newer)

        daemon.stop()
        daemon.settings["credentials.store"] = "mac"
        daemon.start()
        assert status_of(daemon, unseen, unseen["clientSecret"]) == 503, "without the plugin nobody can say whether it is right"
        daemon.stop()
        daemon.settings.update({"plugins.secrets-vault.address": server.address, "plugins.secrets-vault.token": "env:VAULT_TOKEN"})
        daemon.start()
        path = row_of(daemon, unseen["credentialId"])[0]
        assert status_of(daemon, unseen, unseen["clientSecret"]) == 200
        moved = rotate(daemon, unseen)
        assert row_of(daemon, unseen["credentialId"])[0] is None
        gone_soon(server, path)
        assert (status_of(daemon, unseen, moved), status_of(daemon, unseen, unseen["clientSecret"])) == (200, 401)
        secret = first, second, moved
        assert not any(word in line for line in daemon.lines for word in (*secret, server.token)), "a secret is in the log"
    return f"vault_secrets: kept=1 rotated=2 revoked=2 sealed_known=200 sealed_unseen=503 start_refused_s={refused_in:.1f} moved_to_mac=1"
