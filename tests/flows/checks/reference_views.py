"""The views audit_events and oidc_keys, as psql and BI tools see them: an auditor's recomputation of the reference's hash chain from the rows
agrees for every event, on PostgreSQL and on SQLite."""
import hashlib
import json
import pathlib
import subprocess
import sys

from daemon import Daemon
from jwks import served

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402

COLUMNS = "event_id, agent_id, organization_id, action, outcome, ip_address, user_agent, metadata, {time}, hash, previous_hash"
EVENTS = f"SELECT {COLUMNS} FROM {{schema}}audit_events ORDER BY ledger_index"


def chain_agrees(rows):
    previous = "0" * 64
    for row in rows:
        event, agent, organization, action, outcome, _, _, metadata, time, digest, before = row
        assert before == previous, f"previous_hash of {event} is {before}"
        again = hashlib.sha256("".join((event, time, action, outcome, agent or "", organization or "", before)).encode()).hexdigest()
        assert again == digest, f"the hash of {event} ({action}) is {digest}, worked out again {again}"
        assert isinstance(json.loads(metadata), dict), metadata
        previous = digest
    return len(rows)


def life(daemon):
    agent = daemon.agent("viewed", ["agents:read"])
    for _ in range(20):
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200
    assert daemon.token(agent["agentId"], "wrong").status == 401
    # A NUL in a name that a stranger gave must not make the view unreadable.
    daemon.token("\0stranger\\u0000", "wrong")
    current = served(daemon)[0]["kid"]
    assert daemon.stop() == 0
    return agent["agentId"], current


def on_sqlite():
    with Daemon() as daemon:
        agent, current = life(daemon)

        def query(sql):
            told = subprocess.run(["sqlite3", "-readonly", "-json", str(daemon.data / "agentidp.db"), sql], check=True, capture_output=True, text=True,
                                  timeout=30)
            return [list(row.values()) for row in json.loads(told.stdout or "[]")]

        rows = query(EVENTS.format(time='"timestamp"', schema=""))
        assert sum(1 for row in rows if row[1] == agent and row[3] == "token.issued") == 20
        assert query("SELECT kid FROM oidc_keys WHERE is_current") == [[current]]
        return chain_agrees(rows)


def on_postgresql(server):
    with Daemon(env={"DATABASE_URL": server.url}) as daemon:
        agent, current = life(daemon)
        time = """to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at"""
        sql = EVENTS.format(time=time, schema="agentidp.").replace("metadata,", "metadata::text AS metadata,")
        rows = [list(json.loads(line).values()) for line in server.query(f"SELECT row_to_json(v)::text FROM ({sql}) v")]
        assert sum(1 for row in rows if row[1] == agent and row[3] == "token.issued") == 20
        assert server.query("SELECT kid FROM agentidp.oidc_keys WHERE is_current") == [current]
        assert server.query("SELECT count(*) FROM agentidp.audit_events WHERE agent_id = '" + agent + "' AND metadata ? 'scope'") == ["20"]
        return chain_agrees(rows)


def run():
    sqlite = on_sqlite()
    try:
        with Postgres() as server:
            postgresql = on_postgresql(server)
    except Missing as missing:
        return f"skip reference_views: on sqlite {sqlite} events agree; {missing}"
    return f"reference_views: sqlite_events={sqlite} postgresql_events={postgresql} differing=0"
