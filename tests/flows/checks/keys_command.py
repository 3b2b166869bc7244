"""`agentidp keys` with a running daemon and without one: what it says, what it costs, and that looking changes nothing."""
import json
import time

from checks.refusals import digest
from daemon import Daemon
from jwks import header_of, served


def states(daemon):
    return sorted(key["state"] for key in json.loads(daemon.said("keys", "list", "--json"))["keys"])


def run():
    with Daemon({"jwks.max_age_seconds": "2"}) as daemon:
        agent = daemon.agent("keys", ["agents:read"])
        old = daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"]
        first = header_of(old)["kid"]
        daemon.said("keys", "list", says="STATE")
        daemon.said("keys", "list", says="signs now")

        text = daemon.said("keys", "rotate")
        second = text.split()[1]
        assert "It signs from" in text and states(daemon) == ["active", "published"], text
        assert daemon.said("keys", "rotate").split()[1] == second, "asked twice, one key"
        text = daemon.said("keys", "rotate", "--now")
        assert text.split()[1] == second and "What that costs" in text and "2 s" in text, text
        assert [key["kid"] for key in served(daemon)] == [second, first]

        daemon.said("keys", "retire", second, code=1, says="rotate first")
        daemon.said("keys", "retire", "nobody", code=1, says="no signing key")
        text = daemon.said("keys", "retire", first, "--compromised")
        assert "What that costs" in text, text
        introspected = daemon.request("POST", "/api/v1/token/introspect", {"Authorization": agent["basic"], "Content-Type":
                                                                           "application/x-www-form-urlencoded"}, "token=" + old)
        assert introspected.json() == {"active": False}, introspected.body
        assert daemon.json("GET", f"/api/v1/agents/{agent['agentId']}", token=old).status == 401
        assert [key["kid"] for key in served(daemon)] == [second]
        text = daemon.said("keys", "retire", second, "--compromised")
        assert len(served(daemon)) == 1 and served(daemon)[0]["kid"] not in (first, second)
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200
        daemon.stop()

        before = digest(daemon.data)
        listing = daemon.said("keys", "list")
        assert digest(daemon.data) == before, "keys list changed the data directory"
        assert daemon.said("keys", "list") == listing
        third = daemon.said("keys", "rotate", "--now").split()[1]
        text = daemon.said("keys", "rotate")
        assert "It signs from" in text, text
        daemon.said("keys", "retire", "nobody", code=1, says="no signing key")
        assert daemon.said("keys", "retire", third, "--compromised").startswith("key " + third)
        daemon.start()
        assert served(daemon)[0]["kid"] == text.split()[1], "what waited took over from the compromised key"

        # Every start of every replica asks for it; one key a max-age is made.
        daemon.stop()
        daemon.env["OIDC_FORCE_KEY_ROTATION"] = "true"
        time.sleep(3)
        count = len(json.loads(daemon.said("keys", "list", "--json"))["keys"])
        daemon.start()
        assert states(daemon).count("published") == 1, states(daemon)
        daemon.stop()
        # However long a start takes here, it is within the max-age of the one before.
        daemon.settings["jwks.max_age_seconds"] = "3600"
        daemon.start()
        assert len(json.loads(daemon.said("keys", "list", "--json"))["keys"]) == count + 1
        events = daemon.json("GET", "/api/v1/audit?action=key.published&limit=100", token=daemon.admin_token()).json()["data"]
        assert any(event["metadata"].get("activatesAt") for event in events), events
    with Daemon(start=False) as empty:
        empty.said("keys", "rotate", code=1, says="agentidp init")
        assert not empty.data.exists()
    return "keys_command: wrong=0"
