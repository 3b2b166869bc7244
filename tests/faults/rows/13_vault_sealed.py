"""Vault (a real OpenBao) sealed, killed, without its policy, and with leases that end, under a daemon whose keys are in it."""
import signal
import time

from daemon import Daemon
from openbao import Missing, OpenBao

ROW = 13
DID = ("keys in transit with a login by AppRole; sealed the server, killed it with SIGKILL, took the policy away, and gave tokens of three seconds "
       "that may live for six")
EXPECTED = ("tokens go on from memory until max_offline (here 8 s), then 503 and not ready, and come back without a restart; no start without Vault; "
            "what needs Vault says what is wrong; the login is renewed, and repeated where it cannot be")

OFFLINE = 8
RULES = """
path "secret/data/agentidp/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/agentidp/*" { capabilities = ["read", "list"] }
path "secret/destroy/agentidp/*" { capabilities = ["update"] }
path "transit/keys/agentidp" { capabilities = ["create", "read", "update"] }
path "transit/+/agentidp" { capabilities = ["update"] }
"""


def eventually(what, within, done):
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < within, f"not within {within} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


def role_of(server):
    server.api("PUT", "sys/policies/acl/agentidp", {"policy": RULES})
    server.api("POST", "auth/approle/role/agentidp", {"token_policies": "agentidp", "token_ttl": "3s", "token_max_ttl": "6s"})
    return (server.api("GET", "auth/approle/role/agentidp/role-id")["data"]["role_id"],
            server.api("POST", "auth/approle/role/agentidp/secret-id", {})["data"]["secret_id"])


class Watched:
    """A daemon and one agent of it."""

    def __init__(self, daemon):
        self.daemon, self.agent = daemon, daemon.agent("watched", ["agents:read"])

    def status(self):
        return self.daemon.token(self.agent["agentId"], self.agent["clientSecret"]).status

    def ready(self):
        return self.daemon.request("GET", "/readyz").status

    def rotate(self):
        """What `keys rotate --now` says."""
        said = self.daemon.cli("keys", "rotate", "--now")
        return said.returncode, said.stdout + said.stderr


def away(watched, began, back):
    """Seconds since `began` for which tokens went on, and seconds until they were there again after `back`."""
    assert watched.status() == 200, "a key in memory must go on"
    eventually("503 past max_offline", OFFLINE + 15, lambda: watched.status() == 503)
    lasted = time.monotonic() - began
    # The backend is looked at each 5 s.
    assert OFFLINE - 6 < lasted < OFFLINE + 15, lasted
    assert watched.ready() == 503
    back()
    returned = eventually("tokens again", 20, lambda: watched.status() == 200)
    eventually("ready again", 10, lambda: watched.ready() == 200)
    return lasted, returned


def run():
    try:
        server = OpenBao()
    except Missing as missing:
        return f"skip: {missing}"
    with server:
        role, secret = role_of(server)
        settings = {"keys.plugin": "vault", "plugins.keys-vault.address": server.address, "plugins.keys-vault.auth": "approle",
                    "plugins.keys-vault.role_id": "env:ROLE_ID", "plugins.keys-vault.secret_id": "env:SECRET_ID",
                    "plugins.keys-vault.engine": "transit", "backends.max_offline_seconds": str(OFFLINE), "jwks.max_age_seconds": "0",
                    "start.wait_seconds": "5", "ratelimit.client.per_minute": "1000000000", "quota.mode": "off"}
        with Daemon(settings, env={"ROLE_ID": role, "SECRET_ID": secret}) as daemon:
            watched = Watched(daemon)
            # Longer than any token may live.
            until, rotations = time.monotonic() + 9, 0
            while time.monotonic() < until:
                code, said = watched.rotate()
                assert code == 0, said
                rotations += 1
            began = time.monotonic()
            server.seal()
            code, said = watched.rotate()
            assert code != 0 and "is sealed" in said, said
            sealed, unsealed = away(watched, began, server.unseal)

            began = time.monotonic()
            server.stop(signal.SIGKILL)
            killed, restarted = away(watched, began, lambda: (server.start(), server.unseal()))

            server.api("PUT", "sys/policies/acl/agentidp", {"policy": 'path "none" { capabilities = ["read"] }'})
            code, said = watched.rotate()
            assert code != 0 and "policy" in said, said
            assert watched.status() == 200
            server.api("PUT", "sys/policies/acl/agentidp", {"policy": RULES})
            assert watched.rotate()[0] == 0
            daemon.stop()
            server.seal()
            try:
                daemon.start()
                raise AssertionError("it started while Vault was sealed")
            except RuntimeError as refused:
                assert "is sealed" in str(refused), refused
    return (f"sealed: tokens for {sealed:.1f} s, back {unsealed:.1f} s after unsealing; killed: {killed:.1f} s, back {restarted:.1f} s after the restart; "
            f"403 said policy, tokens went on; {rotations} rotations over the end of every lease; no start while sealed")
