"""The daemon behind pgbouncer in transaction mode, while PostgreSQL restarts again and again; and the storage contract through the pooler."""
import os
import signal
import subprocess
import time

from bed import Bed, build_dir, entries_of_postgres
from pgbouncer import PgBouncer
from postgres import Missing, Postgres
from postgres_faults import kill_at_once, ready_again

ROW = 32
DID = ("the storage contract was run through pgbouncer in transaction mode with 3 connections; then PostgreSQL behind it was restarted six times within 10 s, "
       "every second time by a crash, and the pooler once, under load.")
EXPECTED = "the contract holds; no answered token is lost, none is twice, and tokens come again within 3 s of the last restart."
RESTARTS = 6


def contract(url):
    """How many cases held, through the pooler."""
    suite = build_dir() / "bin/contract_storage_postgresql"
    if not suite.exists():
        return None
    told = subprocess.run([str(suite), "-k", "storage_postgresql"], env=dict(os.environ, AGENTIDP_TEST_POSTGRES=url), capture_output=True, text=True, timeout=300)
    failed = [line for line in told.stdout.splitlines() if line.startswith("not ok ")]
    assert told.returncode == 0 and not failed, f"the storage contract through pgbouncer: exit {told.returncode}, {failed[:3]}"
    return sum(line.startswith("ok ") for line in told.stdout.splitlines())


def run():
    try:
        server = Postgres()
        with server, PgBouncer(server, connections=3) as pool:
            return behind(server, pool)
    except Missing as missing:
        return f"skip: {missing}"


def behind(server, pool):
    held = contract(pool.url)
    with Bed("32", env={"DATABASE_URL": pool.url}) as bed:
        bed.read_entries = lambda: entries_of_postgres(server)
        bed.load()
        time.sleep(1)
        for number in range(RESTARTS):
            if number == RESTARTS // 2:
                pool.stop(signal.SIGKILL)
                (pool.folder / ".s.PGSQL.6432").unlink(missing_ok=True)
                pool.start()
            if number % 2:
                kill_at_once(server)
            else:
                server.stop()
            server.start()
            time.sleep(0.8)
        again = bed.first_token_after(time.monotonic())
        ready_again(bed)
        time.sleep(1)
        sessions = int(server.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")[0])
        bed.close()
        refused = sum(status == 503 for status, _, _ in bed.answers())
        assert again < 3, f"the first token came {again:.1f} s after the last restart"
        told = "the contract was not built here" if held is None else f"{held} cases of the contract held"
        return f"{told}; {bed.issued()} tokens and {refused} refusals over {RESTARTS} restarts, first token {again:.2f} s after the last; {sessions} sessions at the server."
