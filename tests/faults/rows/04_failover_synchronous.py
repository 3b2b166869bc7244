"""The primary dies, its synchronous standby is promoted, and then the old primary comes back and takes writes, too."""
import time

from bed import Bed, entries_of_postgres, until
from postgres import Missing
from postgres_faults import kill_at_once, ready_again
from standby import Pair

ROW = 4
DID = ("the primary was killed under load and its synchronous standby promoted; then the old primary was revived as a second one that takes writes, first "
       "in the connection string, and the daemon's connections to the new one were cut.")
EXPECTED = ("no acknowledged token is lost over the failover; on the old primary, whose ledger is shorter than what was anchored, no token is issued: "
            "audit rollback, /readyz 503, and a start there is refused.")


def run():
    try:
        pair = Pair(synchronous=True)
    except Missing as missing:
        return f"skip: {missing}"
    with pair, Bed("04", env={"DATABASE_URL": pair.url}) as bed:
        bed.read_entries = lambda: entries_of_postgres(pair.standby)
        who = bed.someone()
        bed.load()
        time.sleep(2)
        acknowledged = bed.issued()
        kill_at_once(pair.primary)
        gone = time.monotonic()
        pair.promote()
        promoted = time.monotonic()
        again = bed.first_token_after(promoted)
        ready_again(bed)
        time.sleep(2)
        bed.daemon.cli("audit", "checkpoint")
        bed.close(stop=False)
        after = bed.issued() - acknowledged
        assert after > 0 and again < 5, (after, again)

        # The old one never heard of it. Alone, it must not wait for a standby.
        (pair.primary.data / "postgresql.auto.conf").write_text("")
        pair.primary.start()
        pair.standby.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agentidp'")
        statuses = set()

        def refused():
            statuses.add(bed.daemon.token(*who).status)
            return bed.daemon.request("GET", "/readyz").status == 503 and "rollback" in bed.daemon.request("GET", "/readyz").body
        until(refused, f"the old primary was not noticed: {bed.daemon.request('GET', '/readyz').body}", 20)
        issued_there = int(pair.primary.query("SELECT count(*) FROM agentidp.audit_entries")[0])
        assert bed.daemon.token(*who).status == 503
        assert 200 not in statuses, "a token was issued on the old primary"
        bed.daemon.stop()
        try:
            bed.daemon.start()
        except RuntimeError as error:
            code, said = bed.daemon.process.wait(20), str(error)
        else:
            raise AssertionError("the daemon started on the old primary")
        assert "rollback" in said, said[-300:]
        stayed = int(pair.primary.query("SELECT count(*) FROM agentidp.audit_entries")[0])
        assert stayed == issued_there, f"{stayed - issued_there} entries were written on the old primary"
        return (f"{acknowledged} tokens before and {after} after, none lost; first token {again:.2f} s after the promotion ({promoted - gone:.1f} s after the "
                f"death); on the old primary: 503, rollback, no entry written; a start there exits {code}.")
