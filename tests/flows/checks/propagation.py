"""Two daemons on one PostgreSQL: what one of them is told (a suspension, a revocation, a new signing key), the other knows within a second.
Each is asked for again and again on the other replica, from the moment the first one acknowledged it."""
import json
import time

from jwks import header_of
from replicas import NoPostgres, replicas

covers = []
ROUNDS = 10


def introspected(daemon, token, bearer):
    answer = daemon.request("POST", "/api/v1/token/introspect", {"Authorization": "Bearer " + bearer, "Content-Type": "application/x-www-form-urlencoded"},
                            "token=" + token)
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()["active"]


def seconds_until(true, what):
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 10, f"{what}: not seen after 10 s"
        time.sleep(0.005)
    return time.monotonic() - began


def token_of(daemon, agent):
    answer = daemon.token(agent["agentId"], agent["clientSecret"])
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()["access_token"]


def worst_of(daemons, rounds):
    """The longest that each kind of news took from the answer of one daemon to the other's."""
    worst = {"suspension": 0.0, "revocation": 0.0, "key": 0.0, "credential": 0.0}

    def seen(what, true):
        worst[what] = max(worst[what], seconds_until(true, what))

    for number in range(rounds):
        here, there = daemons[number % 2], daemons[1 - number % 2]
        admin = here.admin_token()
        agent, asker = here.agent(f"p{number}", token=admin), here.agent(f"j{number}", ["tokens:introspect"], token=admin)
        judge = token_of(here, asker)

        token = token_of(there, agent)
        assert introspected(there, token, judge) and introspected(here, token, judge)
        gone = here.request("POST", "/api/v1/token/revoke", {"Authorization": agent["basic"], "Content-Type": "application/x-www-form-urlencoded"},
                            "token=" + token)
        assert gone.status == 200, gone.body
        seen("revocation", lambda: not introspected(there, token, judge))

        token = token_of(there, agent)
        assert here.json("PATCH", f"/api/v1/agents/{agent['agentId']}", {"status": "suspended"}, admin).status == 200
        seen("suspension", lambda: not introspected(there, token, judge))
        seen("suspension", lambda: there.token(agent["agentId"], agent["clientSecret"]).status == 401)

        other = here.agent(f"c{number}", token=admin)
        token_of(there, other)
        ended = here.json("DELETE", f"/api/v1/agents/{other['agentId']}/credentials/{other['credentialId']}", token=admin)
        assert ended.status == 204, (ended.status, ended.body)
        seen("credential", lambda: there.token(other["agentId"], other["clientSecret"]).status == 401)

        rotated = here.cli("keys", "rotate", "--now", "--json")
        assert rotated.returncode == 0, rotated.stderr
        kid = json.loads(rotated.stdout)["kid"]
        seen("key", lambda: kid in there.request("GET", "/.well-known/jwks.json").body)
        seen("key", lambda: header_of(token_of(there, asker))["kid"] == kid)
        assert introspected(here, token_of(there, asker), judge)
    verified = json.loads(daemons[0].cli("audit", "verify", "--json").stdout)
    assert verified["ok"] is True, verified
    late = {what: seconds for what, seconds in worst.items() if seconds > 1}
    assert not late, f"later than a second: {late}"
    return " ".join(f"{what}_s={seconds:.3f}" for what, seconds in worst.items())


def run():
    try:
        with replicas(2) as (_, daemons):
            return f"propagation: rounds={ROUNDS} {worst_of(daemons, ROUNDS)}"
    except NoPostgres as missing:
        return f"skip propagation: {missing}"
