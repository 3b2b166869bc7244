"""The four variables of the reference system alone (and PORT, so that a port is free), with no file and no other setting: tokens are served from
PostgreSQL and Redis, signed by the given key."""
import pathlib
import subprocess
import sys

from daemon import Daemon
from jwks import Verifier, header_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import postgres  # noqa: E402
import redis  # noqa: E402

covers = []


def run():
    try:
        with postgres.Postgres() as database, redis.Redis() as cache:
            key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True, capture_output=True,
                                 text=True).stdout
            public = subprocess.run(["openssl", "pkey", "-pubout"], input=key, check=True, capture_output=True, text=True).stdout
            variables = {"DATABASE_URL": database.url, "REDIS_URL": cache.url, "JWT_PRIVATE_KEY": key, "JWT_PUBLIC_KEY": public.replace("\n", "\\n"),
                         "PORT": str(redis.free_port())}
            with Daemon(bare=True, env=variables) as daemon:
                agent = daemon.agent("reference", ["agents:read"])
                token = daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"]
                Verifier(daemon).verify(token)
                assert header_of(token)["alg"] == "RS256", header_of(token)
                health = daemon.request("GET", "/health")
                assert health.status == 200 and health.json() == {"status": "ok", "postgres": "connected", "redis": "connected"}, health.body
                assert cache.cli("KEYS", f"rate:{agent['agentId']}:*").strip(), "the limit was not counted in Redis"
                assert database.query("SELECT count(*) FROM agentidp.agents WHERE email = 'reference@example.test'") == ["1"]
    except (postgres.Missing, redis.Missing) as missing:
        return f"skip reference_variables_alone: {missing}"
    return "reference_variables_alone: alg=RS256 postgres=connected redis=connected verified=1"
