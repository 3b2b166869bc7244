"""`agentidp migrate copy`: a daemon's whole SQLite store moves to PostgreSQL, and back. Tokens, secrets, agents and the ledger go on; the kept
checkpoints are extended; a store that holds something is refused, and a daemon that runs is."""
import json
import pathlib
import sys

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402


def lives(daemon, agents, tokens):
    for agent, token in zip(agents, tokens):
        assert daemon.json("GET", f"/api/v1/agents/{agent['agentId']}", token=token).status == 200, "a token from before the copy is refused"
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200, "a secret from before the copy is refused"
    assert json.loads(daemon.said("audit", "verify", "--full", "--json"))["ok"] is True


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip store_copy: {missing}"
    with server, Daemon({"issuer": "http://idp.test", "ratelimit.client.per_minute": "100000"}) as daemon:
        agents = [daemon.agent(f"mover-{number}", ["agents:read"], labels={"n": str(number)}) for number in range(12)]
        tokens = [daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"] for agent in agents]
        for _ in range(300):
            assert daemon.token(agents[0]["agentId"], agents[0]["clientSecret"]).status == 200
        daemon.env["DATABASE_URL"] = server.url
        daemon.said("migrate", "copy", "--from", "sqlite", code=1, says="in use")
        assert daemon.stop() == 0
        daemon.said("migrate", "copy", "--from", "postgresql", code=2, says="names the store to copy from")
        copied = json.loads(daemon.said("migrate", "copy", "--from", "sqlite", "--json"))
        assert copied["agents"] == 13 and copied["audit_tip"] == 1 and copied["audit_entries"] > 300, copied
        daemon.said("migrate", "copy", "--from", "sqlite", code=1, says="not empty")
        daemon.start()
        assert daemon.request("GET", "/health").json()["postgres"] == "connected"
        lives(daemon, agents, tokens)
        assert daemon.stop() == 0

        # And back, into a new file.
        (daemon.data / "agentidp.db").rename(daemon.data / "before.db")
        for rest in ("agentidp.db-wal", "agentidp.db-shm"):
            (daemon.data / rest).unlink(missing_ok=True)
        daemon.settings["storage.plugin"] = "sqlite"
        back = json.loads(daemon.said("migrate", "copy", "--from", "postgresql", "--json"))
        assert back["audit_entries"] > copied["audit_entries"], back
        daemon.start()
        assert daemon.request("GET", "/health").json()["sqlite"] == "connected"
        lives(daemon, agents, tokens)
        return f"store_copy: entries={copied['audit_entries']} back={back['audit_entries']} refused=0"
