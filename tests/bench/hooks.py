"""The part `hooks` of bench.py: what three hooks cost a token, what a hostile one in shadow costs everybody else, how far a hostile script gets past
its budget, and a reload of fifty scripts under load."""
import contextlib
import json
import pathlib
import shutil
import statistics
import tempfile
import threading
import time

from bench import RAISED, ROOT, load, median_of, ratio_of

SAMPLE = ROOT / "scripts/sample"
HOSTILE_PER_SECOND, SCRIPTS, RELOADS = 100, 50, 10
HOSTILE = """return {
  api = 1, name = "hostile", version = "1",
  hooks = {
    scope_check = function(ctx)
      if ctx.agent.labels.hostile then while true do end end
      return allow()
    end,
  },
}
"""
NUMBERED = """return {{
  api = 1, name = "numbered-{script}", version = "{generation}",
  hooks = {{
    {hook} = function(ctx)
      return {result}
    end,
  }},
}}
"""


@contextlib.contextmanager
def folder_of(files):
    """A folder of hooks that the daemon takes."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-hooks-"))
    folder.chmod(0o755)
    try:
        write(folder, files)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
        path.write_text(text)
        path.chmod(0o644)


def sample():
    return {str(path.relative_to(SAMPLE)): path.read_text() for path in sorted(SAMPLE.rglob("*")) if path.is_file() and not path.name.endswith("_test.lua")}


def basic_of(daemon, name):
    agent = daemon.agent(name, ["agents:read"])
    return f"{agent['agentId']}:{agent['clientSecret']}"


def sample_policy(options, report):
    from daemon import Daemon

    answers = {"none": [], "fresh": [], "pooled": []}
    with folder_of(sample()) as folder, Daemon(RAISED) as none, Daemon({**RAISED, "hooks.dir": str(folder)}) as fresh, Daemon(
            {**RAISED, "hooks.dir": str(folder), "hooks.corp-scope-guard.state": "pooled"}) as pooled:
        asked = [(daemon, basic_of(daemon, "bench"), answers[name]) for name, daemon in (("none", none), ("fresh", fresh), ("pooled", pooled))]
        for daemon, basic, _ in asked:
            load(options, daemon.port, basic, warmup=options.warmup, seconds=1)
        for _ in range(options.windows):
            for daemon, basic, windows in asked:
                windows.append(load(options, daemon.port, basic))
                report.count(windows[-1], "tokens with hooks")
    report.row("tokens/s without hooks", round(median_of(answers["none"])), "tokens/s")
    report.row("tokens/s with three hooks, fresh states", round(median_of(answers["fresh"])), "tokens/s", ratio_of(answers["fresh"], answers["none"]), "no hooks", 0.5)
    report.row("tokens/s with three hooks, pooled states", round(median_of(answers["pooled"])), "tokens/s", ratio_of(answers["pooled"], answers["none"]), "no hooks", 0.85)
    report.row("p99 of a token with three hooks, fresh states", round(median_of(answers["fresh"], "p99_ms"), 2), "ms")


class Hostile(threading.Thread):
    """Asks for the hostile agent's token, so often a second."""

    def __init__(self, daemon, agent):
        super().__init__(daemon=True)
        self.server, self.agent, self.over, self.sent = daemon, agent, threading.Event(), 0

    def run(self):
        due = time.monotonic()
        while not self.over.is_set():
            self.server.token(self.agent["agentId"], self.agent["clientSecret"])
            self.sent += 1
            due += 1 / HOSTILE_PER_SECOND
            self.over.wait(max(0, due - time.monotonic()))


