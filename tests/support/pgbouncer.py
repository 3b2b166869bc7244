#!/usr/bin/env python3
"""A pgbouncer in transaction mode before a PostgreSQL of the test's own, both reached by sockets in folders of their own.

    pgbouncer.py COMMAND [ARGUMENT ...]    runs COMMAND with DATABASE_URL (and AGENTIDP_TEST_POSTGRES) naming the pooler, and ends with its code
    with Postgres() as server, PgBouncer(server) as pool: ...        pool.url
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from postgres import Missing, Postgres

PORT = 6432  # only part of the socket's name


class PgBouncer:
    def __init__(self, server, connections=6):
        """At most `connections` to `server`, an entered Postgres: fewer than a daemon's own, so that transactions do change places."""
        self.program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.access(self.program, os.X_OK):
            raise Missing("the package pgbouncer is not installed")
        self.server, self.connections, self.process = server, connections, None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-pool-"))
        os.chmod(self.folder, 0o755)
        if server.as_owner:
            owner = server.folder.stat()
            os.chown(self.folder, owner.st_uid, owner.st_gid)

    @property
    def url(self):
        return f"postgresql://agentidp@/agentidp?host={self.folder}&port={PORT}"

    def __enter__(self):
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\nagentidp = host={self.server.folder} dbname=agentidp user=agentidp\n[pgbouncer]\n"
            f"listen_addr =\nlisten_port = {PORT}\nunix_socket_dir = {self.folder}\nunix_socket_mode = 0777\nauth_type = any\n"
            f"pool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = {self.connections}\nserver_login_retry = 1\n"
            f"logfile = {self.folder}/log\n")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.process = subprocess.Popen([*self.server.as_owner, self.program, "-q", str(self.folder / "pgbouncer.ini")], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=self.folder)
        deadline = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.folder / "log"
                raise RuntimeError("pgbouncer did not start: " + (log.read_text(errors="replace")[-1000:] if log.exists() else "no log"))
            time.sleep(0.02)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / f".s.PGSQL.{PORT}")) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        self.process.wait(20)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        server = Postgres()
        pool = PgBouncer(server)
    except Missing as missing:
        print(f"skip {pathlib.Path(sys.argv[1]).name}: {missing}")
        return 0
    with server, pool:
        return subprocess.run(sys.argv[1:], env=dict(os.environ, DATABASE_URL=pool.url, AGENTIDP_TEST_POSTGRES=pool.url), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
