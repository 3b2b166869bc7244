"""Each header compiles alone. A header that did is not compiled again until it, or what it includes, changes."""
import concurrent.futures
import hashlib
import os
import pathlib
import subprocess

from check_layers import chains_from
from files import ROOT, sources, text_of

COMPILER = os.environ.get('CXX', 'g++')


def command_of(name):
    if name == 'kernel/abi/agentidp/plugin.h':
        return ['gcc', '-x', 'c', '-std=c11']
    if name.startswith('kernel/abi/'):
        return [COMPILER, '-x', 'c++', '-std=c++17']
    return [COMPILER, '-x', 'c++', '-std=c++20']


def digest_of(name):
    # .def tables are included by headers and are no headers themselves.
    digest = hashlib.sha256(' '.join(command_of(name)).encode())
    for target in sorted(chains_from(name)):
        digest.update(target.encode() + b'\0' + text_of(target).encode('utf-8', 'replace'))
    return digest.hexdigest()


def foreign_folders():
    """Where Debian keeps headers that are not on the compiler's own path."""
    told = subprocess.run(['pkg-config', '--cflags', 'p11-kit-1', 'lua5.4-c++'], capture_output=True, text=True, check=False)
    return told.stdout.split()


FOREIGN = foreign_folders()


def compile_alone(name):
    folder = str(pathlib.Path(name).parent)
    run = subprocess.run(command_of(name) + ['-fsyntax-only', '-Wall', '-Wextra', '-Wno-pragma-once-outside-header', '-Ikernel', '-Ikernel/abi',
                                             '-Iplugins', '-I' + folder, *FOREIGN, name],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in run.stderr.splitlines() if 'error' in line]
    return None if run.returncode == 0 else f'{name} does not compile alone: ' + (errors or run.stderr.splitlines() or ['?'])[0]


def check():
    build = pathlib.Path(os.environ.get('AGENTIDP_BUILD') or ROOT / 'build')
    known = build / 'lint-headers'
    done = set(known.read_text().split()) if known.exists() else set()
    headers = {name: digest_of(name) for name in sources('kernel', 'plugins', suffixes=('.h', '.hpp'))}
    todo = [name for name, digest in headers.items() if digest not in done]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(todo, pool.map(compile_alone, todo)))
    good = sorted(digest for name, digest in headers.items() if not found.get(name))
    if build.is_dir():
        known.write_text('\n'.join(good) + '\n')
    return [why for why in found.values() if why]


CHECKS = {'headers-compile-alone': check}
