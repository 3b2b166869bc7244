"""AWS KMS throttles the account. The key that signs is in the process: tokens must not notice."""
import time

import moto
from daemon import Daemon
from jwks import Verifier, served

ROW = 14
DID = "KMS answered every request with ThrottlingException while tokens were asked for and a rotation was begun; then three times, then no more"
EXPECTED = "tokens go on and KMS is not asked for any; the rotation waits and is refused with a word about throttling; it succeeds over a few refusals and afterwards"

THROTTLED = {"type": "ThrottlingException", "message": "You have exceeded the rate at which you may call KMS."}


def run():
    try:
        kms = moto.Moto()
    except moto.Missing as missing:
        return f"skip: {missing}"
    with kms, Daemon({**kms.settings, "issuer": "https://id.example", "jwks.max_age_seconds": "60", "ratelimit.client.per_minute": "100000"},
                     env=kms.environment) as daemon:
        agent, verifier = daemon.agent("throttled", ["agents:read"]), Verifier(daemon)
        before = kms.asked()
        kms.script({"*": {"times": -1, **THROTTLED}})
        for _ in range(200):
            answer = daemon.token(agent["agentId"], agent["clientSecret"])
            assert answer.status == 200, answer.body
        verifier.verify(answer.json()["access_token"])
        asked = kms.asked()["total"] - before["total"]
        assert asked == 0, f"200 tokens asked KMS {asked} times"

        began = time.monotonic()
        refused = daemon.cli("keys", "rotate")
        waited = time.monotonic() - began
        assert refused.returncode != 0 and "throttle" in refused.stdout + refused.stderr, refused.stdout + refused.stderr
        tries = kms.asked()["total"] - before["total"]
        assert 2 <= tries <= 60, f"{tries} tries in {waited:.1f} s"
        assert daemon.token(agent["agentId"], agent["clientSecret"]).status == 200
        assert len(served(daemon)) == 1, "a key that was never made is served"

        kms.script({"GenerateDataKey": {"times": 3, **THROTTLED}})
        done = daemon.cli("keys", "rotate")
        assert done.returncode == 0 and len(served(daemon)) == 2, done.stdout + done.stderr
        return f"tokens=201 failed=0 kms_requests_for_tokens=0; the rotation tried {tries} times in {waited:.1f} s and was refused, and went through three refusals later"
