"""Every way a start is refused: one line that names the thing and the mend, the right exit code, the data directory untouched."""
import hashlib
import pathlib
import shutil
import socket
import subprocess

from daemon import Daemon, build_dir

BROKEN = ["wrongmajor", "nonote", "nosymbol", "throwscreate", "hangsstart", "liessize", "liesops", "refusessettings", "wrongkind", "failsstart",
          "unresolved", "badschema"]


def digest(folder):
    """Names and contents; the lock, the control socket's folder and SQLite's own side files are not data."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.name in ("lock", "run", "control.sock") or path.suffix in (".db-wal", ".db-shm") or path.name.endswith(("-wal", "-shm")):
            continue
        total.update(str(path.relative_to(folder)).encode())
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


def attempt(daemon, changes=None, config=None):
    settings = dict(daemon.settings, **(changes or {}))
    command = [str(build_dir() / "bin/agentidpd"), "--config", str(config or daemon.folder / "none.properties")]
    command += [f"-D{key}={value}" for key, value in settings.items() if value is not None]
    result = subprocess.run(command, capture_output=True, text=True, env=daemon.env, cwd=daemon.folder, timeout=60)
    lines = [line for line in result.stderr.splitlines() if line.startswith("agentidpd: ")]
    return result.returncode, lines


def run():
    failures, table = [], []
    with Daemon(start=False) as daemon:
        (daemon.folder / "none.properties").touch()
        daemon.start()
        daemon.stop()
        before = digest(daemon.data)

        def case(name, code, words, changes=None, config=None, unchanged=True):
            got, lines = attempt(daemon, changes, config)
            table.append(f"{name}, {got}, {lines[0][11:] if lines else '(no line)'}")
            if got != code or len(lines) != 1:
                failures.append(f"{name}: exit {got}, {len(lines)} lines")
            elif not all(word in lines[0] for word in words):
                failures.append(f"{name}: the line lacks one of {words}: {lines[0]}")
            if unchanged and digest(daemon.data) != before:
                failures.append(f"{name}: the data directory changed")

        case("unknown setting", 2, ["token.algo", "token.alg"], {"token.algo": "ES256"})
        case("wrong value", 2, ["token.alg"], {"token.alg": "HS256"})
        case("value out of range", 2, ["jwks.max_age_seconds"], {"jwks.max_age_seconds": "-1"})
        case("literal secret", 2, ["bootstrap.secret"], {"bootstrap.secret": "hunter2"})
        bad = daemon.folder / "bad.properties"
        bad.write_text("server.lisen = 127.0.0.1:1\n")
        case("unknown key in the file", 2, ["bad.properties:1", "server.lisen", "server.listen"], config=bad)
        case("settings file missing", 2, ["nowhere.properties"], config=daemon.folder / "nowhere.properties")
        case("plugin missing", 2, ["keys-nowhere", "plugins.path"], {"keys.plugin": "nowhere"})
        for name in BROKEN:
            folder = daemon.folder / "plugins"
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(mode=0o755)
            source = build_dir() / "tests/broken_plugins" / f"ratelimit-{name}.so"
            shutil.copy(source, folder)
            (folder / source.name).chmod(0o755)
            # A hang is given three seconds, so that the check does not take half a minute.
            changes = {"plugins.path": f"{folder}:{daemon.settings['plugins.path']}", "ratelimit.plugin": name, "start.wait_seconds": "3"}
            got, lines = attempt(daemon, changes)
            table.append(f"broken plugin {name}, {got}, {lines[0][11:] if lines else '(no line)'}")
            if got not in (1, 2) or len(lines) != 1 or f"ratelimit-{name}" not in lines[0] or "step " not in lines[0]:
                failures.append(f"broken plugin {name}: exit {got}: {lines}")
            if digest(daemon.data) != before:
                failures.append(f"broken plugin {name}: the data directory changed")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            case("port in use", 1, ["server.listen", address], {"server.listen": address})
        case("data.dir is a file", 2, ["data.dir"], {"data.dir": str(daemon.folder / "none.properties"), "runtime.dir": str(daemon.data / "run")})
        case("data.dir cannot be made", 2, ["data.dir"], {"data.dir": "/proc/agentidp", "runtime.dir": str(daemon.data / "run")})
        daemon.start()
        case("data.dir in use", 1, ["data.dir", "process"], unchanged=False)
        daemon.stop()
        database = daemon.data / "agentidp.db"
        content = bytearray(database.read_bytes())
        content[0:4096] = b"\x55" * 4096
        database.write_bytes(content)
        before = digest(daemon.data)
        case("damaged database", 1, ["agentidp.db"])
        database.write_bytes(b"")
    print("\n".join(table))
    assert not failures, "; ".join(failures)
    return f"refusals: cases={len(table)} wrong=0"
