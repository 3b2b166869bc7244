"""Hooks that must not get into force: each bad bundle ends a start with exit code 2 and leaves a running daemon with the generation it had, and says
file, line and mend both times. Then what an operator does: modes that outlive a restart, a rollback, SIGHUP."""
import json
import os
import signal
import subprocess
import time

from daemon import Daemon

covers = []

GOOD = """return {{
  api = 1, name = "guard", version = "{version}",
  hooks = {{
    scope_check = function(ctx)
      return allow()
    end,
  }},
}}
"""
CASE = json.dumps([{"name": "denies", "hook": "scope_check", "input": {"scopes": ["x"]}, "expect": {"kind": "deny", "code": "no"}}])


def lua(folder, text, name="guard.lua"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o644)
    return path


def point(body, name="scope_check"):
    return f'return {{\n  api = 1, name = "guard", version = "1",\n  hooks = {{\n    {name} = function(ctx)\n      {body}\n    end,\n  }},\n}}\n'


def bytecode(folder):
    lua(folder, b"\x1bLuaT\x00\x19\x93\r\n\x1a\n")


def anybody(folder):
    lua(folder, GOOD.format(version="2")).chmod(0o646)


def linked(folder):
    lua(folder, GOOD.format(version="2"), "elsewhere.txt")
    (folder / "guard.lua").unlink()
    (folder / "guard.lua").symlink_to(folder / "elsewhere.txt")


def pipe(folder):
    (folder / "guard.lua").unlink()
    os.mkfifo(folder / "guard.lua", 0o644)


def test_fails(folder):
    lua(folder, CASE, "tests/cases.json")


# what is wrong: how it is made, and what the refusal must name
BAD = {
    "syntax": (lambda folder: lua(folder, "return {\n  api = 1,\n  name = = 3,\n}\n"), "guard.lua:3:"),
    "unknown_point": (lambda folder: lua(folder, point("return allow()", "scope_chek")), "guard.lua"),
    "reserved_point": (lambda folder: lua(folder, point("return allow()", "webhook_filter")), "guard.lua"),
    "undeclared_global": (lambda folder: lua(folder, point("return alow()")), "guard.lua:5:"),
    "wrong_member": (lambda folder: lua(folder, point('return narrow { scops = { "x" } }')), "guard.lua:5:"),
    "no_api": (lambda folder: lua(folder, 'return { name = "guard", version = "1", hooks = {} }\n'), "guard.lua"),
    "too_large": (lambda folder: lua(folder, GOOD.format(version="2") + "-" * (256 * 1024)), "guard.lua: has"),
    "bytecode": (bytecode, "guard.lua"),
    "anybody_may_write": (anybody, "guard.lua: may be written by anybody"),
    "link": (linked, "guard.lua: is a link"),
    "pipe": (pipe, "guard.lua: is no regular file"),
    "document": (lambda folder: lua(folder, "{", "data/tools.json"), "data/tools.json: is no JSON"),
    "failing_test": (test_fails, "tests/cases.json"),
}


def clear(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    lua(folder, GOOD.format(version="1"))


def status(daemon):
    out = daemon.cli("hook", "status", "--json")
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def eventually(true, what):
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 20, what
        time.sleep(0.01)


def refusals(daemon, folder):
    before = status(daemon)
    for what, (spoil, named) in BAD.items():
        clear(folder)
        spoil(folder)
        out = daemon.cli("hook", "reload")
        assert out.returncode == 2 and named in out.stderr and "; " in out.stderr, (what, out.returncode, out.stderr)
        now = status(daemon)
        assert (now["generation"], now["sha256"]) == (before["generation"], before["sha256"]), what
        started = subprocess.run(daemon.command() + [f"-Ddata.dir={daemon.folder}/other"], capture_output=True, text=True, env=daemon.env, timeout=60)
        assert started.returncode == 2 and named in started.stderr, (what, started.returncode, started.stderr)
        judged = daemon.cli("check")
        assert judged.returncode == 2 and named in judged.stderr, (what, judged.stderr)
    return len(BAD)


def run():
    with Daemon(start=False) as daemon:
        folder = daemon.folder / "hooks.d"
        folder.mkdir(mode=0o755)
        clear(folder)
        daemon.settings["hooks.dir"] = str(folder)
        daemon.start()
        eventually(lambda: status(daemon)["selftest"] == "passed", "the selftest did not pass")
        assert daemon.request("GET", "/readyz").status == 200
        refused = refusals(daemon, folder)

        clear(folder)
        lua(folder, GOOD.format(version="2"))
        assert daemon.cli("hook", "reload").returncode == 0 and status(daemon)["generation"] == 2
        lua(folder, GOOD.format(version="3"))
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: status(daemon)["generation"] == 3, "SIGHUP did not reload the hooks")
        assert daemon.cli("hook", "rollback").returncode == 0
        assert [status(daemon)["generation"], status(daemon)["scripts"][0]["version"]] == [2, "2"]

        assert daemon.cli("hook", "mode", "nobody", "off").returncode == 1
        assert daemon.cli("hook", "mode", "guard", "shadow").returncode == 0
        daemon.stop()
        daemon.start()
        assert [status(daemon)["scripts"][0][key] for key in ("mode", "version")] == ["shadow", "3"]
        assert daemon.cli("hook", "mode", "guard", "configured").returncode == 0
        assert status(daemon)["scripts"][0]["mode"] == "enforce"

        metrics = daemon.request("GET", "/metrics").body
        assert "agentidp_hook_generation 1" in metrics and "agentidp_hook_reloads_total" in metrics
        actions = [entry["action"] for entry in
                   daemon.json("GET", "/api/v1/audit?limit=100", token=daemon.admin_token()).json()["data"]]
        audited = {action: actions.count(action) for action in ("hook.reloaded", "hook.rolled_back", "hook.mode_changed")}
        assert audited == {"hook.reloaded": 4, "hook.rolled_back": 1, "hook.mode_changed": 2}, audited
    return f"hook_reload: refused_at_start={refused} refused_at_reload={refused} generations_kept={refused}"
