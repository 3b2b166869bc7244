"""One organization sends far more than the daemon can do; another one goes on as before."""
import http.client
import threading
import time

from bed import Bed, entries_of_postgres
from postgres import Missing, Postgres
from proxy import Proxy

ROW = 22
DID = ("an organization's agent asked for pages of the audit log over 1,200 connections at once, again and again, the storage being 50 ms away, "
       "while another organization's agent worked.")
EXPECTED = "every request of the other organization is answered (count, not time): tokens, introspections, and reads of its own agent."
CONNECTIONS, ROUNDS = 1200, 5


def organization(bed, admin, name):
    made = bed.daemon.json("POST", "/api/v1/organizations", {"name": name, "slug": name}, admin)
    assert made.status == 201, made.body
    return made.json()["organizationId"]


class Flood(threading.Thread):
    def __init__(self, bed, token, over, share):
        super().__init__(daemon=True)
        self.bed, self.token, self.over, self.share, self.sent, self.statuses = bed, token, over, share, 0, []

    def run(self):
        lines = [http.client.HTTPConnection(self.bed.daemon.host, self.bed.daemon.port, timeout=5) for _ in range(self.share)]
        while not self.over.is_set():
            sent = []
            for line in lines:
                try:
                    line.request("GET", "/api/v1/audit?limit=100", headers={"Authorization": "Bearer " + self.token})
                    sent.append(line)
                    self.sent += 1
                except (OSError, http.client.HTTPException):
                    line.close()
            for line in sent:
                if self.over.is_set():
                    break
                try:
                    answer = line.getresponse()
                    answer.read()
                    self.statuses.append(answer.status)
                except (OSError, http.client.HTTPException):
                    line.close()
        for line in lines:
            line.close()


def asked(request):
    """(status, answer); None where none came within ten seconds."""
    try:
        answer = request()
        return answer.status, answer
    except OSError:
        return None, None


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with server, Proxy(server.socket) as link, Bed("22", env={"DATABASE_URL": f"postgresql://agentidp@127.0.0.1:{link.port}/agentidp"}, workers=1) as bed:
        bed.read_entries = lambda: entries_of_postgres(server)
        admin = bed.daemon.admin_token()
        noisy = bed.daemon.agent("noisy", ["audit:read"], token=admin, organizationId=organization(bed, admin, "noisy"))
        quiet = bed.daemon.agent("quiet", ["agents:read"], token=admin, organizationId=organization(bed, admin, "quiet"))
        reading = bed.daemon.token(noisy["agentId"], noisy["clientSecret"], "audit:read").json()["access_token"]
        bed.load()
        time.sleep(1)
        bed.end_load()
        link.delay(0.05)
        over = threading.Event()
        floods = [Flood(bed, reading, over, CONNECTIONS // 8) for _ in range(8)]
        for flood in floods:
            flood.start()
        time.sleep(1.5)
        seen = []
        for _ in range(ROUNDS):
            status, answer = asked(lambda: bed.daemon.token(quiet["agentId"], quiet["clientSecret"]))
            seen.append(("token", status))
            if status != 200:
                continue
            token = answer.json()["access_token"]
            form = {"Authorization": quiet["basic"], "Content-Type": "application/x-www-form-urlencoded"}
            seen.append(("introspect", asked(lambda: bed.daemon.request("POST", "/api/v1/token/introspect", form, "token=" + token, timeout=10))[0]))
            seen.append(("read", asked(lambda: bed.daemon.request("GET", f"/api/v1/agents/{quiet['agentId']}", {"Authorization": "Bearer " + token},
                                                                  timeout=10))[0]))
        over.set()
        for flood in floods:
            flood.join(60)
        link.heal()
        flooded = [status for flood in floods for status in flood.statuses]
        bed.close()
        wrong = [each for each in seen if each[1] != 200]
        told = {status: flooded.count(status) for status in sorted(set(flooded))}
        sent = sum(flood.sent for flood in floods)
        assert sent >= CONNECTIONS // 2, f"the flood was only {sent} requests"
        assert not wrong, f"{len(wrong)} of {len(seen)} requests of the other organization were not answered 200 ({wrong[:3]}), the flood's were {told}"
        return f"{len(seen)} of {len(seen)} requests of the quiet organization were answered 200 while the noisy one sent {sent}, of which were answered: {told}."
