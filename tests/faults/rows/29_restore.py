"""A backup is restored after the ledger went on: noticed, and what was revoked since is dead before the daemon is ready."""
from checks import backup_restore

ROW = 29
DID = "A backup was taken under load on SQLite and on PostgreSQL, tokens, agents and secrets were revoked, the store was destroyed and restored."
EXPECTED = ("the daemon refuses to start over the rolled back ledger until an operator opens a new origin; revocations since are replayed from the archived "
            "entries; keys issued since are told; the ledger verifies.")


def run():
    seen = backup_restore.run()
    if seen.startswith("skip"):
        return "skip: " + seen.partition(": ")[2]
    return seen.partition(": ")[2] + "; the start was refused with `audit rollback` until `agentidp audit origin open --yes`."
