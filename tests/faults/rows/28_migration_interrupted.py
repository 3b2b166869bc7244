"""`agentidp migrate up` is killed at each step of the schema, on PostgreSQL; and at random moments, on SQLite."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

from daemon import ROOT, Daemon, build_dir, clean_environment
from postgres import Missing, Postgres

ROW = 28
DID = "`agentidp migrate up` was killed in the middle of each step on PostgreSQL, and 30 times at random moments on SQLite."
EXPECTED = ("a step is there whole with its record, or not at all; rows of before are kept; a lock that is held longer than 2 s refuses the step; the next run "
            "finishes, and the daemon starts. (The previous release's binary on the new schema: not run, there is none.)")
SQLITE_KILLS = 30


def steps():
    return json.loads((ROOT / "migrations/schema.json").read_text())["steps"]


def command(folder, *words):
    config = pathlib.Path(folder) / "none.properties"
    config.touch()
    return [str(build_dir() / "bin/agentidp"), "--config", str(config), f"-Ddata.dir={folder}/data", f"-Dplugins.path={build_dir()}/lib/agentidp/plugins",
            *words]


class Session:
    """A psql that holds what it was told to, until closed."""

    def __init__(self, server, sql):
        self.process = subprocess.Popen([str(server.bin / "psql"), server.url, "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "held":
            assert self.process.poll() is None, "psql ended"

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def store_at(server, number):
    """A store as a release with so many steps left it, with one row."""
    sql = ["DROP SCHEMA IF EXISTS agentidp CASCADE;"]
    for step in steps()[:number]:
        sql.append((ROOT / "migrations/postgresql" / f"{step['number']:03d}_{step['name']}.sql").read_text())
        text = json.dumps(step, sort_keys=True, separators=(",", ":"))
        sql.append("INSERT INTO agentidp.schema_migrations (number, name, checksum, definition, applied_at) VALUES "
                   f"({step['number']}, '{step['name']}', '{hashlib.sha256(text.encode()).hexdigest()}', '{text}', now());")
    if number:
        sql.append("INSERT INTO agentidp.meta (name, value) VALUES ('kept', 'yes');")
    subprocess.run([str(server.bin / "psql"), server.url, "-Xq", "-v", "ON_ERROR_STOP=1"], input="\n".join(sql), text=True, check=True, timeout=60,
                   stderr=subprocess.DEVNULL)


def shape(server):
    """Everything that was made, and which steps are recorded."""
    made = server.query("SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON "
                        "a.attrelid = c.oid WHERE n.nspname = 'agentidp' AND c.relkind IN ('r', 'v') AND a.attnum > 0 ORDER BY 1")
    recorded = server.query("SELECT number FROM agentidp.schema_migrations ORDER BY 1") if made else []
    return made, recorded


def waiting(server, folder, environment, number):
    """A `migrate up` that waits for a lock: the first step asks again and again and so has a session beside the holder's; it gives up on its
    own after 2 s, which a slow look misses."""
    seen = ("SELECT count(*) >= 2 FROM pg_stat_activity WHERE datname = 'agentidp' AND pid <> pg_backend_pid()" if number == 0
            else "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        process = subprocess.Popen(command(folder, "migrate", "up"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if server.query(seen) == ["t"] and process.poll() is None:
                return process
        assert process.returncode == 1, f"step {number + 1} ended with {process.returncode}"
    raise AssertionError(f"step {number + 1} did not wait")


def postgresql(server, folder):
    environment = dict(clean_environment(), DATABASE_URL=server.url)
    slowest = 0
    for number in range(len(steps())):
        store_at(server, number)
        before = shape(server)
        # The first step waits for the right to migrate, each later one with all it made for the record of it.
        held = Session(server, "SELECT pg_advisory_xact_lock(hashtextextended('agentidp migrate agentidp', 0))" if number == 0
                       else "LOCK TABLE agentidp.schema_migrations IN SHARE MODE")
        process = waiting(server, folder, environment, number)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        if number:
            began = time.monotonic()
            refused = subprocess.run(command(folder, "migrate", "up"), env=environment, capture_output=True, text=True, timeout=60, check=False)
            slowest = max(slowest, time.monotonic() - began)
            assert refused.returncode == 1 and refused.stderr, f"step {number + 1} with a lock held: {refused.returncode} {refused.stderr}"
        held.close()
        deadline = time.monotonic() + 20
        while server.query("SELECT count(*) FROM pg_stat_activity WHERE datname = 'agentidp' AND pid <> pg_backend_pid()") != ["0"]:
            assert time.monotonic() < deadline, "the killed one's session stays"
            time.sleep(0.05)
        assert shape(server) == before, f"step {number + 1} was left half done"
        done = subprocess.run(command(folder, "migrate", "up", "--json"), env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and json.loads(done.stdout)["current"] == len(steps()), done.stderr
        if number:
            assert server.query("SELECT value FROM agentidp.meta WHERE name = 'kept'") == ["yes"]
    assert slowest < 10, f"a held lock was waited for {slowest:.1f} s"
    subprocess.run([str(server.bin / "psql"), server.url, "-Xqc", "DROP SCHEMA agentidp CASCADE"], check=True, stderr=subprocess.DEVNULL, timeout=60)
    store_at(server, 1)
    with Daemon(env={"DATABASE_URL": server.url}) as daemon:
        assert daemon.request("GET", "/readyz").status == 200
    return slowest


def sqlite(folder):
    draw = random.Random(28)
    partial = 0
    for _ in range(SQLITE_KILLS):
        shutil.rmtree(f"{folder}/data", ignore_errors=True)
        os.mkdir(f"{folder}/data", 0o700)
        process = subprocess.Popen(command(folder, "migrate", "up"), env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.005, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        told = subprocess.run(command(folder, "migrate", "status", "--json"), env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 0, told.stderr
        partial += json.loads(told.stdout)["current"] not in (0, len(steps()))
        done = subprocess.run(command(folder, "migrate", "up", "--json"), env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and json.loads(done.stdout) == {"current": len(steps()), "wanted": len(steps()), "pending": []}, done.stderr
        sound = subprocess.run(["sqlite3", f"{folder}/data/agentidp.db", "PRAGMA quick_check"], capture_output=True, text=True, timeout=20, check=True)
        assert sound.stdout.strip() == "ok", sound.stdout
    return partial


def run():
    folder = tempfile.mkdtemp(prefix="agentidp-migrate-")
    try:
        partial = sqlite(folder)
        try:
            server = Postgres()
        except Missing as missing:
            return f"skip: {missing}"
        with server:
            slowest = postgresql(server, folder)
        return (f"PostgreSQL: {len(steps())} steps, each killed in its middle, none half done, a held lock refused after {slowest:.1f} s; SQLite: {SQLITE_KILLS} kills, "
                f"{partial} between two steps, none half done; every next run finished and the daemon of a store with one step started.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
