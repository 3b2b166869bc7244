"""PostgreSQL's disk runs full under load, its write-ahead log with it."""
import os
import time

from bed import Bed, until
from postgres import Missing, Postgres
from postgres_faults import ready_again
from small_disk import Missing as NoDisk
from small_disk import SmallDisk

ROW = 6
DID = "the file system of PostgreSQL's data was filled under load for 4 s, new WAL segments were asked for, and then the space came back."
EXPECTED = "tokens are 503 with Retry-After while the server cannot write; when there is space, and the server up again, tokens come without a restart and the ledger verifies."


def run():
    try:
        disk = SmallDisk(160)
    except NoDisk as missing:
        return f"skip: {missing}"
    with disk:
        try:
            server = Postgres({"max_wal_size": "48MB", "min_wal_size": "32MB"}, data=disk.path / "data")
        except Missing as missing:
            return f"skip: {missing}"
        if server.as_owner:
            os.chown(disk.path, server.folder.stat().st_uid, server.folder.stat().st_gid)
        with server, Bed("06", server=server) as bed:
            who = bed.someone()
            bed.load()
            time.sleep(1.5)
            disk.fill()
            began = time.monotonic()

            def refused():
                try:
                    server.query("SELECT pg_switch_wal()")  # what is allocated runs out at once
                except Exception:  # the server refuses, or is gone: that is the point
                    pass
                return bed.ask_token(who)[0] == 503
            until(refused, "tokens were still issued on a full disk", 25)
            full_after = time.monotonic() - began
            time.sleep(4)
            statuses = {status for status, _, _ in (bed.ask_token(who) for _ in range(3))}
            assert statuses == {503}, statuses
            assert bed.daemon.request("GET", "/livez").status == 200
            disk.free()
            died = server.process.poll() is not None
            if died:
                server.start()
            again = bed.first_token_after(time.monotonic())
            ready_again(bed)
            time.sleep(1)
            bed.close()
            shed = sum(status == 503 for status, _, _ in bed.answers())
            assert again < 5, f"the first token came {again:.1f} s after the space"
            return (f"503 {full_after:.1f} s after the disk was full; the server {'ended itself and was started again' if died else 'lived through it'}; "
                    f"{bed.issued()} tokens, {shed} refusals, first token {again:.2f} s after there was space.")
