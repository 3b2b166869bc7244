"""An haproxy of the test's own before some HTTP servers: takes those whose /readyz answers 200, tries another where one refuses a connection."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

CONFIGURATION = """
global
    maxconn 1024
    stats socket {folder}/admin level user
defaults
    mode http
    option http-server-close
    option redispatch 1
    retries 5
    retry-on conn-failure 503
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend tokens
    bind fd@{fd}
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk GET /readyz
    default-server inter 100ms fall 1 rise 1
{servers}
"""


class Missing(Exception):
    """There is no haproxy here."""


class Haproxy:
    """`servers`: "host:port" texts. Use as a context manager."""

    def __init__(self, servers):
        self.program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        if self.program is None:
            raise Missing("the package haproxy is not installed")
        self.servers = list(servers)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-haproxy-"))
        self.process = None
        # Bound here and handed over, so that nobody else can take the port in between.
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]

    def serving(self):
        """How many of the servers it sends requests to now."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(5)
            admin.connect(str(self.folder / "admin"))
            admin.sendall(b"show stat\n")
            text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines() if line.startswith("replicas,r")]
        return sum(row[17] == "UP" for row in rows)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        listed = "\n".join(f"    server r{number} {server} check" for number, server in enumerate(self.servers))
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(folder=self.folder, fd=self.socket.fileno(), servers=listed))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([self.program, "-db", "-f", str(configuration)], pass_fds=[self.socket.fileno()], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("haproxy did not start: " + (self.folder / "log").read_text(errors="replace")[-1000:])
            time.sleep(0.05)
        return self

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.settimeout(2)
                probe.sendall(b"GET /livez HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
                return probe.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
