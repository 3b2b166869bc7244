"""What the rows about Redis share."""
import time
import urllib.parse

from daemon import basic

MINUTE = 60


def early_in_a_minute(seconds):
    """Waits for a minute with that much left, so that no window ends in between."""
    left = MINUTE - time.time() % MINUTE
    if left < seconds:
        time.sleep(left + 0.05)


def form(daemon, path, agent, **members):
    return daemon.request("POST", path, {"Authorization": basic(agent["agentId"], agent["clientSecret"]), "Content-Type": "application/x-www-form-urlencoded"},
                          urllib.parse.urlencode(members))


def token_of(daemon, agent):
    answer = daemon.token(agent["agentId"], agent["clientSecret"])
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()["access_token"]


def introspected(daemon, agent, token):
    """Whether the token is active."""
    answer = form(daemon, "/api/v1/token/introspect", agent, token=token)
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()["active"]


def revoke(daemon, agent, token):
    answer = form(daemon, "/api/v1/token/revoke", agent, token=token)
    assert answer.status == 200, (answer.status, answer.body)
