"""A PostgreSQL that would lose after a power cut what it has acknowledged."""
from daemon import Daemon
from postgres import Missing, Postgres

ROW = 17
DID = "starts were made against servers with fsync off, with synchronous_commit off, and with synchronous_commit off for the role only."
EXPECTED = "each start is refused, and says which."


def refusal(server):
    with Daemon({"start.wait_seconds": "5"}, env={"DATABASE_URL": server.url}, start=False) as daemon:
        try:
            daemon.start()
        except RuntimeError:
            code = daemon.process.wait(40)
            return code, " ".join(line for line in daemon.lines if line.startswith("agentidpd: "))
    raise AssertionError("the daemon started")


def run():
    seen = []
    try:
        for setting in ("fsync", "synchronous_commit"):
            with Postgres({setting: "off"}) as server:
                seen.append((setting, *refusal(server)))
        with Postgres() as server:
            server.query("ALTER ROLE agentidp SET synchronous_commit = 'off'")
            seen.append(("synchronous_commit", *refusal(server)))
    except Missing as missing:
        return f"skip: {missing}"
    for setting, code, line in seen:
        assert code in (1, 2) and f"{setting} off" in line, (setting, code, line)
    return f"{len(seen)} of 3 starts refused: " + " / ".join(f"exit {code}, {line[:110]}" for _, code, line in seen)
