#!/usr/bin/env python3
"""Runs the flows: text files that a non-programmer can add, each through the real binary, and the named checks beside them.

    run.py [-k TEXT] [--list] [--security]

A .flow file holds one flow. One statement a line; deeper indented lines belong to the statement above. `#` begins a comment.

    covers 3 15                       rows of the security list that this flow shows
    each NAME VALUE VALUE...          first of all: the flow runs once for each value, which {NAME} then is
    set KEY VALUE                     a setting, before start
    env NAME VALUE                    an environment variable, before start
    bare                              no settings file, no -D: the environment alone, in an empty working directory. {freePort} is a port to use
    start                             the daemon on fresh data, {admin} is a token of the first admin
    refused CODE TEXT                 the start is refused with this exit code, and its line holds TEXT (a later `start` begins anew)
    agent A SCOPE SCOPE...            registers an agent with a credential: {A.agentId} {A.clientSecret} {A.basic}
    token T A [SCOPE...]              a token for agent A
    request METHOD PATH               then, indented: `bearer T`, `basic A`, `header Name: value`, `form name=value`,
                                      `json {...}`, `body text`, `raw` (request line and headers exactly as written below)
    expect [eventually] STATUS        `eventually` asks again for up to 15 s; then, indented: `header Name: value`, `no header Name`, `json path = value`,
                                      `json path exists|absent`, `body contains text`, `body lacks text`, `save NAME path`,
                                      `jwt path header|payload is TEXT` or `/pattern/`: a segment of the token there, decoded
    audit ACTION FIELD=VALUE...       an event with these fields is in the ledger (polled for up to 5 s)
    metric NAME[{labels}] >= N        as /metrics says
    log lacks|holds TEXT              no line, or some line, that the daemon wrote holds it
    restart | stop                    stop must exit 0
"""
import base64
import concurrent.futures
import importlib
import json
import pathlib
import re
import shlex
import socket
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from daemon import Daemon, build_dir  # noqa: E402

HERE = pathlib.Path(__file__).parent


class Miss(Exception):
    pass


def statements(text):
    """[(line number, words line, [indented lines])]"""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.rstrip()
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        if bare[0] in " \t":
            if not found:
                raise Miss(f"line {number}: indented without a statement above")
            found[-1][2].append(bare.strip())
        else:
            found.append((number, bare, []))
    return found


def dig(value, path):
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


