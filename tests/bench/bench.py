#!/usr/bin/env python3
"""tests/run.sh bench: the daemon against the bare floor in one run, alternating, medians of windows. Only the ratios mean anything.

    bench.py --build BUILD [--windows 5] [--seconds 10] [--warmup 5] [--connections 32]

Writes BUILD/bench.json: rows of name, value, unit, ratio, must, aim, met.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/flows"))
MUST, AIM = 0.35, 0.7


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


def load(build, port, options, basic, path="/api/v1/token", body="grant_type=client_credentials", warmup=1):
    command = [str(build / "bin/load"), "--port", str(port), "--path", path, "--connections", str(options.connections), "--basic", basic,
               "--body", body, "--warmup", str(warmup), "--windows", "1", "--seconds", str(options.seconds)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def resident_megabytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    options = arguments()
    build = pathlib.Path(options.build).resolve()
    os.environ["AGENTIDP_BUILD"] = str(build)
    from daemon import Daemon  # after AGENTIDP_BUILD is set

    settings = {"ratelimit.client.per_minute": "1000000000", "quota.monthly.tokens": "9007199254740991", "quota.mode": "report",
                "log.requests": "false"}
    floor = subprocess.Popen([str(build / "bin/floor")], stdout=subprocess.PIPE, text=True)
    try:
        floor_port = int(floor.stdout.readline().split()[-1])
        with Daemon(settings) as daemon:
            agent = daemon.agent("bench", ["agents:read"])
            basic = f"{agent['agentId']}:{agent['clientSecret']}"
            load(build, floor_port, options, basic, warmup=options.warmup)
            load(build, daemon.port, options, basic, warmup=options.warmup)
            windows = [(load(build, floor_port, options, basic), load(build, daemon.port, options, basic)) for _ in range(options.windows)]
            errors = sum(sum(pair[1]["errors"].values()) for pair in windows)
            memory = resident_megabytes(daemon.process.pid)
    finally:
        floor.terminate()
        floor.wait()
    floors = [pair[0]["requests_per_second"] for pair in windows]
    tokens = [pair[1]["requests_per_second"] for pair in windows]
    ratios = [token / bare for bare, token in zip(floors, tokens)]
    p99 = statistics.median(pair[1]["p99_ms"] for pair in windows)
    ratio = statistics.median(ratios)
    rows = [
        {"name": "floor: Asio, Beast, one ES256 signature, no logic", "value": round(statistics.median(floors)), "unit": "requests/s"},
        {"name": "client_credentials ES256, audit durable in SQLite, limits on", "value": round(statistics.median(tokens)), "unit": "tokens/s",
         "ratio": round(ratio, 3), "must": MUST, "aim": AIM, "met": ratio >= MUST},
        {"name": "p99 of a token", "value": round(p99, 2), "unit": "ms", "must": 20, "aim": 8, "met": p99 <= 20},
        {"name": "VmRSS at the end", "value": round(memory, 1), "unit": "MB"},
        {"name": "answers other than 200", "value": errors, "unit": "", "must": 0, "met": errors == 0},
    ]
    report = {"machine": {"cores": os.cpu_count(), "cpu": platform.processor() or platform.machine(), "kernel": platform.release()},
              "settings": settings, "connections": options.connections, "windows": options.windows, "seconds": options.seconds,
              "ratios": [round(value, 3) for value in ratios], "rows": rows}
    (build / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"{os.cpu_count()} cores; {options.connections} connections; {options.windows} windows of {options.seconds} s, floor and daemon alternating; "
          "limits raised, quota report, request log off")
    print(f"{'':64} {'value':>10} {'unit':10} {'ratio':>6} {'must':>6} {'aim':>6}")
    for row in rows:
        print(f"{row['name']:64} {row['value']:>10} {row['unit']:10} {row.get('ratio', ''):>6} {row.get('must', ''):>6} {row.get('aim', ''):>6}"
              + ("" if row.get("met", True) else "  NOT MET"))
    print("ratios by window: " + " ".join(f"{value:.3f}" for value in ratios))
    return 0 if all(row.get("met", True) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
