"""Test tools that come from a registry: found or refused by name, installed once at exact versions, kept until their lock file changes."""
import hashlib
import os
import re
import shutil
import subprocess


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


def fresh(folder, *inputs):
    """None if `folder` was installed from these very inputs; else it is emptied, and what is returned must be called once it is."""
    seal = hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()
    mark = folder / ".installed"
    if mark.exists() and mark.read_text() == seal:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return lambda: mark.write_text(seal)


def node_with_packages(source, folder):
    """The path of node, with the packages of `source`/package-lock.json in `folder` and the programs of `source` beside them: a module is
    looked for next to the file that imports it."""
    node, npm = tool("node", "--version", (20, 0)), tool("npm", "--version", (9, 0))
    names = ("package.json", "package-lock.json")
    remember = fresh(folder, *(source / name for name in names))
    if remember:
        for name in names:
            shutil.copy(source / name, folder)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", cwd=folder)
        remember()
    for program in source.glob("*.mjs"):
        shutil.copy(program, folder)
    return node
