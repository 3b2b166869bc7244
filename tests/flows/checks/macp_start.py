"""The mint's start and life: the port it takes alone, what `agentidp check` says, a port in use under the name PORT, new lifetimes by SIGHUP."""
import json
import os
import signal
import socket
import subprocess
import time

from daemon import Daemon, build_dir


def cli(daemon, env, *arguments):
    return subprocess.run([str(build_dir() / "bin/agentidp"), *arguments], capture_output=True, text=True, env=dict(daemon.env, **env), cwd=daemon.folder,
                          timeout=60)


def lifetime(daemon):
    answer = daemon.json("POST", "/tokens", {"sender": "a"})
    assert answer.status == 200, answer.body
    return answer.json()["expires_in_seconds"]


def run():
    with Daemon(bare=True, start=False) as daemon:
        shown = cli(daemon, {"MACP_AUTH_AUDIENCE": "runtime-7"}, "config", "show").stdout
        assert "127.0.0.1:3200" in shown and "MACP_AUTH_AUDIENCE" in shown, f"config show: {shown[:300]}"
        checked = json.loads(cli(daemon, {"MACP_AUTH_AUDIENCE": "runtime-7"}, "check", "--json").stdout)
        assert checked["ok"] and checked["mint"] == {"issuer": "macp-auth-service", "audience": "runtime-7", "auth": "none", "lifetimeSeconds": 300,
                                                     "maxLifetimeSeconds": 3600}, checked
        production = {"NODE_ENV": "production", "MACP_AUTH_ISSUER": "x"}
        problems = json.loads(cli(daemon, production, "check", "--json").stdout)["problems"]
        assert any("allow_unauthenticated" in text for text in problems) and any("allow_generated_key" in text for text in problems), problems
        with socket.socket(socket.AF_INET6) as taken:
            taken.bind(("::", 0))
            taken.listen()
            daemon.env.update({"PORT": str(taken.getsockname()[1]), "MACP_AUTH_ISSUER": "x", "AGENTIDP_MACP_MINT_ALLOW_UNAUTHENTICATED": "true"})
            try:
                daemon.start()
                raise AssertionError("it started on a port in use")
            except RuntimeError as refused:
                assert "(PORT)" in str(refused), refused
    with Daemon(start=False) as daemon:
        config = daemon.folder / "none.properties"
        config.write_text("macp.mint.enabled = true\nmacp.ttl.default_seconds = 100\n")
        daemon.start()
        assert lifetime(daemon) == 100
        config.write_text("macp.mint.enabled = true\nmacp.ttl.default_seconds = 100\nmacp.ttl.max_seconds = 50\n")
        os.kill(daemon.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10
        while lifetime(daemon) != 50:
            assert time.monotonic() < deadline, "SIGHUP did not change macp.ttl.max_seconds"
            time.sleep(0.1)
    return "macp_start: cases=5 wrong=0"
