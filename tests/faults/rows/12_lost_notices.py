"""No notice of what others commit reaches a replica: it looks by itself."""
from checks.propagation import worst_of
from pgbouncer import PgBouncer
from postgres import Missing
from replicas import replicas

ROW = 12
DID = "two daemons, on one PostgreSQL behind a pooler that swallows every NOTIFY and without Redis, were told of revocations, suspensions and keys."
EXPECTED = "the other one knows within a second, by looking; agentidp_revocation_staleness_seconds stays below a second and a half."
ROUNDS = 4


def staleness(daemon):
    for line in daemon.request("GET", "/metrics").body.splitlines():
        if line.startswith("agentidp_revocation_staleness_seconds "):
            return float(line.split()[1])
    raise AssertionError("the gauge is not there")


def run():
    try:
        with replicas(2, through=PgBouncer) as (_, daemons):
            seen = worst_of(daemons, ROUNDS)
            oldest = max(staleness(daemon) for daemon in daemons for _ in range(20))
            assert oldest < 1.5, f"a view of revocations was {oldest:.2f} s old"
            return f"{ROUNDS} rounds: {seen}; oldest view {oldest:.2f} s."
    except Missing as missing:
        return f"skip: {missing}"
