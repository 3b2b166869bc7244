"""Which files the checks look at: what git tracks and what it would, so that a new file is checked before its first commit."""
import functools
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CXX = ('.h', '.hpp', '.cpp', '.c')


@functools.cache
def project_files():
    """Paths relative to the root, sorted."""
    asked = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT, capture_output=True, check=False)
    if asked.returncode == 0:
        names = {name for name in asked.stdout.decode().split('\0') if name}
    else:  # a source tarball
        names = {str(path.relative_to(ROOT)) for path in ROOT.rglob('*')
                 if not path.relative_to(ROOT).parts[0].startswith('build') and '__pycache__' not in path.parts}
    return sorted(name for name in names if (ROOT / name).is_file())


def sources(*folders, suffixes=CXX):
    return [name for name in project_files() if name.endswith(suffixes) and (not folders or name.split('/')[0] in folders)]


@functools.cache
def text_of(name):
    return (ROOT / name).read_text(encoding='utf-8', errors='replace')
