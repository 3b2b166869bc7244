"""Test tools that come from a registry: found or refused by name, installed once at exact versions, kept until their lock file changes."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys


class Skip(Exception):
    """Why something cannot be run here."""


def run(command, what, **more):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL, **more)
    if result.returncode != 0:
        raise RuntimeError(f"{what}: exit {result.returncode}: {(result.stdout + result.stderr).strip()[-400:]}")
    return result.stdout


def tool(name, version, least, elsewhere=()):
    """The path of a program that is at least of this version."""
    path = shutil.which(name) or next((path for path in elsewhere if os.access(path, os.X_OK)), None)
    if not path:
        raise Skip(f"{name} is not installed")
    found = tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", run([path, version], name)).groups())
    if found < least:
        raise Skip(f"{name} {'.'.join(map(str, least))} or newer is wanted, {found[0]}.{found[1]} is here")
    return path


def installed(folder, inputs, install):
    """Calls `install` on the emptied folder, unless it was installed from these very inputs. One process at a time: flows run side by
    side, and several want the same tool."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seal = hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()
        mark = folder / ".installed"
        if mark.exists() and mark.read_text() == seal:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        install()
        mark.write_text(seal)


def python_with_packages(requirements, folder, *options):
    """The interpreter of a virtual environment in `folder` with the packages of the file `requirements`."""
    def install():
        run([sys.executable, "-m", "venv", folder], "python3 -m venv (Debian: python3-venv)")
        run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *options, "-r", requirements], "pip install")

    installed(folder, [requirements], install)
    return folder / "bin/python"


def node_with_packages(source, folder):
    """The path of node, with the packages of `source`/package-lock.json in `folder` and the programs of `source` beside them: a module is
    looked for next to the file that imports it."""
    node, npm = tool("node", "--version", (20, 0)), tool("npm", "--version", (9, 0))
    wanted = [source / name for name in ("package.json", "package-lock.json")]

    def install():
        for file in wanted:
            shutil.copy(file, folder)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", cwd=folder)

    installed(folder, wanted, install)
    for program in source.glob("*.mjs"):
        shutil.copy(program, folder)
    return node
