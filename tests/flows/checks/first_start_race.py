"""Three daemons are started at the same moment on one empty PostgreSQL: one makes the tables, the first administrator and the first key, all
three serve, and tokens of each are valid at the others."""
import json
import threading

from jwks import header_of
from replicas import NoPostgres, replicas

covers = []
ROUNDS = 3


def one_round():
    with replicas(3, start=False) as (server, daemons):
        failed = []

        def start(daemon):
            try:
                daemon.start()
            except RuntimeError as error:
                failed.append(str(error))

        starters = [threading.Thread(target=start, args=(daemon,)) for daemon in daemons]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join(90)
        assert not failed, failed
        owners = [daemon for daemon in daemons if (daemon.data / "admin.json").exists()]
        assert len(owners) == 1, f"{len(owners)} daemons wrote an administrator"
        admin = json.loads((owners[0].data / "admin.json").read_text())
        for daemon in daemons:
            daemon.admin = lambda: admin
        token = owners[0].admin_token()
        for daemon in daemons:
            assert daemon.json("GET", "/api/v1/agents", token=token).status == 200
        assert len({header_of(daemon.admin_token())["kid"] for daemon in daemons}) == 1
        assert server.query("SELECT count(*) FROM agentidp.signing_keys") == ["1"]
        assert server.query("SELECT count(*) FROM agentidp.organizations") == ["2"]


def run():
    try:
        for _ in range(ROUNDS):
            one_round()
    except NoPostgres as missing:
        return f"skip first_start_race: {missing}"
    return f"first_start_race: rounds={ROUNDS} daemons=3 administrators=1 keys=1"
