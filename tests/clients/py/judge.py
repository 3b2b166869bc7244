"""What every judge in Python shares: who it is, how it says what it has shown, and how it asks for a new signing key."""
import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request

ISSUER = os.environ["JUDGE_ISSUER"]
CLIENT_ID = os.environ["JUDGE_CLIENT_ID"]
CLIENT_SECRET = os.environ["JUDGE_CLIENT_SECRET"]
ALG = os.environ["JUDGE_ALG"]
SCOPE = os.environ["JUDGE_SCOPE"]


def shown(step):
    print(step, flush=True)


def rotated():
    """Returns when the runner has made the daemon sign with a new key."""
    print("please rotate", flush=True)
    assert input() == "rotated", "the runner went away"


def refused(what, errors, call):
    """`call` must end with one of `errors`: a refusal for another reason is no success."""
    try:
        answer = call()
    except errors as error:
        return error
    raise AssertionError(f"{what} was accepted: {answer}")


def with_other_signature(token):
    """One character inside the signature: the last one would do nothing, since its low bits are no part of the value."""
    at = token.rindex(".") + 10
    return token[:at] + ("B" if token[at] == "A" else "A") + token[at + 1:]


def with_other_claims(token):
    """The same signature over other claims."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["scope"] = "admin:orgs"
    return ".".join([header, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), signature])


def check_claims(claims):
    assert claims["iss"] == ISSUER and claims["sub"] == CLIENT_ID and claims["client_id"] == CLIENT_ID, claims
    assert claims["scope"] == SCOPE and claims["jti"] and claims["exp"] > claims["iat"], claims


def discovered():
    with urllib.request.urlopen(ISSUER + "/.well-known/oauth-authorization-server", timeout=10) as answer:
        metadata = json.load(answer)
    assert metadata["issuer"] == ISSUER, metadata
    return metadata


def ask(url, form, secret=CLIENT_SECRET, post=False):
    """(status, JSON) of a form sent with client_secret_basic, or with client_secret_post."""
    headers = {}
    if post:
        form = dict(form, client_id=CLIENT_ID, client_secret=secret)
    else:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def judge_by_hand(verify, errors, kid_of):
    """The whole round for a library that only verifies: `verify(token)` answers claims or raises one of `errors`."""
    metadata = discovered()
    shown("discovery")
    grant = {"grant_type": "client_credentials", "scope": SCOPE}
    status, answer = ask(metadata["token_endpoint"], grant)
    assert status == 200, answer
    token = answer["access_token"]
    shown("basic")
    status, answer = ask(metadata["token_endpoint"], grant, post=True)
    assert status == 200, answer
    shown("post")
    check_claims(verify(token))
    check_claims(verify(answer["access_token"]))
    shown("verified")
    for changed in (with_other_signature(token), with_other_claims(token)):
        refused("a changed token", errors, lambda changed=changed: verify(changed))
        assert ask(metadata["introspection_endpoint"], {"token": changed}) == (200, {"active": False})
    shown("tampered")
    status, alive = ask(metadata["introspection_endpoint"], {"token": token})
    assert status == 200 and alive["active"] is True, alive
    check_claims(alive)
    shown("introspected")
    assert ask(metadata["revocation_endpoint"], {"token": token})[0] == 200
    shown("revoked")
    assert ask(metadata["introspection_endpoint"], {"token": token}) == (200, {"active": False})
    shown("inactive")
    for post in (False, True):
        status, answer = ask(metadata["token_endpoint"], grant, secret=CLIENT_SECRET + "x", post=post)
        assert status == 401 and answer["error"] == "invalid_client", answer
    shown("wrong-secret")
    before = kid_of(token)
    rotated()
    later = ask(metadata["token_endpoint"], grant)[1]["access_token"]
    assert kid_of(later) != before, "the key did not change"
    check_claims(verify(later))
    check_claims(verify(token))
    shown("new-key")
