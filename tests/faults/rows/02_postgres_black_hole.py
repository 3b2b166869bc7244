"""The network swallows what goes to PostgreSQL: nothing is refused, nothing is closed, nothing answers."""
import time

from bed import Bed
from postgres import Missing, Postgres
from postgres_faults import at_once, longest_refusal, ready_again, watch_outage
from proxy import Proxy

ROW = 2
DID = "all packets between the daemon and PostgreSQL were swallowed for 12 s, under load; then the server's side was cut without a word for 5 s."
EXPECTED = ("each call ends by its deadline (7 s for those that were being written, at once for all others), threads do not pile up, and tokens come "
            "again within 3 s of the network.")
HOLE_SECONDS = 12
LONGEST = 7.0
# Threads of a plugin start when they are needed and stay: at most one for each thread of the pool, and four that are lost.
MOST_THREADS = 10 + 4


def run():
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with server, Proxy(server.socket) as link, Bed("02", env={"DATABASE_URL": f"postgresql://agentidp@127.0.0.1:{link.port}/agentidp"}, workers=6) as bed:
        from bed import entries_of_postgres
        bed.read_entries = lambda: entries_of_postgres(server)
        bed.aside = bed.someone()
        bed.load()
        time.sleep(1)
        threads = bed.threads_of_daemon()
        began = time.monotonic()
        link.black_hole()
        refused = watch_outage(bed, HOLE_SECONDS, LONGEST)
        piled = bed.threads_of_daemon() - threads
        link.heal()
        healed = bed.first_token_after(time.monotonic())
        ready_again(bed)
        link.half_open()
        refused += watch_outage(bed, 5, LONGEST)
        piled = max(piled, bed.threads_of_daemon() - threads)
        link.heal()
        reopened = bed.first_token_after(time.monotonic())
        ready_again(bed)
        bed.close()
        longest, share = longest_refusal(bed, began), at_once(bed, began)
        assert longest < LONGEST, f"a request waited {longest:.1f} s for its refusal"
        assert share > 0.5, f"only {share:.0%} of the refusals behind a batch that hangs came at once"
        assert piled <= MOST_THREADS, f"{piled} threads more than before, after hundreds of calls"
        assert healed < 3 and reopened < 3, (healed, reopened)
        return (f"{bed.issued()} tokens, {refused} probes refused, {share:.1%} of the load's refusals behind a batch that hangs within 0.1 s, the longest wait of a request {longest:.1f} s, {piled} threads more; first token "
                f"{healed:.2f} s after the hole closed and {reopened:.2f} s after the half-open link.")