class Flow:
    def __init__(self, path, steps, names=None):
        self.path, self.steps, self.given = path, steps, names or {}
        self.name = path.stem + "".join(f"[{value}]" for value in self.given.values())
        self.covers = [word for _, line, _ in self.steps if line.split()[0] == "covers" for word in line.split()[1:]]

    @staticmethod
    def of(path):
        """One flow, or one for each value that its first statement names."""
        steps = statements(path.read_text())
        words = steps[0][1].split() if steps else []
        if words[:1] != ["each"]:
            return [Flow(path, steps)]
        return [Flow(path, steps[1:], {words[1]: value}) for value in words[2:]]

    def run(self):
        self.settings, self.env, self.names = {}, {}, dict(self.given)
        self.daemon = self.answer = None
        self.bare = False
        try:
            for number, line, block in self.steps:
                words = shlex.split(line, comments=False, posix=True)
                try:
                    getattr(self, "do_" + words[0].replace("-", "_"))(line, words[1:], block)
                except Miss as miss:
                    raise Miss(f"{self.path.name}:{number} {miss}") from None
        finally:
            if self.daemon:
                self.daemon.__exit__()

    def fill(self, text):
        return re.sub(r"\{([A-Za-z][A-Za-z0-9_.]*)\}", lambda match: str(self.lookup(match.group(1))), text)

    def lookup(self, name):
        found = dig(self.names, name)
        if found is None:
            raise Miss(f"nothing is called {{{name}}} here")
        return found

    def do_covers(self, *_):
        pass

    def do_set(self, _line, words, _block):
        self.settings[words[0]] = " ".join(words[1:])

    def do_env(self, _line, words, _block):
        self.env[words[0]] = self.fill(" ".join(words[1:]))

    def do_bare(self, *_):
        self.bare = True
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.names["freePort"] = probe.getsockname()[1]

    def do_refused(self, line, words, _block):
        text = self.fill(line.split(None, 2)[2])
        with Daemon(self.settings, self.env, bare=self.bare, start=False) as daemon:
            try:
                daemon.start()
            except RuntimeError:
                code = daemon.process.wait(40)
            else:
                raise Miss("the daemon started")
            deadline = time.monotonic() + 5
            said = []
            while not said and time.monotonic() < deadline:  # its last words may still be in the pipe
                said = [row for row in daemon.lines if row.startswith("agentidpd: ")]
                time.sleep(0.02)
            if code != int(words[0]) or not any(text in row for row in said):
                raise Miss(f"exit {code}: {' | '.join(said)}")

    def do_start(self, *_):
        self.daemon = Daemon(self.settings, self.env, bare=self.bare)
        self.names["admin"] = self.daemon.admin_token()
        self.names["adminId"] = self.daemon.admin()["agentId"]
        self.names["issuer"] = "http://" + self.daemon.address

    def do_agent(self, _line, words, _block):
        self.names[words[0]] = self.daemon.agent(words[0].lower(), words[1:], token=self.names["admin"])

    def do_token(self, _line, words, _block):
        agent = self.names[words[1]]
        answer = self.daemon.token(agent["agentId"], agent["clientSecret"], " ".join(words[2:]) or None)
        if answer.status != 200:
            raise Miss(f"no token for {words[1]}: {answer.status} {answer.body}")
        self.names[words[0]] = answer.json()["access_token"]

    def do_request(self, _line, words, block):
        headers, form, body = {}, [], None
        for item in block:
            kind, _, rest = item.partition(" ")
            rest = self.fill(rest) if kind != "json" else rest
            if kind == "bearer":
                headers["Authorization"] = "Bearer " + self.names.get(rest, rest)
            elif kind == "basic":
                headers["Authorization"] = self.names[rest]["basic"]
            elif kind == "header":
                name, _, value = rest.partition(":")
                headers[name.strip()] = value.strip()
            elif kind == "form":
                form.append(rest)
                headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            elif kind == "json":
                body = self.fill(rest).encode()
                headers.setdefault("Content-Type", "application/json")
            elif kind == "body":
                body = rest.encode()
            else:
                raise Miss(f"no such part of a request: {kind}")
        if form:
            body = "&".join(form).encode()
        target = self.fill(words[1])
        self.send = lambda: self.daemon.request(words[0], target, headers, body)
        self.answer = self.send()

    def do_expect(self, _line, words, block):
        if words[0] == "eventually":
            deadline = time.monotonic() + 15
            while self.answer.status != int(words[1]) and time.monotonic() < deadline:
                time.sleep(0.2)
                self.answer = self.send()
            words = words[1:]
        answer = self.answer
        if answer.status != int(words[0]):
            raise Miss(f"expected {words[0]}, got {answer.status}: {answer.body[:300]}")
        for item in block:
            if item.startswith("no header "):
                if answer.header(item[10:]) is not None:
                    raise Miss(f"header {item[10:]} is there: {answer.header(item[10:])}")
            elif item.startswith("header "):
                name, _, value = self.fill(item[7:]).partition(":")
                got, wanted = answer.header(name.strip()), value.strip()
                if got is None or not (re.fullmatch(wanted[1:-1], got) if wanted.startswith("/") else got == wanted):
                    raise Miss(f"header {name.strip()} is {got!r}, not {wanted!r}")
            elif item.startswith("json "):
                self.expect_json(item[5:], answer)
            elif item.startswith("body contains "):
                if self.fill(item[14:]) not in answer.body:
                    raise Miss(f"the body lacks {item[14:]!r}: {answer.body[:300]}")
            elif item.startswith("body lacks "):
                if self.fill(item[11:]) in answer.body:
                    raise Miss(f"the body holds {item[11:]!r}")
            elif item == "body is empty":
                if answer.body:
                    raise Miss(f"the body is {answer.body[:300]!r}")
            elif item.startswith("body is "):
                if answer.body != self.fill(item[8:]):
                    raise Miss(f"the body is {answer.body[:300]!r}")
            elif item.startswith("jwt "):
                self.expect_jwt(item, answer)
            elif item.startswith("save "):
                _, name, path = item.split()
                value = dig(answer.json(), path)
                if value is None:
                    raise Miss(f"{path} is not in {answer.body[:300]}")
                self.names[name] = value
            else:
                raise Miss(f"no such expectation: {item}")

    def expect_jwt(self, item, answer):
        _, path, part, _, wanted = item.split(" ", 4)
        segment = dig(answer.json(), path).split(".")[{"header": 0, "payload": 1}[part]]
        got = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        wanted = self.fill(wanted)
        if not (re.fullmatch(wanted[1:-1], got) if wanted.startswith("/") else got == wanted):
            raise Miss(f"the {part} is {got}, not {wanted}")

    def expect_json(self, text, answer):
        try:
            document = answer.json()
        except ValueError:
            raise Miss(f"the body is not JSON: {answer.body[:300]}") from None
        if text.endswith(" exists") or text.endswith(" absent"):
            path, _, want = text.rpartition(" ")
            if (dig(document, path) is not None) != (want == "exists"):
                raise Miss(f"{path} should be {want}: {answer.body[:300]}")
            return
        path, _, wanted = text.partition(" = ")
        expected = json.loads(self.fill(wanted))
        got = dig(document, path.strip()) if path.strip() != "." else document
        if got != expected:
            raise Miss(f"{path.strip()} is {got!r}, not {expected!r}")

    def do_audit(self, _line, words, _block):
        wanted = dict(self.fill(word).split("=", 1) for word in words[1:])
        deadline = time.monotonic() + 5
        while True:
            answer = self.daemon.json("GET", f"/api/v1/audit?action={words[0]}&limit=100", token=self.names["admin"])
            if answer.status != 200:
                raise Miss(f"GET audit: {answer.status} {answer.body}")
            for event in answer.json()["data"]:
                if all(str(dig(event, key)) == value for key, value in wanted.items()):
                    return
            if time.monotonic() > deadline:
                raise Miss(f"no {words[0]} with {wanted} in {answer.body[:400]}")
            time.sleep(0.1)

    def do_metric(self, line, _words, _block):
        match = re.fullmatch(r"metric (\S+(?:\{.*\})?) >= (\S+)", line)
        if not match:
            raise Miss("metric NAME >= N")
        body = self.daemon.request("GET", "/metrics").body
        value = sum(float(row.rsplit(" ", 1)[1]) for row in body.splitlines() if row.rsplit(" ", 1)[0] == match.group(1)
                    or ("{" not in match.group(1) and row.startswith(match.group(1) + "{")))
        if value < float(match.group(2)):
            raise Miss(f"{match.group(1)} is {value}")

    def do_log(self, line, words, _block):
        text = self.fill(line.split(None, 2)[2])
        if any(text in row for row in self.daemon.lines) != {"lacks": False, "holds": True}[words[0]]:
            raise Miss(f"the log should be: {words[0]} {text!r}")

    def do_restart(self, *_):
        if self.daemon.stop() != 0:
            raise Miss("the daemon did not exit 0")
        self.daemon.start()

    def do_stop(self, *_):
        code = self.daemon.stop()
        if code != 0:
            raise Miss(f"the daemon exited {code}: {' | '.join(self.daemon.lines[-3:])}")


