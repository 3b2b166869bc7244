"""A plugin binary that was built from the header as it stood at the first release (tests/kept/keys-kept.so, from `agentidp plugin new keys kept`) is
checked and signs tokens in today's kernel, unchanged."""
import pathlib
import platform
import shutil
import tempfile

from checks.out_of_tree import done, serves_tokens
from daemon import ROOT, build_dir

covers = []
judges_shipped_files = True


def run():
    if platform.machine() != "x86_64":
        return f"skip kept_plugin: the kept binary is one of x86_64, this is {platform.machine()}"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-kept-"))
    try:
        # A checkout may be group writable; what the daemon loads may not.
        kept = shutil.copy(ROOT / "tests/kept/keys-kept.so", folder)
        pathlib.Path(kept).chmod(0o755)
        done([build_dir() / "bin/agentidp", "plugin", "check", kept])
        serves_tokens("kept", folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "kept_plugin: checked=1 verified=1"
