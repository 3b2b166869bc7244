"""An asynchronous standby that lags is promoted: what the primary acknowledged last is lost, and nobody but the anchors knows."""
import json
import subprocess
import time

from bed import Bed, until, verifier
from daemon import ROOT
from postgres import Missing
from postgres_faults import freeze, kill_at_once, thaw
from standby import Pair

ROW = 5
DID = "an asynchronous standby was frozen, tokens went on for 2 s, the primary was killed, and the standby promoted with its tail missing."
EXPECTED = ("the running daemon stops issuing (audit rollback, /readyz 503); a start is refused and says what to do; after `agentidp audit origin open "
            "--yes` tokens come again, the ledger verifies, and its first new entry holds the old checkpoint.")


def run():
    try:
        pair = Pair(synchronous=False)
    except Missing as missing:
        return f"skip: {missing}"
    with pair, Bed("05", env={"DATABASE_URL": pair.url}) as bed:
        who = bed.someone()
        bed.load()
        time.sleep(1.5)
        lagging = pair.standby.backends()
        freeze(lagging)
        time.sleep(2.5)  # more than one checkpoint
        bed.end_load()
        had = int(pair.primary.query("SELECT count(*) FROM agentidp.audit_entries")[0])
        kill_at_once(pair.primary)
        thaw(lagging)
        pair.promote()
        has = int(pair.standby.query("SELECT count(*) FROM agentidp.audit_entries")[0])
        assert has < had, "the standby had everything: nothing was tested"

        def stopped():
            bed.daemon.token(*who)
            answer = bed.daemon.request("GET", "/readyz")
            return answer.status == 503 and "rollback" in answer.body
        until(stopped, "the running daemon did not notice that the ledger is shorter", 20)
        assert bed.daemon.token(*who).status == 503
        halted = len(bed.said("LEDGER_HALTED"))
        assert halted, "no line said that the ledger has stopped"
        bed.daemon.stop()
        try:
            bed.daemon.start()
        except RuntimeError as error:
            code, said = bed.daemon.process.wait(20), str(error)
        else:
            raise AssertionError("the daemon started on a ledger that lost its tail")
        assert "rollback" in said and "audit origin" in said, said[-400:]
        without_word = bed.daemon.cli("audit", "origin", "open")
        assert without_word.returncode != 0, "a new origin was opened without --yes"
        opened = bed.daemon.cli("audit", "origin", "open", "--yes")
        assert opened.returncode == 0, opened.stderr
        bed.daemon.start()
        assert bed.daemon.token(*who).status == 200
        verified = bed.daemon.cli("audit", "verify", "--full")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        entries = [json.loads(row) for row in pair.standby.query(
            f"SELECT convert_from(body, 'UTF8') FROM agentidp.audit_entries WHERE idx >= {has} ORDER BY idx")]
        origin = entries[0]
        assert origin["action"] == "audit.origin_opened", [entry["action"] for entry in entries]
        size, _ = verifier().open_checkpoint(origin["metadata"]["checkpoint"], bed.watcher.key)
        assert has < size <= had, f"the new origin names a checkpoint of {size} entries; there were {had}, and {has} are left"
        event = json.loads(bed.daemon.json("GET", f"/api/v1/audit?action=token.issued&agentId={who[0]}&limit=1", token=bed.daemon.admin_token()).body)["data"][0]
        proof = bed.daemon.cli("audit", "prove", "--event", event["eventId"])
        judged = subprocess.run(["python3", str(ROOT / "tests/verifier/verify_proof.py")], input=proof.stdout, capture_output=True, text=True, timeout=60)
        assert judged.returncode == 0, judged.stdout + proof.stderr
        assert bed.daemon.stop() == 0
        return (f"{had - has} of {had} entries were lost with the primary; the running daemon stopped, a start exited {code} naming `audit origin`, which "
                f"refused to work without --yes; then tokens, a full verification, and a proof that an independent verifier took; the first new entry holds the "
                f"checkpoint of {size} entries.")
