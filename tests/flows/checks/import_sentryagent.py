"""`agentidp import sentryagent` from a real PostgreSQL database as the reference leaves it, into SQLite and into PostgreSQL: old client secrets
work and are MACs after their first use, AES-256-CBC columns open in both forms, revocations hold, audit events are in the ledger with
their old hashes checked; a second run changes nothing; one that is killed goes on where it was."""
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

from daemon import Daemon, build_dir

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402
from sentryagent import NoBcrypt, Reference, bcrypt  # noqa: E402

BULK = 2_000


def imported(daemon, *more):
    return json.loads(daemon.said("import", "sentryagent", "--dsn", "env:OLD", "--column-key", "env:COLUMN_KEY", "--json", *more))


def counts(report, table):
    tally = report["tables"][table]
    return tally["taken"], tally["known"], tally["refused"]


def old_database(server):
    """Few rows, of every kind."""
    old = Reference(bytes(range(32)))
    acme, system = old.organization("acme"), old.organization("system")
    rows = {"plain": old.credential(old.agent("plain", acme)), "sealed": old.credential(old.agent("sealed", acme), form="hex"),
            "base64": old.credential(old.agent("base64", system), form="base64"), "homeless": old.credential(old.agent("homeless"))}
    rows["two"] = old.credential(rows["plain"]["agentId"])
    rows["long"] = old.credential(old.agent("long", acme), secret="x" * 72)
    rows["suspended"] = old.credential(old.agent("suspended", acme, status="suspended"))
    rows["revoked"] = old.credential(rows["plain"]["agentId"], status="revoked", revoked_at="2026-03-02T00:00:00Z")
    rows["expired"] = old.credential(rows["sealed"]["agentId"], expires_at="2026-03-02T00:00:00Z")
    old.insert("credentials", credential_id="00000000-0000-4000-8000-00000000dead", client_id=rows["plain"]["agentId"], secret_hash="$2b$15$" + "a" * 53)
    for number in range(700):
        old.event(rows["plain"]["agentId"], "token.issued", acme, scope="agents:read", number=number)
    old.insert("token_revocations", jti="11111111-1111-4111-8111-111111111111", expires_at="2099-01-01T00:00:00Z")
    old.insert("token_revocations", jti="22222222-2222-4222-8222-222222222222", expires_at="2026-01-01T00:00:00Z")
    return rows, acme, old.load(server, "old")


def secrets_work(daemon, rows, stored):
    for name in ("plain", "two", "sealed", "homeless", "long"):
        agent = rows[name]
        assert daemon.token(agent["agentId"], agent["clientSecret"] + "x" if name != "long" else "y" * 72).status == 401, name
        hashes = stored(agent["credentialId"])
        assert hashes == (True, False), f"{name} before its first use: (hash, MAC) = {hashes}"
        answer = daemon.token(agent["agentId"], agent["clientSecret"])
        assert answer.status == 200, f"{name}: {answer.status} {answer.body}"
        deadline = time.monotonic() + 5
        while stored(agent["credentialId"]) != (False, True):
            assert time.monotonic() < deadline, f"{name} keeps its hash: {stored(agent['credentialId'])}"
            time.sleep(0.02)
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200, name
    for name in ("suspended", "revoked", "expired"):
        assert daemon.token(rows[name]["agentId"], rows[name]["clientSecret"]).status == 401, name


