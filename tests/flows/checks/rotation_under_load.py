"""Clients get tokens all the time while keys rotate; verifiers that cache the JWKS for its max-age, and fetch it again only then,
never meet a kid they do not know. The rotations are ordinary ones: what `--now` costs such a verifier is what the command says."""
import collections
import threading
import time

from cryptography.exceptions import InvalidSignature
from daemon import Daemon
from jwks import UnknownKid, Verifier, header_of, served

ROTATIONS = 3
CLIENTS = 4
LIFETIME = 4
SETTINGS = {"jwks.max_age_seconds": "2", "keys.grace_seconds": str(LIFETIME), "token.access.lifetime_seconds": str(LIFETIME),
            "token.access.max_lifetime_seconds": str(LIFETIME), "ratelimit.client.per_minute": "1000000", "quota.mode": "off",
            "log.requests": "false"}


class Client(threading.Thread):
    def __init__(self, daemon, agent, stop):
        super().__init__(daemon=True)
        self.server, self.agent, self.stop = daemon, agent, stop
        self.verified = self.failed = self.unknown = 0
        self.kids, self.told = set(), ""

    def judge(self, verifier, token):
        try:
            verifier.verify(token)
            self.verified += 1
        except UnknownKid as kid:
            self.unknown += 1
            self.told = f"unknown kid {kid}"
        except InvalidSignature:
            self.failed += 1
            self.told = f"a signature of {header_of(token)['kid']} does not verify"

    def run(self):
        verifier, kept = Verifier(self.server), collections.deque()
        while not self.stop.is_set():
            asked = time.monotonic()
            try:
                answer = self.server.token(self.agent["agentId"], self.agent["clientSecret"])
            except OSError as error:
                self.failed, self.told = self.failed + 1, str(error)
                continue
            if answer.status != 200:
                self.failed, self.told = self.failed + 1, f"{answer.status} {answer.body[:200]}"
                continue
            token = answer.json()["access_token"]
            self.kids.add(header_of(token)["kid"])
            self.judge(verifier, token)
            # And again near its end: the key it needs must still be served then.
            kept.append((asked, token))
            while kept and kept[0][0] + LIFETIME - 1 <= time.monotonic():
                issued, old = kept.popleft()
                if time.monotonic() < issued + LIFETIME - 0.2:  # a machine that slept longer has nothing to prove with it
                    self.judge(verifier, old)


def run():
    with Daemon(SETTINGS) as daemon:
        stop = threading.Event()
        clients = [Client(daemon, daemon.agent(f"load{number}", ["agents:read"]), stop) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for _ in range(ROTATIONS):
                said = daemon.cli("keys", "rotate")
                assert said.returncode == 0 and "It signs from" in said.stdout, said.stdout + said.stderr
                kid = said.stdout.split()[1]
                deadline = time.monotonic() + 30
                while served(daemon)[0]["kid"] != kid:
                    assert time.monotonic() < deadline, f"{kid} does not sign after 30 s"
                    time.sleep(0.1)
                time.sleep(1)
            time.sleep(LIFETIME)
        finally:
            stop.set()
            for client in clients:
                client.join(30)
        verified = sum(client.verified for client in clients)
        failed = sum(client.failed for client in clients)
        unknown = sum(client.unknown for client in clients)
        kids = set().union(*(client.kids for client in clients))
        told = "; ".join(sorted({client.told for client in clients if client.told}))
        line = f"rotation_under_load: verified={verified} failed={failed} unknown_kid={unknown} rotations={ROTATIONS}"
        assert failed == 0 and unknown == 0, f"{line}: {told}"
        assert len(kids) == ROTATIONS + 1, f"{line}: tokens of {len(kids)} keys were seen"
        assert verified > 200, f"{line}: too few to mean anything"
        return line
