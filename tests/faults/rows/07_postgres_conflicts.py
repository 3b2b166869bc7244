"""PostgreSQL ends transactions because others were first: serialization failures and deadlocks, in the ledger's own rows and in an effect's."""
import json
import subprocess
import threading
import time

from bed import Bed, until
from postgres import Missing, Postgres

ROW = 7
DID = ("1 to 3 serialization failures (40001) were raised in a ledger batch's insert and in an agent's update, then more than the daemon tries, then "
       "real deadlocks (40P01) were made by a second session.")
EXPECTED = "each is tried again at most three times, unseen by the client, with nothing twice; more than that is a 503, and never a 409."
ENTRIES, AGENTS = "agentidp.audit_entries", "agentidp.agents"


class Session:
    """A second session: statements are sent when they are called, and may block there."""

    def __init__(self, server):
        self.server = server
        self.process = subprocess.Popen([str(server.bin / "psql"), server.url + "&application_name=second", "-X", "-At"], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    def send(self, sql):
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()

    def holds(self):
        """Waits until what was sent is done and its transaction open."""
        until(lambda: self.server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'second' AND state = 'idle in transaction'"),
              "the second session did not come that far", 10)

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def arm(server, table, event, count):
    """The next `count` statements of that kind fail with 40001. A sequence counts, since it is not undone with the transaction."""
    server.query(f"""
        CREATE SEQUENCE IF NOT EXISTS public.conflicts; ALTER SEQUENCE public.conflicts RESTART;
        CREATE OR REPLACE FUNCTION public.conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF nextval('public.conflicts') <= {count} THEN RAISE EXCEPTION 'made by a test' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;
        DROP TRIGGER IF EXISTS conflict ON {ENTRIES}; DROP TRIGGER IF EXISTS conflict ON {AGENTS};
        CREATE TRIGGER conflict BEFORE {event} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION public.conflict()""")


def tried(server):
    return int(server.query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.conflicts")[0])


def disarm(server):
    server.query(f"DROP TRIGGER IF EXISTS conflict ON {ENTRIES}; DROP TRIGGER IF EXISTS conflict ON {AGENTS}")


def deadlock(server, act, locked):
    """`act` runs in the daemon while a session holds `locked`, which the daemon's transaction comes to want, and wants the ledger's lock itself. The
    daemon's session is the one that finds out."""
    other = Session(server)
    other.send("SET deadlock_timeout = '1h'; BEGIN; " + locked)
    other.holds()
    answer = []
    caller = threading.Thread(target=lambda: answer.append(act()), daemon=True)
    caller.start()
    # Whoever holds the ledger's advisory lock now waits for the row.
    lock = until(lambda: server.query("SELECT (classid::bigint << 32 | objid::bigint)::text FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN "
                                      "(SELECT pid FROM pg_locks WHERE NOT granted)"), "the daemon did not come to wait for the row", 5)[0]
    other.send(f"SELECT pg_advisory_xact_lock({lock})")
    other.send("COMMIT")
    caller.join(30)
    other.close()
    return answer[0]


def run():
    try:
        server = Postgres({"deadlock_timeout": "1s"})
    except Missing as missing:
        return f"skip: {missing}"
    with server, Bed("07", server=server, workers=1) as bed:
        who = bed.someone()
        admin = bed.daemon.admin_token()

        def token():
            return bed.ask_token(who)[0]

        versions = iter(range(2, 100))

        def update():
            return bed.daemon.json("PATCH", f"/api/v1/agents/{who[0]}", {"version": str(next(versions))}, admin).status

        seen = {}
        for name, table, event, act in (("token", ENTRIES, "INSERT", token), ("update", AGENTS, "UPDATE", update)):
            for count in (1, 2, 3):
                arm(server, table, event, count)
                status = act()
                assert status == 200, f"after {count} serialization failures the {name} was answered {status}"
                assert tried(server) == count + 1, (name, count, tried(server))
            arm(server, table, event, 1000)
            status = act()
            seen[name] = tried(server)
            disarm(server)
            assert status == 503, f"after serialization failures without end the {name} was answered {status}"
            assert seen[name] == 4, f"the {name} was tried {seen[name]} times"
            assert act() == 200
        before = int(server.query("SELECT deadlocks FROM pg_stat_database WHERE datname = 'agentidp'")[0])
        assert deadlock(server, token, "SELECT * FROM agentidp.audit_replicas FOR UPDATE") == 200, "a deadlock in the ledger's rows reached the client"
        status = deadlock(server, update, f"SELECT 1 FROM agentidp.agents WHERE id::text = '{who[0]}' FOR UPDATE")
        assert status == 200, f"a deadlock in an effect was answered {status}"
        until(lambda: int(server.query("SELECT deadlocks FROM pg_stat_database WHERE datname = 'agentidp'")[0]) - before >= 2, "PostgreSQL counted no deadlock")
        bed.load()
        time.sleep(0.5)
        bed.close()
        actions = [json.loads(entry["text"])["action"] for entry in bed.world.history["entries"] if who[0] in entry["text"]]
        updates = actions.count("agent.updated")
        assert updates == 5, f"5 updates were answered 200, and {updates} are in the ledger"
        return (f"1, 2 and 3 failures: answered 200 after as many tries more, in an insert of the ledger and in an agent's update; without end: 503 after "
                f"{seen['token']} and {seen['update']} tries; 2 real deadlocks: 200; {updates} updates answered, {updates} entries.")