def journey(rows, acme, env, look):
    with Daemon({"issuer": "http://idp.test", "ratelimit.client.per_minute": "100000"}, env=env) as daemon:
        daemon.said("import", "sentryagent", "--dsn", "env:OLD", code=1, says="in use")
        assert daemon.stop() == 0
        daemon.said("import", "sentryagent", "--dsn", "postgresql://u:p@h/d", code=2, says="never the secret itself")
        daemon.said("import", "sentryagent", "--dsn", "env:OLD", code=2, says="encrypted")
        before = imported(daemon, "--dry-run")
        first = imported(daemon)
        # What the run without a key had taken already is known here: organizations and agents.
        assert counts(first, "organizations") == (0, 2, 0) and counts(first, "agents") == (0, 6, 0), first["tables"]
        assert counts(before, "credentials") == counts(first, "credentials"), (before["tables"], first["tables"])
        taken, _, refused = counts(first, "credentials")
        assert (taken, refused) == (8, 2), (first["tables"], first["problems"])
        assert first["tables"]["token_revocations"] == {"taken": 1, "known": 0, "refused": 0, "past": 1}, first["tables"]
        assert counts(first, "audit_events") == (700, 0, 0) and first["auditHashes"] == {"agree": 700, "differ": 0}, first
        assert "oidc_keys" in first["left"] and "agents.did" in first["left"], first["left"]
        second = imported(daemon, "--column-form", "base64")
        assert counts(second, "credentials") == (1, 8, 1), second
        third = imported(daemon, "--column-form", "base64")
        assert all(tally["taken"] == 0 for tally in third["tables"].values()), third["tables"]
        daemon.said("import", "sentryagent", "--dsn", "env:OLD", "--column-key", "env:COLUMN_KEY", says="nothing changed")
        daemon.start()
        secrets_work(daemon, rows, lambda credential: look(daemon, credential))
        token = daemon.token(rows["plain"]["agentId"], rows["plain"]["clientSecret"]).json()["access_token"]
        seen = daemon.json("GET", f"/api/v1/agents/{rows['plain']['agentId']}", token=token).json()
        assert seen["organizationId"] == acme and seen["capabilities"] == ["resume:read", "email:send"] and seen["scopes"] == ["agents:read"], seen
        assert daemon.token(rows["base64"]["agentId"], rows["base64"]["clientSecret"]).status == 200
        report = json.loads(daemon.said("audit", "verify", "--full", "--json"))
        assert report["ok"] is True, report
        entries = [json.loads(line) for line in daemon.cli("audit", "export").stdout.splitlines()]
        segment = [entry for entry in entries if entry["action"] == "audit.imported"]
        assert len(segment) == 700 and all(len(entry["metadata"]["hash"]) == 64 for entry in segment), len(segment)
        assert [json.loads(entry["metadata"]["metadata"])["number"] for entry in segment] == list(range(700)), "out of order"
        rehashed = [entry for entry in entries if entry["action"] == "credential.rehashed"]
        return len(segment), len(rehashed)


def sqlite_look(daemon, credential):
    told = subprocess.run(["sqlite3", "-readonly", str(daemon.data / "agentidp.db"), "SELECT secret_hash IS NOT NULL, secret_mac IS NOT NULL FROM "
                           f"credentials WHERE id = '{credential}'"], check=True, capture_output=True, text=True, timeout=20)
    return tuple(flag == "1" for flag in told.stdout.strip().split("|"))


