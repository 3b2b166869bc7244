"""The mint with a key of its owner's: MACP_AUTH_SIGNING_KEY_JSON signs under its own kid, is published, and is what production mode asks for."""
import base64
import json

from daemon import Daemon


def decoded(token, part):
    segment = token.split(".")[part]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def run():
    with Daemon(start=False) as maker:
        made = json.loads(maker.cli("keys", "generate", "--jwk", "--json").stdout)["privateJwk"]
    key = dict(made, kid="the-owners-own")
    env = {"MACP_AUTH_SIGNING_KEY_JSON": json.dumps(key), "MACP_AUTH_SIGNING_ALG": made.get("alg", "ES256"), "NODE_ENV": "production"}
    settings = {"issuer": "https://id.example", "server.trusted_proxies": "127.0.0.1/32", "macp.mint.allow_unauthenticated": "true"}
    with Daemon(settings, env) as daemon:
        answer = daemon.json("POST", "/tokens", {"sender": "agent-1"})
        assert answer.status == 200, answer.body
        header = decoded(answer.json()["token"], 0)
        assert header == {"alg": env["MACP_AUTH_SIGNING_ALG"], "kid": "the-owners-own"}, header
        first = daemon.json("GET", "/.well-known/jwks.json").json()["keys"][0]
        assert first["kid"] == "the-owners-own" and "d" not in first, first
        told = [json.loads(line)["fields"] for line in daemon.lines if '"MINT_LISTENING"' in line]
        assert told and told[0]["keySource"] == "env" and told[0]["kid"] == "the-owners-own", told
        assert not any(made["d"] in line for line in daemon.lines), "the log holds the private key"
    return "macp_pinned: cases=4 wrong=0"
