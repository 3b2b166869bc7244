#!/usr/bin/env python3
"""Judges that nobody here wrote: libraries of others, each in a small program, against the real daemon.

    run.py [-k TEXT]      one line a judge and algorithm: `ok clients/NAME ALG: what it showed`

Installs what the judges need, at exact versions, into build-clients/ and keeps it there. A judge says each step on a line of its
own when it has shown it; one that leaves a step out has failed, however it ended. It may say `please rotate`: the daemon then
signs with a new key, and is told `rotated`.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE = ROOT / "build-clients"
sys.path[:0] = [str(ROOT / "tests/flows"), str(ROOT / "tests/support")]
from daemon import Daemon  # noqa: E402
from fetched import Skip, node_with_packages, python_with_packages, run, tool  # noqa: E402

ALGORITHMS = ("ES256", "RS256")
SCOPE = "agents:read audit:read"
STEPS = ["discovery", "basic", "post", "verified", "tampered", "introspected", "revoked", "inactive", "wrong-secret"]
GO = (1, 26)
# name -> (how it is run, the steps it must show)
JUDGES = {
    "openid-client": ("node", STEPS + ["new-key"]),
    # It asks for a JWKS again only a minute after the last time, so a new key is not shown here.
    "oauth4webapi": ("node", STEPS),
    "jose": ("node", STEPS + ["confused", "new-key"]),
    "authlib": ("python", STEPS + ["new-key"]),
    "joserfc": ("python", STEPS + ["new-key"]),
    "pyjwt": ("python", STEPS + ["new-key"]),
    "go-oidc": ("go", STEPS + ["new-key"]),
}


def install_node():
    folder = PLACE / "js"
    node = node_with_packages(HERE / "js", folder)
    return lambda name: [node, folder / f"{name}.mjs"]


def install_python():
    python = python_with_packages(HERE / "py/requirements.txt", PLACE / "py")
    return lambda name: [python, "-B", HERE / "py" / f"{name}_judge.py"]


def install_go():
    # Where the makers' own package puts it, which is not on every PATH.
    go = tool("go", "version", GO, elsewhere=("/usr/local/go/bin/go",))
    binary = PLACE / "go/judge"
    binary.parent.mkdir(parents=True, exist_ok=True)
    run([go, "build", "-mod=readonly", "-o", binary, "."], "go build", cwd=HERE / "go", env=dict(os.environ, GOTOOLCHAIN="local", CGO_ENABLED="0"))
    return lambda name: [binary]


def judged(command, daemon, alg, agent):
    """The steps shown; raises where the judge ended badly."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env.update(JUDGE_ISSUER="http://" + daemon.address, JUDGE_CLIENT_ID=agent["agentId"], JUDGE_CLIENT_SECRET=agent["clientSecret"], JUDGE_ALG=alg,
               JUDGE_SCOPE=SCOPE, AUTHLIB_INSECURE_TRANSPORT="1")
    process = subprocess.Popen([str(word) for word in command], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    timer = threading.Timer(90, process.kill)
    timer.start()
    errors = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    steps = []
    try:
        for line in process.stdout:
            if line == "please rotate\n":
                rotation = daemon.cli("keys", "rotate", "--now")
                if rotation.returncode != 0:
                    raise RuntimeError("keys rotate --now: " + rotation.stderr.strip())
                process.stdin.write("rotated\n")
                process.stdin.flush()
            else:
                steps.append(line.strip())
        code = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join()
    if code != 0:
        said = [line.strip() for line in errors[0].splitlines() if re.search(r"(Error|Exception|refused|accepted|: )", line)] or errors[0].splitlines()[-1:]
        raise RuntimeError(f"after {steps[-1] if steps else 'nothing'}: exit {code}: {' | '.join(said[:3])[:500] or errors[0][-300:]}")
    return steps


def main():
    only = sys.argv[sys.argv.index("-k") + 1] if "-k" in sys.argv else ""
    wanted = {name: JUDGES[name] for name in JUDGES if any(only in f"clients/{name} {alg}" for alg in ALGORITHMS)}
    installers = {"node": install_node, "python": install_python, "go": install_go}
    kinds = {kind for kind, _ in wanted.values()}
    failed, commands, skipped = False, {}, {}
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for kind, future in {kind: pool.submit(installers[kind]) for kind in sorted(kinds)}.items():
            try:
                commands[kind] = future.result()
            except Skip as reason:
                skipped[kind] = reason
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                failed = True
                print(f"not ok clients/install-{kind}: {str(error).splitlines()[0] if str(error) else error}".replace("\n", " "), flush=True)
    for alg in ALGORITHMS:
        chosen = [name for name in wanted if only in f"clients/{name} {alg}"]
        if not chosen:
            continue
        with Daemon({"token.alg": alg, "log.requests": "false"}) as daemon:
            admin = daemon.admin_token()
            for name in chosen:
                kind, steps = JUDGES[name]
                if kind in skipped:
                    print(f"skip clients/{name} {alg}: {skipped[kind]}", flush=True)
                if kind not in commands:
                    continue
                try:
                    shown = judged(commands[kind](name), daemon, alg, daemon.agent(f"judge-{name}", SCOPE.split(), token=admin))
                    missing = [step for step in steps if step not in shown]
                    if missing:
                        raise RuntimeError("it never showed " + ", ".join(missing))
                    print(f"ok clients/{name} {alg}: {', '.join(shown)}", flush=True)
                except (RuntimeError, OSError) as error:
                    failed = True
                    print(f"not ok clients/{name} {alg}: {error}".replace("\n", " "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
