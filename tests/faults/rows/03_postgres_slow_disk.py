"""PostgreSQL's disk takes longer to say that something is durable: 2 ms, 200 ms, 5 s."""
import threading
import time

from bed import TOKEN, Bed
from postgres import Missing, Postgres

ROW = 3
ALONE = True
DID = "each fsync of PostgreSQL was delayed by 0, 2 ms, 200 ms and 5 s, 16 clients asking for tokens, and at 5 s 20 more every second."
EXPECTED = ("batches grow with the delay and nothing is refused up to 200 ms; at 5 s whoever comes while a commit hangs is refused by 503, nothing piles "
            "up, and tokens come again when the disk does. The rate at 2 ms is a row of the bench.")
CLIENTS = 16
SECONDS = 3
ARRIVALS = 240


def arrive(bed, who, answers):
    """Requests that come whether or not those before were answered."""
    threads = []
    for _ in range(ARRIVALS):
        threads.append(threading.Thread(target=lambda: answers.append(bed.ask_token(who)), daemon=True))
        threads[-1].start()
        time.sleep(0.05)
    return threads


def run():
    try:
        server = Postgres(fsync_delay_ms=0)
    except Missing as missing:
        return f"skip: {missing}"
    with server, Bed("03", server=server, workers=CLIENTS) as bed:
        who, arrived = bed.someone(), []
        bed.load()
        time.sleep(0.5)
        rate, batch = {}, {}
        for ms in (0, 2, 200):
            server.slow_disk(ms)
            time.sleep(0.3)
            since, events, batches = time.monotonic(), bed.metric("agentidp_ledger_batch_size_sum"), bed.metric("agentidp_ledger_batch_size_count")
            time.sleep(SECONDS)
            measured = time.monotonic()
            batch[ms] = (bed.metric("agentidp_ledger_batch_size_sum") - events) / (bed.metric("agentidp_ledger_batch_size_count") - batches)
            done = [status for status, _, end in bed.answers(since) if end < measured]
            rate[ms] = done.count(200) / SECONDS
            assert 503 not in done, f"{done.count(503)} requests were refused at {ms} ms"
        threads, memory = bed.threads_of_daemon(), bed.rss_mb()
        server.slow_disk(5000)
        began = time.monotonic()
        waiting = arrive(bed, who, arrived)
        grown, piled = bed.rss_mb() - memory, bed.threads_of_daemon() - threads
        assert bed.daemon.request("GET", "/livez").status == 200
        server.slow_disk(0)
        again = bed.first_token_after(time.monotonic())
        for thread in waiting:
            thread.join(30)
        bed.close()
        took = [seconds for status, _, seconds in arrived if status == 503]
        refused, share = len(took), sum(seconds < 0.1 for seconds in took) / max(1, len(took))
        assert len(arrived) == ARRIVALS and all(status in (200, 503) for status, _, _ in arrived), (len(arrived), {status for status, _, _ in arrived})
        longest = max(end - begin for _, begin, end in bed.answers(began, path=TOKEN))
        assert batch[0] < batch[200] and batch[200] > 4, batch
        assert refused > ARRIVALS / 3, f"at 5 s {refused} of {ARRIVALS} were refused"
        assert longest < 10 and grown < 20 and piled <= 4, (longest, grown, piled)
        assert again < 8, f"the first token came {again:.1f} s after the disk was well"
        return (", ".join(f"{ms} ms: {rate[ms]:.0f} tokens/s in batches of {batch[ms]:.1f}" for ms in rate)
                + f"; at 5 s {refused} of {ARRIVALS} refused, {share:.0%} within 0.1 s, longest wait {longest:.1f} s, {grown:+.0f} MB, {piled:+d} threads; first token "
                  f"{again:.1f} s after.")
