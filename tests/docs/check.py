"""`ok NAME` or `not ok NAME: why` a check; -k TEXT selects."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/flows"))
from daemon import Daemon, build_dir  # noqa: E402

# A page that takes longer hangs.
PAGE_SECONDS = 60


def tracked(pattern):
    names = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in names]


def links_lead_somewhere():
    for page in tracked("*.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)}: {target} is not there"


def named_files_exist():
    for name in ("docs/life-of-a-token-request.md", "docs/architecture.md"):
        for room, file in re.findall(r"\b(http|server|oauth|keys|audit|app|cli|observe|store|base)/([a-z_]+\.(?:cpp|h|def))\b", (ROOT / name).read_text()):
            if not (ROOT / "kernel" / room / file).exists():
                yield f"{name}: kernel/{room}/{file} is not there"


def named_commands_are_offered():
    binary = pathlib.Path(os.environ.get("AGENTIDP_BUILD", ROOT / "build")) / "bin/agentidp"
    if not binary.exists():
        yield f"{binary} is not built"
        return
    overview = subprocess.run([str(binary), "--help"], capture_output=True, text=True).stdout
    for page in tracked("*.md"):
        for command in re.findall(r"`agentidp ([a-z]+)", page.read_text()):
            if f"\n  {command} " not in overview:
                yield f"{page.relative_to(ROOT)}: agentidp {command} is not offered"


def unit_is_accepted_by_systemd():
    file = ROOT / "packaging/systemd/agentidp.service"
    result = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
    if result.returncode != 0 or result.stderr.strip():
        yield result.stderr.strip().replace("\n", " ")
    score = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(file)], capture_output=True, text=True).stdout
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", score)
    if not exposure or float(exposure.group(1)) > 1.5:
        yield "exposure " + (exposure.group(1) if exposure else "unknown") + " is over 1.5"


def hook_authors():
    """Runs every sh block of the page, as it stands, in one shell against a running daemon, and shows what the page promises to show."""
    page = (ROOT / "docs/hook-authors/README.md").read_text()
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    with tempfile.TemporaryDirectory(prefix="agentidp-page-") as folder:
        var = pathlib.Path(folder)
        config = var / "agentidp.properties"
        config.touch()
        with Daemon({"data.dir": str(var)}, data=var, config=config) as daemon:
            first = daemon.process.pid
            env = dict(daemon.env, var=str(var), url=f"http://{daemon.address}", bin=str(build_dir() / "bin"))
            try:
                ran = subprocess.run(["bash", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PAGE_SECONDS)
            except subprocess.TimeoutExpired as late:
                yield f"it hangs behind: {(late.stdout or b'').decode()[-300:]}"
                return
            shown = [line for line in ran.stdout.splitlines() if re.match(r"(before|in shadow|after|ext|off): |generation |done: ", line)]
            print("\n".join("# " + line for line in shown))
            if ran.returncode != 0:
                yield f"exit {ran.returncode}: {(ran.stdout + ran.stderr)[-500:]}"
                return
            if daemon.process.poll() is not None or daemon.process.pid != first:
                yield "the daemon was restarted"
            said = dict(line.split(": ", 1) for line in shown if re.match(r"(before|in shadow|after|ext|off): ", line))
            both, less = {"agents:read", "agents:write"}, {"agents:read"}
            for when, wanted in (("before", both), ("in shadow", both), ("after", less), ("off", both)):
                if set(said.get(when, "").split()) != wanted:
                    yield f"{when}: {said.get(when)}, and not {sorted(wanted)}"
            if '"corp-scope-guard"' not in said.get("ext", ""):
                yield f"the event is not enriched: {said.get('ext')}"
            numbers = [int(line.split()[1]) for line in shown if line.startswith("generation ")]
            if len(numbers) != 3 or len(set(numbers)) < 2:
                yield f"generations {numbers}"


def main():
    only = sys.argv[sys.argv.index("-k") + 1].replace("-", "_") if "-k" in sys.argv else ""
    failed = False
    for check in (links_lead_somewhere, named_files_exist, named_commands_are_offered, unit_is_accepted_by_systemd,
                  hook_authors):
        if only not in check.__name__:
            continue
        faults = list(check())
        failed |= bool(faults)
        print(f"not ok {check.__name__}: {'; '.join(faults[:5])}" if faults else f"ok {check.__name__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
