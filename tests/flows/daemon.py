"""Starts the real agentidpd in a temporary directory, on a port of its own choosing, and ends it by its process id."""
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_dir():
    return pathlib.Path(os.environ.get("AGENTIDP_BUILD", ROOT / "build"))


def clean_environment():
    """The caller's shell without the variables that AgentIdP reads."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
    return {name: value for name, value in os.environ.items() if name in kept}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name.lower(), [None])[0]


class Daemon:
    """`settings` become -DKEY=VALUE; with `bare` there are none, and no file. Use as a context manager: leaving it stops the daemon and
    removes its data."""

    def __init__(self, settings=None, env=None, data=None, start=True, bare=False, build=None, under=(), config=None):
        """`config`: a settings file that is there; `build`: another build folder than the run's; `under`: a command that starts the daemon (prlimit ... --)."""
        self.build, self.under = pathlib.Path(build) if build else build_dir(), list(under)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-flow-"))
        self.bare = bare
        self.config = config
        self.data = pathlib.Path(data) if data else self.folder / ("var" if bare else "data")
        self.settings = {"server.listen": "127.0.0.1:0", "data.dir": str(self.data), "plugins.path": str(self.build / "lib/agentidp/plugins"),
                         "log.format": "json"}
        self.settings.update(settings or {})
        self.env = dict(clean_environment(), **(env or {}))
        self.process = None
        self.lines = []
        self.address = None
        self._listening = threading.Event()
        self._reader = None
        if start:
            self.start()

    def command(self):
        if self.bare:
            return [*self.under, str(self.build / "bin/agentidpd")]
        config = self.settings_file()
        return [*self.under, str(self.build / "bin/agentidpd"), "--config", str(config)] + [f"-D{key}={value}" for key, value in self.settings.items()]

    def settings_file(self):
        if self.config is None:
            self.config = self.folder / "none.properties"
            self.config.touch()
        return self.config

    def cli(self, *arguments, stdin=None):
        config = self.settings_file()
        common = ["--config", str(config)] + [f"-D{key}={value}" for key, value in self.settings.items()]
        return subprocess.run([str(self.build / "bin/agentidp"), *common, *arguments], capture_output=True, text=True, env=self.env,
                              input=stdin, timeout=120, cwd=self.folder)

    def said(self, *arguments, code=0, says=""):
        """What the command prints on either stream; it must end with `code` and hold `says`."""
        result = self.cli(*map(str, arguments))
        text = result.stdout + result.stderr
        state = "" if self.process is None or self.process.poll() is None else f" (the daemon ended: {self.process.poll()}: {' | '.join(self.last_words())})"
        assert result.returncode == code and says in text, f"{' '.join(map(str, arguments))}: exit {result.returncode} ({code}, {says!r}): {text}{state}"
        return text

    def last_words(self):
        """Of a process that ended: what a sanitizer said, else its last lines."""
        said = next((at for at, line in enumerate(self.lines) if "Sanitizer" in line or "runtime error:" in line), None)
        return self.lines[-3:] if said is None else self.lines[said:said + 14]

    def start(self, wait=60):
        if self._reader:  # what the process before said last must not be taken for this one's
            self._reader.join(10)
        self._listening.clear()
        self.address = None
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env,
                                        cwd=self.folder)
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + wait
        while not self._listening.wait(0.02):
            if self.process.poll() is not None:
                raise RuntimeError("agentidpd ended with " + str(self.process.returncode) + ": " + " | ".join(self.lines[-5:]))
            if time.monotonic() > deadline:
                raise RuntimeError("agentidpd is not ready after %d s: %s" % (wait, " | ".join(self.lines[-5:])))
        return self

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("id") == "LISTENING" and self.address is None:
                self.address = entry["fields"].get("address")
            if entry.get("id") == "READY":
                self._listening.set()

    @property
    def host(self):
        return self.address.rsplit(":", 1)[0].strip("[]")

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def request(self, method, path, headers=None, body=None, timeout=20):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            collected = {}
            for name, value in answer.getheaders():
                collected.setdefault(name.lower(), []).append(value)
            return Answer(answer.status, collected, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def json(self, method, path, value=None, token=None, headers=None):
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + token
        body = None
        if value is not None:
            sent.setdefault("Content-Type", "application/json")
            body = json.dumps(value).encode()
        return self.request(method, path, sent, body)

    def admin(self):
        return json.loads((self.data / "admin.json").read_text())

    def token(self, client_id, secret, scope=None):
        form = "grant_type=client_credentials" + (f"&scope={scope.replace(' ', '+')}" if scope else "")
        return self.request("POST", "/api/v1/token", {"Authorization": basic(client_id, secret),
                                                      "Content-Type": "application/x-www-form-urlencoded"}, form)

    def admin_token(self):
        admin = self.admin()
        answer = self.token(admin["clientId"], admin["clientSecret"])
        if answer.status != 200:
            raise RuntimeError("the admin got no token: %d %s" % (answer.status, answer.body))
        return answer.json()["access_token"]

    def agent(self, name, scopes=(), token=None, **more):
        """Registers an agent with one credential; answers {agentId, clientSecret, basic}."""
        token = token or self.admin_token()
        made = self.json("POST", "/api/v1/agents", dict({"email": f"{name}@example.test", "agentType": "worker", "version": "1.0",
                                                         "owner": "tests", "deploymentEnv": "development", "scopes": list(scopes)}, **more), token)
        if made.status != 201:
            raise RuntimeError("agent %s was refused: %d %s" % (name, made.status, made.body))
        agent = made.json()
        credential = self.json("POST", f"/api/v1/agents/{agent['agentId']}/credentials", {}, token)
        if credential.status != 201:
            raise RuntimeError("no credential for %s: %d %s" % (name, credential.status, credential.body))
        agent.update(credential.json())
        agent["basic"] = basic(agent["agentId"], agent["clientSecret"])
        return agent

    def stop(self, how=signal.SIGTERM, wait=40):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("agentidpd did not stop within %d s" % wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