def hostile_shadow(options, report):
    """The same agent asks as often a second in both windows; in one of them a script in shadow loops for it."""
    from daemon import Daemon

    calm, under, sent = [], [], 0
    with folder_of({"hostile.lua": HOSTILE}) as folder, Daemon({**RAISED, "hooks.dir": str(folder), "hooks.hostile.mode": "shadow"}) as daemon:
        basic, admin = basic_of(daemon, "good"), daemon.admin_token()
        agents = [daemon.agent("calm", ["agents:read"], token=admin), daemon.agent("hostile", ["agents:read"], token=admin, labels={"hostile": "yes"})]
        load(options, daemon.port, basic, warmup=options.warmup, seconds=1)
        for _ in range(options.windows):
            for agent, windows in zip(agents, (calm, under)):
                # Three kills a minute switch it off: each window begins with it on.
                assert daemon.cli("hook", "mode", "hostile", "shadow").returncode == 0
                thread = Hostile(daemon, agent)
                thread.start()
                windows.append(load(options, daemon.port, basic, connections=8))
                thread.over.set()
                thread.join(30)
                sent += thread.sent
                report.count(windows[-1], "tokens beside a hostile shadow")
        kills = sum(float(line.rsplit(" ", 1)[1]) for line in daemon.request("GET", "/metrics").body.splitlines()
                    if line.startswith("agentidp_hook_errors_total{") and 'script="hostile"' in line)
    if not kills:
        report.wrong += 1
        report.details["hooks: the hostile script was never stopped"] = 1
    p99 = statistics.median(one["p99_ms"] for one in under), statistics.median(one["p99_ms"] for one in calm)
    report.row("p99 of other requests beside a hostile shadow", round(p99[0], 2), "ms", p99[0] / p99[1], "the same without it", 1.5, at_least=False)


def overshoot(options, report):
    from daemon import Daemon

    with Daemon(start=False) as daemon:
        told = json.loads(daemon.cli("hook", "selftest", "--json").stdout)
    worst = max(case["cpu_us"] for case in told["cases"])
    if not told["ok"]:
        report.wrong += 1
        report.details["hooks: the selftest failed"] = told["failures"]
    report.row(f"the slowest of {told['scripts']} hostile scripts, past its 20 ms", round(max(0, worst / 1000 - 20), 2), "ms", must=10, at_least=False)


def fifty_reloads(options, report):
    """Every script of a generation says the generation in a claim of its own: a token with two numbers saw two generations."""
    from daemon import Daemon
    from jwks import payload_of

    def bundle(generation):
        return {f"numbered-{script:02}.lua": NUMBERED.format(script=f"{script:02}", generation=generation, hook="claims",
                                                             result=f"add {{ x_{script:02} = {generation} }}") for script in range(SCRIPTS)}

    wrong, seen, asked, over = [], set(), 0, threading.Event()
    with folder_of(bundle(1)) as folder, Daemon({**RAISED, "hooks.dir": str(folder), "hooks.budget.request_ms": "500"}) as daemon:
        agent = daemon.agent("reload", ["agents:read"])

        def ask():
            nonlocal asked
            while not over.is_set():
                answer = daemon.token(agent["agentId"], agent["clientSecret"])
                asked += 1
                if answer.status != 200:
                    wrong.append(answer.body[:200])
                    continue
                numbers = {value for name, value in payload_of(answer.json()["access_token"]).items() if name.startswith("x_")}
                seen.update(numbers)
                if len(numbers) != 1:
                    wrong.append(f"generations {sorted(numbers)}")

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        took = []
        for generation in range(2, RELOADS + 2):
            write(folder, bundle(generation))
            began = time.monotonic()
            done = daemon.cli("hook", "reload")
            took.append(time.monotonic() - began)
            if done.returncode != 0:
                wrong.append(done.stderr[:200])
            time.sleep(0.2)
        over.set()
        for thread in threads:
            thread.join(30)
    if RELOADS + 1 not in seen:
        wrong.append("the last generation was not seen")
    if wrong:
        report.wrong += len(wrong)
        report.details["hooks: reloads: " + wrong[0]] = len(wrong)
    report.row(f"reload of {SCRIPTS} scripts under load, {RELOADS} times: failed or mixed of {asked} requests", len(wrong), "requests", must=0, at_least=False)
    report.row(f"reload of {SCRIPTS} scripts", round(statistics.median(took), 2), "s")


def measure(options, report):
    for rows in (sample_policy, hostile_shadow, overshoot, fifty_reloads):
        rows(options, report)
