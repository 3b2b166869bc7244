"""What no file of the project may hold, how C++ is laid out, and that every source is built."""
import os
import pathlib
import re
import shutil
import subprocess

from files import ROOT, project_files, sources, text_of

# Whole words, put together here so that this file does not find itself.
UNFINISHED = re.compile(r'\b(' + '|'.join(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK']) + r')\b')
MACHINE = re.compile(r'(?<![\w.$}-])/(' + '|'.join(['wo' + 'rk', 'home/\\w+', 'tmp/(?:build|bash)[\\w-]*']) + r')/')
HOSTS = re.compile(r'https?://[\w.:@-]*(' + '|'.join(['npm' + r'js\.org', 'py' + r'pi\.org', 'python' + 'hosted', 'artifac' + 'tory', 'nex' + 'us',
                                                     r'crates\.io', r'golang\.org', r'deb\.deb' + r'ian\.org', r'rubygems']) + ')')
BINARY = ('.png', '.ico', '.der', '.bin', '.so', '.gz', '.zip', '.db')
# Data made by others, and inputs that must stay as they are.
DATA = ('tests/vectors/', 'tests/fuzz/corpus/')


def texts():
    return [name for name in project_files() if not name.endswith(BINARY) and not name.startswith(DATA)]


def hits(pattern, what, names):
    found = []
    for name in names:
        for number, line in enumerate(text_of(name).splitlines(), 1):
            if match := pattern.search(line):
                found.append(f'{name}:{number} {what}: {match.group(0).strip()}')
    return found


def check_unfinished():
    return hits(UNFINISHED, 'says that it is unfinished', texts())


def check_machine():
    return hits(MACHINE, 'names a path of one machine', texts()) + hits(HOSTS, 'names a package registry', texts())


def check_characters():
    found = []
    for name in texts():
        raw = (ROOT / name).read_bytes()
        if b'\r\n' in raw and not name.startswith('tests/'):
            found.append(f'{name} has CRLF line ends')
        if raw and not raw.endswith(b'\n'):
            found.append(f'{name} does not end with a line end')
        if name.endswith(('.h', '.cpp', '.def', '.py')) and b'\t' in raw:
            found.append(f'{name} holds tabs')
    return found


def check_headers_say():
    """Every kernel header begins with its own name and what it is for."""
    found = []
    for name in sources('kernel', suffixes=('.h', '.hpp')):
        text = text_of(name)
        if '#pragma once' not in text and not name.startswith('kernel/abi/'):
            found.append(f'{name} has no #pragma once')
        if not name.startswith('kernel/abi/') and f'/// @file {name}\n' not in text:
            found.append(f'{name} does not begin with /// @file {name}')
    return found


def check_format():
    tool = shutil.which('clang-format-14')
    if not tool:
        return 'clang-format-14 is not installed'
    names = sources('kernel', 'plugins', 'tests')
    run = subprocess.run([tool, '--dry-run', *names], cwd=ROOT, capture_output=True, text=True, check=False)
    bad = dict.fromkeys(line.split(':')[0] for line in run.stderr.splitlines() if '[-Wclang-format-violations]' in line)
    return [f'{name} is not formatted: clang-format-14 -i {name}' for name in bad]


def names_source(cmake, path, folder):
    """Whether the text of a CMakeLists.txt names a source, in full or as `${name}.cpp` with its name in a list."""
    if re.search(r'(^|[\s(/}"])' + re.escape(path.name) + r'([\s)"]|$)', cmake) or str(path.relative_to(folder)) in cmake:
        return True
    return '}' + path.suffix in cmake and re.search(r'(^|[\s("])' + re.escape(path.stem) + r'([\s)"]|$)', cmake) is not None


def check_built():
    """Every .cpp is named by the CMakeLists.txt of its folder, of one above it, or as ../NAME of one just below; what a test preloads into a
    program (tests/support/shim.py) by the test that compiles it."""
    found = []
    python = ''.join(text_of(name) for name in sources('tests', suffixes=('.py',)))
    for name in sources('kernel', 'plugins', 'tests', suffixes=('.cpp', '.c')):
        path = pathlib.PurePath(name)
        if name == f'tests/support/{path.stem}.c' and f'compiled("{path.stem}", ' in python:
            continue
        lists = [folder for folder in path.parents if (ROOT / folder / 'CMakeLists.txt').exists()]
        below = [text_of(str(file.relative_to(ROOT))) for file in (ROOT / path.parent).glob('*/CMakeLists.txt')]
        if any(f'../{path.name}' in text.split() or f'../{path.name})' in text.split() for text in below):
            continue
        if not any(names_source(text_of(str(folder / 'CMakeLists.txt')), path, folder) for folder in lists):
            found.append(f'{name} is in no CMakeLists.txt')
    return found


def check_shell():
    found = []
    for name in project_files():
        if name.endswith('.sh') or name == '.ci/run':
            run = subprocess.run(['bash', '-n', name], cwd=ROOT, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                found.append(f'{name}: {run.stderr.splitlines()[0] if run.stderr else "does not parse"}')
            if not os.access(ROOT / name, os.X_OK) and text_of(name).startswith('#!'):
                found.append(f'{name} begins with #! and is not executable')
        elif name.endswith('.py'):
            try:
                compile(text_of(name), name, 'exec')
            except SyntaxError as error:
                found.append(f'{name}:{error.lineno} {error.msg}')
    return found


CHECKS = {
    'nothing-unfinished': check_unfinished,
    'no-machine-paths': check_machine,
    'characters': check_characters,
    'header-first-lines': check_headers_say,
    'clang-format': check_format,
    'every-source-is-built': check_built,
    'scripts-parse': check_shell,
}