class Check:
    """A named check in Python: checks/NAME.py with `covers` (a list) and `run()` -> the one result line, or `skip NAME: why`."""

    def __init__(self, path):
        self.name = path.stem
        self.module = importlib.import_module("checks." + path.stem)
        self.covers = [str(row) for row in getattr(self.module, "covers", [])]

    def run(self):
        result = self.module.run()
        if result and result.startswith("skip "):
            return result
        if result:
            print(result, flush=True)
        return None


def sanitized():
    cache = build_dir() / "CMakeCache.txt"
    return cache.exists() and re.search(r"^AGENTIDP_SANITIZE:\w+=.+$", cache.read_text(), re.M) is not None


def one(item):
    if getattr(getattr(item, "module", None), "judges_shipped_files", False) and sanitized():
        return f"skip {item.name}: it judges plugins as they are shipped; a sanitizer adds to them"
    try:
        return item.run() or f"ok {item.name}"
    except Exception as error:  # the report line is the only place a failure can go
        if not isinstance(error, (Miss, AssertionError)):
            traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error) or f"{type(error).__name__} at {pathlib.Path(where.filename).name}:{where.lineno}: {where.line}"
        return f"not ok {item.name}: {said}".replace("\n", " ")


def main(arguments):
    only = arguments[arguments.index("-k") + 1] if "-k" in arguments else ""
    items = [flow for path in sorted(HERE.glob("**/*.flow")) for flow in Flow.of(path)]
    items += [Check(path) for path in sorted((HERE / "checks").glob("*.py")) if path.stem != "__init__"]
    if "--security" in arguments:
        for item in items:
            for row in item.covers:
                print(f"{row}\tflow {item.name}")
        return 0
    items = [item for item in items if only in item.name or (only == "security" and item.covers)]
    if "--list" in arguments:
        print("\n".join(item.name for item in items))
        return 0
    failed = False
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for line in pool.map(one, items):
            print(line, flush=True)
            failed |= line.startswith("not ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
