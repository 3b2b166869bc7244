"""The daemon runs out of file descriptors while it serves."""
import http.client
import pathlib
import shutil
import socket
import subprocess
import time

from bed import Bed, until
from daemon import Daemon

ROW = 19
DID = ("a start was tried with 64 descriptors; then, in a running daemon, the limit was lowered (prlimit) to 8 more than it had open, and 60 connections were "
       "made and kept.")
EXPECTED = ("the start is refused and says why; the running daemon answers on a connection that it has, takes others again once idle ones are gone, does not "
            "spin, and heals without a restart.")


def open_files(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def run():
    if not shutil.which("prlimit"):
        return "skip: no prlimit here"
    with Daemon({"server.max_connections": "16"}, start=False, under=["prlimit", "--nofile=64:64", "--"]) as small:
        try:
            small.start()
        except RuntimeError:
            line = next(line for line in small.lines if line.startswith("agentidpd: "))
            assert "open files" in line and small.process.wait(20) == 2, line
        else:
            raise AssertionError("a start with 64 descriptors was not refused")
    with Bed("19", {"server.max_connections": "256"}, workers=2) as bed:
        bed.load()
        kept = http.client.HTTPConnection(bed.daemon.host, bed.daemon.port, timeout=10)
        kept.request("GET", "/health")
        assert kept.getresponse().read()
        bed.end_load()  # its connections would be shed as well
        time.sleep(0.5)
        pid = bed.daemon.process.pid
        limit = open_files(pid) + 8
        subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={limit}:1024"], check=True)
        idle, taken = [], 0
        for _ in range(60):
            one = socket.create_connection((bed.daemon.host, bed.daemon.port), timeout=5)
            idle.append(one)
            # Whoever was quiet longest is shed first: this one never is.
            kept.request("GET", "/health")
            assert kept.getresponse().read()
        spent = cpu_seconds(pid)
        answered, began = 0, time.monotonic()
        while time.monotonic() - began < 4:
            try:
                kept.request("GET", "/health")
                answered += kept.getresponse().read() != b""
            except (OSError, http.client.HTTPException):
                kept.close()  # shed as idle: made anew, as a client does
            time.sleep(0.1)
        spent = cpu_seconds(pid) - spent
        most = open_files(pid)
        assert most <= limit, (most, limit)
        assert answered >= 20, f"/health answered {answered} times of 40 while descriptors were short"
        assert spent < 2, f"{spent:.1f} s of processor time in 4 s: it spins"
        for one in idle:
            one.close()
        subprocess.run(["prlimit", f"--pid={pid}", "--nofile=1024:1024"], check=True)
        began = time.monotonic()
        until(lambda: bed.daemon.request("GET", "/readyz").status == 200, "it did not heal", 10)
        healed = time.monotonic() - began
        for _ in range(20):
            taken += bed.daemon.request("GET", "/livez").status == 200
        assert taken == 20
        kept.close()
        bed.close()
        return (f"64 descriptors: start refused; at {limit} with {most} open and 60 idle connections /health answered {answered} times in 4 s, {spent:.1f} s of "
                f"processor time; healed {healed:.2f} s after, 20 of 20 requests answered.")
