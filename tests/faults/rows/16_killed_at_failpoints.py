"""SIGKILL at the ledger's and the keys' failpoints, under load: the check of the flows, in the build that has failpoints."""
import os
import re
import subprocess
import sys

from bed import ROOT, failpoints_build

ROW = 16
DID = "the daemon was killed eight times under load, every second time at a failpoint, and started again each time (tests/flows/checks/sigkill.py; 50 times in the set flows)."
EXPECTED = "no answered token without its entry, no bad root, every start takes the data over."


def run():
    build = failpoints_build()
    if build is None:
        return "skip: no build with failpoints (tests/run.sh asan makes one)"
    told = subprocess.run([sys.executable, str(ROOT / "tests/flows/run.py"), "-k", "sigkill"], capture_output=True, text=True, timeout=400,
                          env=dict(os.environ, AGENTIDP_BUILD=str(build), AGENTIDP_KILLS="8", ASAN_OPTIONS="detect_leaks=0"))
    line = re.search(r"^sigkill: .*$", told.stdout, re.M)
    assert told.returncode == 0 and line, (told.stdout + told.stderr)[-600:]
    return line.group(0) + "."
