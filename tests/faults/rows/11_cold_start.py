"""A daemon with many revocations starts while clients already ask it about a revoked token."""
import http.client
import json
import socket
import threading
import time

from bed import Bed
from postgres import Missing, Postgres

ROW = 11
DID = "a daemon was restarted over 200,000 live revocations on a port that 8 clients asked all the time about a token revoked before."
EXPECTED = "no answer ever calls it active; the log tells count and ledger size before it tells that the daemon listens."
MANY = 200_000


class Asker(threading.Thread):
    def __init__(self, port, body, headers, over):
        super().__init__(daemon=True)
        self.port, self.body, self.headers, self.over = port, body, headers, over
        self.active = self.inactive = self.other = 0
        self.first = None

    def run(self):
        while not self.over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("POST", "/api/v1/token/introspect", self.body, self.headers)
                answer = connection.getresponse()
                text = answer.read()
                self.first = self.first or time.monotonic()
                if answer.status != 200:
                    self.other += 1
                elif json.loads(text)["active"]:
                    self.active += 1
                else:
                    self.inactive += 1
            except (OSError, http.client.HTTPException):
                time.sleep(0.002)
            finally:
                connection.close()


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with server, Bed("11", {"server.listen": f"127.0.0.1:{port}"}, server=server) as bed:
        agent, secret = bed.someone()
        token = bed.daemon.token(agent, secret).json()["access_token"]
        live = bed.daemon.token(agent, secret).json()["access_token"]
        form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer " + bed.daemon.admin_token()}
        from daemon import basic
        ended = bed.daemon.request("POST", "/api/v1/token/revoke", dict(form, Authorization=basic(agent, secret)), "token=" + token)
        assert ended.status == 200, ended.body
        bed.load()
        time.sleep(1)
        bed.end_load()
        server.query("INSERT INTO agentidp.token_revocations SELECT (jsonb_populate_record(r, jsonb_build_object('jti', gen_random_uuid()))).* FROM "
                     f"(SELECT r FROM agentidp.token_revocations r LIMIT 1) one, generate_series(1, {MANY})")
        kept = int(server.query("SELECT count(*) FROM agentidp.token_revocations WHERE expires_at > now()")[0])
        assert bed.daemon.stop() == 0
        said = len(bed.daemon.lines)
        over = threading.Event()
        askers = [Asker(port, "token=" + token, form, over) for _ in range(8)]
        for asker in askers:
            asker.start()
        began = time.monotonic()
        bed.daemon.start()
        ready = time.monotonic() - began
        deadline = time.monotonic() + 20
        while sum(asker.inactive for asker in askers) < 100 and time.monotonic() < deadline:
            time.sleep(0.02)
        over.set()
        for asker in askers:
            asker.join(20)
        active, inactive, other = (sum(getattr(asker, name) for asker in askers) for name in ("active", "inactive", "other"))
        assert active == 0 and inactive >= 100, (active, inactive, other)
        assert bed.daemon.request("POST", "/api/v1/token/introspect", form, "token=" + live).json()["active"], "a live token is not active"
        order = [line for line in bed.daemon.lines[said:] if any(f'"{name}"' in line for name in ("REVOCATIONS_LOADED", "LISTENING"))]
        loaded = json.loads(order[0])
        assert loaded["id"] == "REVOCATIONS_LOADED" and loaded["fields"]["count"] >= kept > MANY, (order[:2], kept)
        assert loaded["fields"]["ledgerSize"] > 0
        bed.world.address = bed.daemon.address
        bed.close(lost_connections=10)
        return (f"{loaded['fields']['count']} revocations of a ledger of {loaded['fields']['ledgerSize']} entries loaded, ready after {ready:.1f} s; "
                f"{inactive} answers, all inactive, {other} refused before.")
