"""Two daemons behind haproxy on PostgreSQL and Redis, each ended and started again in turn while clients ask for tokens: not one request
fails, and the ledger holds every token once."""
import http.client
import json
import pathlib
import sys
import threading

from daemon import Answer
from jwks import payload_of
from replicas import NoPostgres

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "rigs"))

covers = []
CLIENTS = 8
ROUNDS = 3


class Client(threading.Thread):
    """Asks again and again, each time on a connection of its own."""

    def __init__(self, port, agent, stop):
        super().__init__(daemon=True)
        self.port, self.agent, self.stop_ = port, agent, stop
        self.issued, self.failed = [], []

    def took(self, token):
        """A token came."""

    def run(self):
        while not self.stop_.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("POST", "/api/v1/token", "grant_type=client_credentials",
                                   {"Authorization": self.agent["basic"], "Content-Type": "application/x-www-form-urlencoded"})
                got = connection.getresponse()
                answer = Answer(got.status, dict(got.getheaders()), got.read().decode())
                connection.close()
            except (OSError, http.client.HTTPException) as failed:
                self.failed.append(repr(failed))
                continue
            if answer.status == 200:
                token = answer.json()["access_token"]
                self.issued.append(payload_of(token)["jti"])
                self.took(token)
            else:
                self.failed.append(f"{answer.status} {answer.body[:200]}")


def run():
    from haproxy import Missing as NoHaproxy
    from redis import Missing as NoRedis, eventually
    from two_replicas import rig
    try:
        with rig() as it:
            agents = [it.daemons[0].agent(f"rolling-{number}") for number in range(CLIENTS)]
            stop = threading.Event()
            clients = [Client(it.proxy.port, agent, stop) for agent in agents]
            for client in clients:
                client.start()
            for _ in range(ROUNDS):
                for daemon in it.daemons:
                    # As an operator who waits until the balancer has the last one back.
                    eventually(lambda: it.proxy.serving() == len(it.daemons), 30)
                    before = sum(len(client.issued) for client in clients)
                    code = daemon.stop()
                    assert code == 0, f"a daemon ended with {code}: " + " | ".join(daemon.lines[-3:])
                    daemon.start()
                    eventually(lambda: sum(len(client.issued) for client in clients) >= before + 50, 30)
            stop.set()
            for client in clients:
                client.join(30)
            failed = [what for client in clients for what in client.failed]
            issued = [jti for client in clients for jti in client.issued]
            assert not failed, f"{len(failed)} of {len(issued) + len(failed)} requests failed: {failed[:3]}"
            verified = json.loads(it.daemons[0].cli("audit", "verify", "--json").stdout)
            assert verified["ok"] is True, verified
            text = "\n".join(it.postgres.query("SELECT convert_from(body, 'UTF8') FROM agentidp.audit_entries WHERE body IS NOT NULL"))
            wrong = [jti for jti in issued if text.count(jti) != 1]
            assert not wrong, f"{len(wrong)} tokens stand in the ledger another time than once"
            return f"rolling_restart: requests={len(issued)} restarts={2 * ROUNDS} failed=0 missing=0"
    except (NoPostgres, NoHaproxy, NoRedis) as missing:
        return f"skip rolling_restart: {missing}"
