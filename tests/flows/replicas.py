"""Several daemons on one PostgreSQL, each with a data directory of its own and the keys plugin's directory shared."""
import contextlib
import pathlib
import shutil
import sys
import tempfile

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from postgres import Missing as NoPostgres, Postgres  # noqa: E402

ISSUER = "https://idp.example.test"
OPEN = {"ratelimit.client.per_minute": "1000000000", "quota.mode": "off"}


@contextlib.contextmanager
def replicas(count=2, settings=None, env=None, postgres=None, start=True, through=None):
    """Yields (server, daemons). The first daemon keeps admin.json; the others are given its admin. `through`: makes of the server what the daemons
    are to reach it by (PgBouncer)."""
    keys = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-keys-"))
    shared = {"plugins.keys-file.dir": str(keys / "keys"), "plugins.keys-file.shared": "true", "issuer": ISSUER, **OPEN, **(settings or {})}
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, keys, True)
        server = stack.enter_context(Postgres(postgres))
        url = stack.enter_context(through(server)).url if through else server.url
        daemons = []
        for _ in range(count):
            daemon = stack.enter_context(Daemon(shared, env={"DATABASE_URL": url, **(env or {})}, start=start))
            if daemons:
                daemon.admin = daemons[0].admin
            daemons.append(daemon)
        yield server, daemons
