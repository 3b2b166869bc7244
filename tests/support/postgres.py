#!/usr/bin/env python3
"""A PostgreSQL server of the test's own, in a folder of its own, reached by a socket there: no port, nothing left behind.

    postgres.py COMMAND [ARGUMENT ...]    runs COMMAND with DATABASE_URL (and AGENTIDP_TEST_POSTGRES) set, and ends with its code
    with Postgres() as server: ...        server.url, server.process, server.folder; stop(), start(), query(sql)
    with Postgres(fsync_delay_ms=2) as server: ...        its disk takes that long to say "durable"; slow_disk(ms) changes it at run time
    Postgres(data=FOLDER)                 its data lives there (a file system of the test's own), its socket where it always does

PostgreSQL refuses to run as root: there it runs as the user `postgres` of Debian's package.
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from shim import compiled


class Missing(Exception):
    """There is no PostgreSQL here; the text says what is missing."""


def programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise Missing("the package postgresql is not installed")
    return found[-1]


class Postgres:
    def __init__(self, settings=None, fsync_delay_ms=None, data=None):
        self.settings = {"listen_addresses": "", "unix_socket_permissions": "0777", "max_connections": "200", "shared_buffers": "64MB", **(settings or {})}
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-pg-"))
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.environment = dict(os.environ)
        self.as_owner = []
        if os.geteuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                raise Missing("no user postgres to run the server as") from None
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        os.chmod(self.folder, 0o755)
        self.process = None
        if fsync_delay_ms is not None:
            self.slow_disk(fsync_delay_ms)
            self.environment.update(LD_PRELOAD=str(compiled("slow_fsync", self.folder)), SLOW_FSYNC_FILE=str(self.folder / "fsync_delay"))

    def slow_disk(self, ms):
        """From now on every fsync of a server that was made with `fsync_delay_ms` takes that much longer."""
        (self.folder / "fsync_delay").write_text(str(round(ms * 1000)))
        os.chmod(self.folder / "fsync_delay", 0o644)

    @property
    def socket(self):
        return self.folder / ".s.PGSQL.5432"

    @property
    def url(self):
        return f"postgresql://agentidp@/agentidp?host={self.folder}"

    def __enter__(self):
        self.create()
        self.start()
        self.run("createdb", "-h", self.folder, "-U", "agentidp", "agentidp")
        return self

    def create(self):
        self.run("initdb", "-D", self.data, "-U", "agentidp", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program, *arguments):
        subprocess.run([*self.as_owner, str(self.bin / program), *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, timeout=120,
                       cwd=self.folder)

    def start(self):
        log = open(self.folder / "log", "ab")
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen([*self.as_owner, str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.folder), *settings],
                                        stdout=log, stderr=log, cwd=self.folder, env=self.environment)
        log.close()
        deadline = time.monotonic() + 60
        while subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", str(self.folder)], check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start: " + (self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)

    def backends(self):
        """The server and everything it started."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def query(self, sql):
        """The first column of the rows, as text."""
        told = subprocess.run([str(self.bin / "psql"), self.url, "-X", "-At", "-c", sql], check=True, capture_output=True, text=True, timeout=60)
        return told.stdout.splitlines()


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        server = Postgres()
    except Missing as missing:
        print(f"skip {pathlib.Path(sys.argv[1]).name}: {missing}")
        return 0
    with server:
        environment = dict(os.environ, DATABASE_URL=server.url, AGENTIDP_TEST_POSTGRES=server.url)
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
