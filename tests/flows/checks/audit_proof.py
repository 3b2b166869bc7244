"""`agentidp audit prove` convinces a verifier that shares no code with us, and one flipped byte does not."""
import subprocess
import sys

from daemon import ROOT, Daemon

covers = []


def verdict(text, *options):
    return subprocess.run([sys.executable, str(ROOT / "tests/verifier/verify_proof.py"), *options], input=text, capture_output=True, text=True,
                          timeout=60)


def run():
    with Daemon() as daemon:
        agent = daemon.agent("prover", ["agents:read"])
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200
        events = daemon.json("GET", f"/api/v1/audit?action=token.issued&agentId={agent['agentId']}", token=daemon.admin_token()).json()["data"]
        proof = daemon.cli("audit", "prove", "--event", events[0]["eventId"])
        assert proof.returncode == 0, proof.stderr
        assert verdict(proof.stdout).returncode == 0, verdict(proof.stdout).stdout
        refused = 0
        # One byte of the entry, the proof, the checkpoint's root, the signature: wherever it is, the answer is no.
        places = [proof.stdout.index(agent["agentId"]) + 3]
        for mark in ("hashes", "treeSize", "note", "signature", "checkpoint", "entry"):
            at = proof.stdout.find(f'"{mark}"')
            if at >= 0:
                places.append(at + len(mark) + 12)
        for place in places:
            changed = proof.stdout[:place] + ("B" if proof.stdout[place] != "B" else "C") + proof.stdout[place + 1:]
            if verdict(changed).returncode == 0:
                raise AssertionError(f"a byte flipped at {place} went unnoticed: ...{changed[place - 30:place + 30]}...")
            refused += 1
        full = daemon.cli("audit", "verify", "--full")
        assert full.returncode == 0, full.stdout + full.stderr
    return f"audit_proof: accepted=1 refused={refused}"
