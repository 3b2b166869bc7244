"""The disk that holds data.dir and the log runs full, while the ledger lives in PostgreSQL."""
import pathlib
import time

from bed import Bed, until
from postgres import Missing, Postgres
from small_disk import Missing as NoDisk
from small_disk import SmallDisk

ROW = 21
DID = "the file system of data.dir and of the file that takes the daemon's log was filled for 5 s, under load, the ledger being in PostgreSQL."
EXPECTED = "no token request is refused for it, lost log lines are counted, and checkpoints are anchored again when there is space."
# The log goes to the small disk, and from there to where the harness reads it.
UNDER = ["bash", "-c", 'tail -n +1 --pid=$$ -F "$STATE/log" 2>/dev/null & exec "$@" 2>>"$STATE/log"', "daemon"]


def run():
    try:
        disk = SmallDisk(24)
    except NoDisk as missing:
        return f"skip: {missing}"
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    with disk, server, Bed("21", {"log.requests": "true"}, {"STATE": str(disk.path)}, server=server, data=disk.path / "data", under=UNDER) as bed:
        bed.load()
        time.sleep(1.5)
        anchor = pathlib.Path(disk.path / "data/checkpoints/latest")
        until(anchor.exists, "no checkpoint was anchored")
        disk.fill()
        full = time.monotonic()
        held = anchor.read_text().split("\n")[1]
        time.sleep(5)
        during = [status for status, _, _ in bed.answers(full)]
        dropped = bed.metric("agentidp_log_lines_dropped_total")
        stale = anchor.read_text().split("\n")[1]
        unanchored = bed.metric("agentidp_ledger_unanchored_seconds")
        assert bed.daemon.request("GET", "/readyz").status == 200
        disk.free()
        until(lambda: int(anchor.read_text().split("\n")[1]) > int(stale), "no checkpoint was anchored after the space came back", 15)
        bed.close()
        # 401: the load tries secrets that it has ended.
        assert during.count(200) > 50 and set(during) <= {200, 401}, {status: during.count(status) for status in set(during)}
        assert dropped > 0, "no lost log line was counted"
        return (f"{during.count(200)} tokens while it was full, none refused; {dropped:.0f} log lines counted as lost; the anchor stood at {held} and then {stale} entries, "
                f"unanchored for {unanchored:.0f} s by the gauge; anchored again with space.")
