"""Every plugin in the tree passes `agentidp plugin check`; one that needs a server passes it with --live and the settings of tests/rigs,
against a server of its own."""
import contextlib
import os
import pathlib
import subprocess
import sys

from daemon import ROOT, build_dir

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import moto  # noqa: E402
import postgres  # noqa: E402
import softhsm  # noqa: E402

MISSING = (moto.Missing, postgres.Missing, softhsm.Missing)

covers = []
judges_shipped_files = True


@contextlib.contextmanager
def server_of(name):
    """The environment in which the plugin finds its server."""
    if name == "storage-postgresql":
        with postgres.Postgres() as server:
            yield {"DATABASE_URL": server.url}
    elif name == "keys-pkcs11":
        with softhsm.SoftHsm() as hsm:
            yield hsm.environment
    elif name == "keys-awskms":
        with moto.Moto() as kms:
            yield kms.environment
    else:
        yield {}


def run():
    plugins = sorted((build_dir() / "lib/agentidp/plugins").glob("*.so"))
    assert len(plugins) >= 5, plugins
    live = 0
    for plugin in plugins:
        rig = ROOT / f"tests/rigs/{plugin.stem}.json"
        command = [str(build_dir() / "bin/agentidp"), "plugin", "check", str(plugin)]
        try:
            with server_of(plugin.stem) as environment:
                more = ["--live", "--config", str(rig)] if environment else []
                result = subprocess.run([*command, *more], capture_output=True, text=True, timeout=600, env={**os.environ, **environment})
                live += bool(environment)
        except MISSING:
            result = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, f"{plugin.name}: {(result.stdout + result.stderr)[-800:]}"
    return f"plugins_pass_their_check: plugins={len(plugins)} live={live} failed=0"
