"""The n-th allocation fails, again and again, for random n."""
import mmap
import random
import shutil
import struct
import time

from bed import Bed, folder_of
from shim import compiled

ROW = 20
DID = "in a daemon under load the n-th allocation from a moment on failed, for random n to 3,000, again and again for 12 s; it was started again where it ended."
EXPECTED = "the request fails, or the process ends and starts again; no answered token is lost, and the ledger verifies."
SECONDS = 12


def run():
    folder = folder_of("oom")
    try:
        return with_shim(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_shim(folder):
    control = folder / "left"
    control.write_bytes(struct.pack("q", 0))
    env = {"LD_PRELOAD": str(compiled("failing_malloc", folder)), "FAILING_MALLOC": str(control)}
    with open(control, "r+b") as file, mmap.mmap(file.fileno(), 8) as left, Bed("20", env=env, workers=3) as bed:
        bed.load()
        time.sleep(0.5)
        failed, ended = 0, []
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            left[:] = struct.pack("q", random.randint(1, 3000))
            waited = time.monotonic() + 1
            while struct.unpack("q", left[:])[0] > 0 and bed.daemon.process.poll() is None and time.monotonic() < waited:
                time.sleep(0.005)
            failed += struct.unpack("q", left[:])[0] <= 0
            time.sleep(0.05)
            left[:] = struct.pack("q", 0)
            if bed.daemon.process.poll() is not None:
                bed.world.up.clear()
                ended.append(bed.daemon.process.returncode)
                bed.daemon.start()
                bed.restarted()
        left[:] = struct.pack("q", 0)
        time.sleep(0.5)
        failures = [answer for answer in bed.world.answers if answer[3] is not None and answer[3] >= 500]
        # A 500 is what this row asks for; everything else stays unexpected.
        bed.world.unexpected[:] = [each for each in bed.world.unexpected if ": 500 " not in each]
        bed.close(lost_connections=10_000)
        assert failed > 20, f"only {failed} allocations failed"
        assert all(code < 0 or code == 1 for code in ended), f"the process ended with {ended}"
        told = {status: sum(answer[3] == status for answer in failures) for status in sorted({answer[3] for answer in failures})}
        return f"{failed} allocations failed: {len(failures)} answers {told}, {len(ended)} ends of the process ({ended}); {bed.issued()} tokens, none lost."
