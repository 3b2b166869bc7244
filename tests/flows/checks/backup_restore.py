"""`agentidp backup` beside a daemon under load, everything destroyed, `agentidp restore` (faults.md row 29), on SQLite and on PostgreSQL: old
tokens verify, old secrets work, the ledger verifies; that it is older than a kept checkpoint is noticed and refuses the start until an
operator's word; what was revoked since is dead again, what was made since is told."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from postgres import Missing, Postgres  # noqa: E402

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def active(daemon, agent, token):
    answer = daemon.request("POST", "/api/v1/token/introspect", {**FORM, "Authorization": agent["basic"]}, "token=" + token)
    assert answer.status == 200, answer.body
    return answer.json()["active"]


def revoke(daemon, agent, token):
    answer = daemon.request("POST", "/api/v1/token/revoke", {**FORM, "Authorization": agent["basic"]}, "token=" + token)
    assert answer.status == 200, answer.body


def issue(daemon, agent):
    answer = daemon.token(agent["agentId"], agent["clientSecret"])
    assert answer.status == 200, answer.body
    return answer.json()["access_token"]


def under_load(daemon, agent, work):
    stop, failed, issued = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            answer = daemon.token(agent["agentId"], agent["clientSecret"])
            (issued if answer.status == 200 else failed).append(answer.status)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        return work()
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not failed and issued, f"requests failed beside the backup: {failed[:3]}"


def refuses_what_is_no_backup(daemon, kept):
    good = (kept / "copy").read_bytes()
    for name, content in (("cut", good[:-100]), ("changed", good[:2000] + bytes([good[2000] ^ 1]) + good[2001:]), ("noise", b"x" * 4000)):
        (kept / name).write_bytes(content)
        text = daemon.said("restore", "--from", str(kept / name), code=2)
        assert "nothing was restored" in text, text


def journey(kept, env, destroy):
    """`destroy` takes the storage away, and leaves an empty one. `kept` stands for the places that survive."""
    settings = {"audit.anchor.dir": str(kept / "anchors"), "plugins.keys-file.dir": str(kept / "keys"), "ratelimit.client.per_minute": "1000000",
                "audit.checkpoint_seconds": "1", "issuer": "http://idp.test"}
    with Daemon(settings, env=env) as daemon:
        worker, leaver, rotator = (daemon.agent(name, ["agents:read", "tokens:introspect"]) for name in ("worker", "leaver", "rotator"))
        old, doomed, left = issue(daemon, worker), issue(daemon, worker), issue(daemon, leaver)
        assert active(daemon, worker, left)
        told = under_load(daemon, worker, lambda: json.loads(daemon.said("backup", "--to", str(kept / "copy"), "--json")))
        assert told["bytes"] == (kept / "copy").stat().st_size and (kept / "copy").stat().st_mode & 0o777 == 0o600, told
        daemon.said("backup", "--to", str(kept / "copy"), code=1, says="exists")
        text = daemon.said("backup", "--to", str(kept / "second"))
        assert str(kept / "keys") in text and "not in it" in text, text
        assert not list(kept.glob("*.part-*"))
        events = daemon.json("GET", "/api/v1/audit?action=control.command", token=daemon.admin_token()).json()["data"]
        assert [event for event in events if event["metadata"]["command"] == "backup"], "the backup is not in the ledger"

        # What the backup does not know.
        revoke(daemon, worker, doomed)
        admin = daemon.admin_token()
        stopped = daemon.json("PATCH", f"/api/v1/agents/{leaver['agentId']}", {"status": "suspended"}, admin)
        assert stopped.status == 200, stopped.body
        rotated = daemon.json("POST", f"/api/v1/agents/{rotator['agentId']}/credentials/{rotator['credentialId']}/rotate", {}, admin)
        assert rotated.status == 200, rotated.body
        late = daemon.agent("late", ["agents:read"])
        new_key = json.loads(daemon.said("keys", "rotate", "--now", "--json"))["kid"]
        (kept / "archive").write_text(daemon.cli("audit", "export", "--format", "entries").stdout)
        admin_file = (daemon.data / "admin.json").read_bytes()
        daemon.said("restore", "--from", str(kept / "copy"), code=1, says="in use")
        assert daemon.stop() == 0

        daemon.said("restore", "--from", str(kept / "copy"), code=1, says="not empty")
        shutil.rmtree(daemon.data)
        destroy()
        refuses_what_is_no_backup(daemon, kept)
        told = json.loads(daemon.said("restore", "--from", str(kept / "copy"), "--replay", str(kept / "archive"), "--json"))
        replay = told["replay"]
        assert replay["tokensRevoked"] == 1 and rotator["credentialId"] in replay["credentialsRevoked"], replay
        assert replay["agentsStopped"] == [leaver["agentId"]] and replay["agentsLost"] == [late["agentId"]], replay
        assert new_key in replay["keysIssued"] and replay["newer"] > 5, replay
        assert "audit rollback" in told["problem"] and "origin open --yes" in told["problem"], told["problem"]
        try:
            daemon.start()
            raise AssertionError("the daemon started over a ledger that was rolled back")
        except RuntimeError as refused:
            assert "audit rollback" in str(refused), refused
        daemon.said("audit", "origin", "open", "--yes")
        (daemon.data / "admin.json").write_bytes(admin_file)
        daemon.start()
        assert active(daemon, worker, old), "a token from before the backup does not verify"
        assert not active(daemon, worker, doomed), "a revocation since the backup was lost"
        assert not active(daemon, worker, left), "a token of an agent suspended since verifies"
        assert daemon.token(leaver["agentId"], leaver["clientSecret"]).status == 401, "an agent suspended since works again"
        assert daemon.token(rotator["agentId"], rotator["clientSecret"]).status == 401, "a secret that was rotated away works again"
        assert daemon.token(late["agentId"], late["clientSecret"]).status == 401
        issue(daemon, worker)
        report = json.loads(daemon.said("audit", "verify", "--full", "--json"))
        assert report["ok"] is True, report
        restored = daemon.json("GET", "/api/v1/audit?action=backup.restored", token=daemon.admin_token()).json()["data"]
        assert len(restored) == 1 and restored[0]["metadata"]["tokensRevoked"] == 1, restored
        return replay["newer"]


def run():
    results = []
    for backend in ("sqlite", "postgresql"):
        kept = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-kept-"))
        try:
            if backend == "sqlite":
                results.append(("sqlite", journey(kept, {}, lambda: None)))
                continue
            with Postgres() as server:
                drop = [str(server.bin / "psql"), server.url, "-Xqc", "DROP SCHEMA agentidp CASCADE"]
                results.append(("postgresql", journey(kept, {"DATABASE_URL": server.url},
                                                      lambda: subprocess.run(drop, check=True, stderr=subprocess.DEVNULL, timeout=60))))
        except Missing as missing:
            return f"skip backup_restore: on sqlite {results[0][1]} entries replayed; {missing}"
        finally:
            shutil.rmtree(kept, ignore_errors=True)
    return "backup_restore: " + " ".join(f"{backend}_replayed={newer}" for backend, newer in results) + " lost_revocations=0 rollback=noticed"
