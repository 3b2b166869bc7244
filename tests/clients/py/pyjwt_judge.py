"""PyJWT: PyJWKClient with its caches, and decode with every claim required."""
import jwt
from judge import ALG, ISSUER, discovered, judge_by_hand

keys = jwt.PyJWKClient(discovered()["jwks_uri"], cache_keys=True, cache_jwk_set=True, cooldown_duration=0)


def verify(token):
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt" and header["alg"] == ALG, header
    return jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=[ALG], audience=ISSUER, issuer=ISSUER,
                      options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})


judge_by_hand(verify, jwt.InvalidSignatureError, lambda token: jwt.get_unverified_header(token)["kid"])
