"""PostgreSQL is killed, comes back, is frozen, and thaws, under load."""
import time

from bed import Bed, until
from postgres import Missing, Postgres
from postgres_faults import freeze, introspected, kill_at_once, ready_again, thaw, watch_outage

ROW = 1
DID = "PostgreSQL was killed for 5 s and then frozen, under load."
EXPECTED = ("tokens are 503 with Retry-After, JWKS and /livez answer, /readyz is 503; tokens are introspected from memory until the declared staleness "
            "(8 s here) and not after; tokens come again within 2 s, without a restart, and none is lost.")
STALENESS = 8


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with server, Bed("01", {"revocation.max_staleness_seconds": str(STALENESS)}, server=server) as bed:
        bed.aside = bed.someone()
        token = bed.daemon.token(*bed.aside).json()["access_token"]
        bed.load()
        time.sleep(1)
        assert introspected(bed, token) == (200, True)

        kill_at_once(server)
        refused = watch_outage(bed, 3)
        assert introspected(bed, token) == (200, True), "a live token is not called active while PostgreSQL is away for less than the staleness"
        refused += watch_outage(bed, 2)
        server.start()
        after_crash = bed.first_token_after(time.monotonic())
        ready_again(bed)

        stopped = server.backends()
        frozen_at = time.monotonic()
        freeze(stopped)
        try:
            refused += watch_outage(bed, 4, 7)
            until(lambda: introspected(bed, token) != (200, True), "introspection still says active", STALENESS + 8)
            closed, (status, active) = time.monotonic() - frozen_at, introspected(bed, token)
        finally:
            thaw(stopped)
        after_freeze = bed.first_token_after(time.monotonic())
        assert not active and closed < STALENESS + 1, (status, active, closed)
        until(lambda: introspected(bed, token) == (200, True), "the token is not called active again", 10)
        assert after_crash < 2 and after_freeze < 2, (after_crash, after_freeze)
        bed.close()
        shed = sum(status == 503 for status, _, _ in bed.answers())
        return (f"{bed.issued()} tokens, {refused} probes and {shed} requests of the load refused, all with Retry-After; introspection closed {closed:.1f} s "
                f"after the freeze (answer {status}); first token {after_crash:.2f} s after the restart, {after_freeze:.2f} s after the thaw.")
