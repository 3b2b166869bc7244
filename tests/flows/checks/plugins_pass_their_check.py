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
import openbao  # noqa: E402
import postgres  # noqa: E402
import redis  # noqa: E402
import softhsm  # noqa: E402

covers = []
judges_shipped_files = True
MISSING = (moto.Missing, openbao.Missing, postgres.Missing, redis.Missing, softhsm.Missing)


@contextlib.contextmanager
def server_of(name):
    """The environment in which the plugin finds its server."""
    if name == "storage-postgresql":
        with postgres.Postgres() as server:
            yield {"DATABASE_URL": server.url}
    elif name == "ratelimit-redis":
        with redis.Redis() as server:
            yield {"REDIS_URL": server.url}
    elif name in ("keys-vault", "secrets-vault"):
        with openbao.OpenBao(tls=True) as server:
            yield {"VAULT_ADDR": server.address, "VAULT_TOKEN": server.token, "VAULT_CACERT": str(server.ca)}
    elif name == "keys-pkcs11":
        with softhsm.SoftHsm() as server:
            yield server.environment
    elif name == "keys-awskms":
        with moto.Moto() as server:
            yield server.environment
    else:
        yield {}


def run():
    plugins = sorted((build_dir() / "lib/agentidp/plugins").glob("*.so"))
    assert len(plugins) >= 5, plugins
    live, unchecked = 0, []
    for plugin in plugins:
        rig = ROOT / f"tests/rigs/{plugin.stem}.json"
        command = [str(build_dir() / "bin/agentidp"), "plugin", "check", str(plugin)]
        try:
            with server_of(plugin.stem) as environment:
                more = ["--live", "--config", str(rig)] if environment else []
                result = subprocess.run([*command, *more], capture_output=True, text=True, timeout=600, env={**os.environ, **environment})
                live += bool(environment)
        except MISSING as missing:
            # Without its server it has no settings to be checked with.
            unchecked.append(f"; {plugin.stem} was not checked: {missing}")
            continue
        assert result.returncode == 0, f"{plugin.name}: {(result.stdout + result.stderr)[-800:]}"
    return f"plugins_pass_their_check: plugins={len(plugins)} live={live} unchecked={len(unchecked)} failed=0" + "".join(unchecked)
