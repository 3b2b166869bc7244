"""Two replicas rotate the signing key at the same moment."""
import json
import threading

from bed import Bed, until
from daemon import Daemon
from jwks import header_of, served
from postgres import Missing, Postgres

ROW = 25
DID = "two daemons on one PostgreSQL (plugins.keys-file.shared) were told to rotate at once, by two commands behind a barrier, ten times."
EXPECTED = "never two active keys, every activation is in the ledger once, and both serve, within a second, a JWKS that holds the key of every token either of them issued."
ROUNDS = 10
WITHIN = 1.0  # what one replica does, the others show


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with server, Bed("25", {"plugins.keys-file.shared": "true"}, server=server) as bed:
        who = bed.someone()
        second = Daemon({**bed.daemon.settings, "data.dir": str(bed.daemon.folder / "second"), "plugins.keys-file.dir": str(bed.daemon.data / "keys")},
                        {"DATABASE_URL": server.url})
        with second:
            won = lost = 0
            for number in range(ROUNDS):
                barrier, codes = threading.Barrier(2), []

                def rotate(replica):
                    barrier.wait(20)
                    codes.append(replica.cli("--json", "keys", "rotate", "--now").returncode)
                threads = [threading.Thread(target=rotate, args=(replica,), daemon=True) for replica in (bed.daemon, second)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(60)
                won, lost = won + codes.count(0), lost + len(codes) - codes.count(0)
                active = server.query("SELECT kid FROM agentidp.signing_keys WHERE state = 'active'")
                assert len(active) == 1, f"round {number}: {len(active)} keys are active"
                for replica in (bed.daemon, second):
                    answer = replica.token(*who)
                    assert answer.status == 200, f"round {number}: {answer.status} {answer.body}"
                    kid = header_of(answer.json()["access_token"])["kid"]
                    for other in (bed.daemon, second):
                        until(lambda: kid in [key["kid"] for key in served(other)],
                              f"round {number}: a key that signs is not in the JWKS of the other replica", WITHIN)
            actions = [json.loads(row) for row in server.query("SELECT convert_from(body, 'UTF8') FROM agentidp.audit_entries")]
            activated = [entry["metadata"]["kid"] for entry in actions if entry["action"] == "key.activated"]
            assert len(activated) == len(set(activated)), "a key was activated twice"
            return f"{ROUNDS} rounds, {won} rotations granted and {lost} refused; one active key after each; {len(activated)} activations, each once."
