"""One of two replicas is told to stop while both serve, and a client that is refused goes to the other, as a balancer does."""
import signal
import threading
import time

from bed import Bed
from daemon import Daemon
from jwks import payload_of
from postgres import Missing, Postgres

ROW = 18
DID = "two daemons shared one PostgreSQL (plugins.keys-file.shared) and one was told to stop (SIGTERM) while 6 clients asked both in turn."
EXPECTED = "it exits 0 within 25 s with a last checkpoint, no request fails that is tried at the other one, and no answered token is lost."


class Client(threading.Thread):
    """Asks one replica, and the other where it got no answer or is told to."""

    def __init__(self, replicas, who, over):
        super().__init__(daemon=True)
        self.replicas, self.who, self.over = replicas, who, over
        self.issued, self.failed, self.moved = [], [], 0

    def run(self):
        turn = 0
        while not self.over.is_set():
            turn += 1
            why = None
            for attempt in range(2):
                replica = self.replicas[(turn + attempt) % 2]
                try:
                    answer = replica.token(*self.who)
                    why = f"{answer.status} {answer.body[:80]}"
                    if answer.status == 200:
                        self.issued.append(payload_of(answer.json()["access_token"])["jti"])
                        why = None
                        break
                except OSError as error:
                    why = repr(error)
                self.moved += 1
            if why:
                self.failed.append(why)


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    shared = {"plugins.keys-file.shared": "true"}
    with server, Bed("18", shared, server=server) as bed:
        who = bed.someone()
        second = Daemon({**bed.daemon.settings, "data.dir": str(bed.daemon.folder / "second"), "plugins.keys-file.dir": str(bed.daemon.data / "keys")},
                        {"DATABASE_URL": server.url})
        with second:
            over = threading.Event()
            clients = [Client([bed.daemon, second], who, over) for _ in range(6)]
            for client in clients:
                client.start()
            time.sleep(1.5)
            began = time.monotonic()
            second.process.send_signal(signal.SIGTERM)
            code = second.process.wait(30)
            took = time.monotonic() - began
            time.sleep(1)
            over.set()
            for client in clients:
                client.join(30)
            failed = [why for client in clients for why in client.failed]
            issued = [jti for client in clients for jti in client.issued]
            stored = "\n".join(server.query("SELECT convert_from(body, 'UTF8') FROM agentidp.audit_entries"))
            lost = sum(jti not in stored for jti in issued)
            assert code == 0 and took < 25, (code, took)
            assert not failed, f"{len(failed)} of {len(issued)} requests failed at both: {failed[:2]}"
            assert lost == 0, f"{lost} answered tokens are not in the ledger"
            return f"exit 0 after {took:.1f} s; {len(issued)} tokens, {sum(client.moved for client in clients)} requests moved to the other, 0 failed, 0 lost."