def killed(server):
    """A larger database, imported by runs that are killed, and by one that is not."""
    old = Reference(bytes(32))
    organization = old.organization("bulk")
    agents = [old.agent(f"bulk-{number}", organization) for number in range(BULK)]
    hashed = "$2b$04$" + "a" * 53
    for agent in agents:
        old.insert("credentials", credential_id=agent, client_id=agent, secret_hash=hashed)
        old.event(agent, "agent.created", organization)
    url = old.load(server, "bulk")
    with Daemon({}, env={"OLD": url}) as daemon:
        assert daemon.stop() == 0
        command = [str(build_dir() / "bin/agentidp"), "--config", str(daemon.folder / "none.properties"),
                   *[f"-D{key}={value}" for key, value in daemon.settings.items()], "import", "sentryagent", "--dsn", "env:OLD"]

        def stored(table):
            told = subprocess.run(["sqlite3", "-readonly", str(daemon.data / "agentidp.db"), f"SELECT count(*) FROM {table}"], capture_output=True,
                                  text=True, timeout=20, check=False)
            return int(told.stdout.strip() or 0)

        kills = 0
        for table, least in (("agents", 400), ("agents", 1_200), ("credentials", 700), ("audit_entries", 2 * BULK + 700)):
            process = subprocess.Popen(command, env=daemon.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while process.poll() is None and stored(table) < least and time.monotonic() < deadline:
                time.sleep(0.005)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait(30)
        last = json.loads(daemon.said("import", "sentryagent", "--dsn", "env:OLD", "--json"))
        for table in ("agents", "credentials", "audit_events"):
            taken, known, refused = counts(last, table)
            assert taken + known == BULK and refused == 0, (table, last)
        assert kills >= 2, f"only {kills} runs lasted until they could be killed"
        daemon.start()
        entries = [json.loads(line) for line in daemon.cli("audit", "export").stdout.splitlines()]
        taken = {}
        for entry in entries:
            if entry["metadata"].get("imported"):
                key = (entry["action"], entry["metadata"].get("eventId") or entry["metadata"].get("credentialId") or entry["agentId"])
                taken[key] = taken.get(key, 0) + 1
        twice = sum(1 for times in taken.values() if times > 1)
        assert twice == 0 and len(taken) == 3 * BULK + 1, (twice, len(taken))
        assert json.loads(daemon.said("audit", "verify", "--full", "--json"))["ok"] is True
        return kills


def beside(server, url, env):
    """The old tables and ours in one database: the first start says what to do, the import reads its neighbour, the old rows stay."""
    def old_rows():
        return subprocess.run([str(server.bin / "psql"), url, "-XAtc", "SELECT md5(string_agg(c::text, '' ORDER BY credential_id)) FROM public.credentials c"],
                              check=True, capture_output=True, text=True, timeout=60).stdout

    before = old_rows()
    with Daemon(env={**env, "DATABASE_URL": url}) as daemon:
        assert daemon.stop() == 0
        daemon.start()
        said_so = [line for line in daemon.lines if "import sentryagent" in line]
        assert len(said_so) == 1, f"the old tables were named {len(said_so)} times in two starts"
        assert daemon.stop() == 0
        report = json.loads(daemon.said("import", "sentryagent", "--dsn", "env:DATABASE_URL", "--column-key", "env:COLUMN_KEY", "--json"))
        assert counts(report, "agents") == (6, 0, 0), report["tables"]
    assert old_rows() == before, "the import changed the old tables"


def overload(rows, env):
    """A stranger who knows a client id cannot make the daemon work out bcrypt without end: two at a time, and others are served."""
    with Daemon({"issuer": "http://idp.test", "ratelimit.address.failures_per_minute": "1000000"}, env=env) as daemon:
        assert daemon.stop() == 0
        imported(daemon)
        daemon.start()
        stop, seen = threading.Event(), {}

        def attack():
            while not stop.is_set():
                status = daemon.token(rows["plain"]["agentId"], "wrong").status
                seen[status] = seen.get(status, 0) + 1

        threads = [threading.Thread(target=attack) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            admin = daemon.admin()
            slowest = 0
            for _ in range(40):
                began = time.monotonic()
                assert daemon.token(admin["clientId"], admin["clientSecret"]).status == 200
                slowest = max(slowest, time.monotonic() - began)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        assert set(seen) <= {401, 503} and seen.get(503), seen
        return slowest


def run():
    try:
        server = Postgres()
        bcrypt("is it here", 4)
    except (Missing, NoBcrypt) as missing:
        return f"skip import_sentryagent: {missing}"
    with server:
        rows, acme, url = old_database(server)
        env = {"OLD": url, "COLUMN_KEY": bytes(range(32)).hex()}
        segment, rehashed = journey(rows, acme, env, sqlite_look)

        def look(_daemon, credential):
            told = server.query(f"SELECT (secret_hash IS NOT NULL) || ' ' || (secret_mac IS NOT NULL) FROM agentidp.credentials WHERE id = '{credential}'")
            return tuple(flag == "true" for flag in told[0].split())

        journey(rows, acme, {**env, "DATABASE_URL": server.url}, look)
        beside(server, url, env)
        slowest = overload(rows, env)
        kills = killed(server)
    return f"import_sentryagent: audit_events={segment} rehashed={rehashed} kills={kills} twice=0 slowest_beside_attack_s={slowest:.2f}"
