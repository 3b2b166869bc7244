"""Two daemons behind haproxy on PostgreSQL and Redis. As a program: two_replicas.py STATE_FOLDER serves until SIGTERM and tells about itself
in STATE_FOLDER/about; tests/rigs/two-replicas.sh calls it so. As a module: `with rig() as it:` for the flows."""
import contextlib
import pathlib
import signal
import sys
import threading

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("flows", "support"):
    sys.path.append(str(TESTS / folder))
from haproxy import Haproxy  # noqa: E402
from replicas import replicas  # noqa: E402
from redis import Redis  # noqa: E402


class Rig:
    def __init__(self, postgres, redis, daemons, proxy):
        self.postgres, self.redis, self.daemons, self.proxy = postgres, redis, daemons, proxy

    def about(self):
        lines = [f"url         {self.proxy.url}  (haproxy, pid {self.proxy.process.pid})"]
        lines += [f"replica {number}   http://{daemon.address}  (pid {daemon.process.pid}, data {daemon.data})" for number, daemon in enumerate(self.daemons)]
        lines += [f"postgresql  {self.postgres.url}  (pid {self.postgres.process.pid})", f"redis       {self.redis.url}  (pid {self.redis.process.pid})",
                  f"admin       {self.daemons[0].data / 'admin.json'}"]
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def rig(settings=None, env=None):
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis())
        postgres, daemons = stack.enter_context(replicas(2, settings, {"REDIS_URL": redis.url, **(env or {})}))
        for daemon in daemons:
            # A restart must come back where the proxy looks for it.
            daemon.settings["server.listen"] = daemon.address
        proxy = stack.enter_context(Haproxy([daemon.address for daemon in daemons]))
        yield Rig(postgres, redis, daemons, proxy)


def main():
    state = pathlib.Path(sys.argv[1])
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    with rig() as it:
        told = state / "about.new"
        told.write_text(it.about())
        told.rename(state / "about")
        ended.wait()


if __name__ == "__main__":
    main()
