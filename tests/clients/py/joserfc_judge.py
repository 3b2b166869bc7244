"""joserfc: a KeySet of our JWKS, kept, and fetched again only for a kid it does not hold."""
import json
import urllib.request

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from judge import ALG, CLIENT_ID, ISSUER, discovered, judge_by_hand

uri = discovered()["jwks_uri"]
kept = {}
claims_wanted = jwt.JWTClaimsRegistry(iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": ISSUER},
                                      sub={"essential": True, "value": CLIENT_ID}, exp={"essential": True}, jti={"essential": True})


def kid_of(token):
    return jws.extract_compact(token.encode()).headers()["kid"]


def key_set(kid):
    if "keys" not in kept or kid not in {key.kid for key in kept["keys"].keys}:
        with urllib.request.urlopen(uri, timeout=10) as answer:
            kept["keys"] = KeySet.import_key_set(json.load(answer))
    return kept["keys"]


def verify(token):
    decoded = jwt.decode(token, key_set(kid_of(token)), algorithms=[ALG])
    assert decoded.header["typ"] == "at+jwt", decoded.header
    claims_wanted.validate(decoded.claims)
    return decoded.claims


judge_by_hand(verify, BadSignatureError, kid_of)
