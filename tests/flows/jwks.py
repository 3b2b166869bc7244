"""A verifier as its users write one: python `cryptography`, and a JWKS kept for exactly as long as its max-age says."""
import base64
import hashlib
import json
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


def unpack(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pack(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text):
    return int.from_bytes(unpack(text), "big")


def thumbprint(jwk):
    """RFC 7638."""
    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[jwk["kty"]]
    return pack(hashlib.sha256(json.dumps({name: jwk[name] for name in names}, separators=(",", ":")).encode()).digest())


def header_of(token):
    return json.loads(unpack(token.split(".")[0]))


def payload_of(token):
    return json.loads(unpack(token.split(".")[1]))


def check(jwk, token):
    """Raises InvalidSignature unless `token` is signed by this key, with the algorithm the JWK names."""
    signed, _, signature = token.rpartition(".")
    signature, data, alg = unpack(signature), signed.encode(), header_of(token)["alg"]
    if alg != jwk["alg"]:
        raise InvalidSignature
    if alg == "ES256":
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        key.verify(der, data, ec.ECDSA(hashes.SHA256()))
    elif alg == "EdDSA":
        ed25519.Ed25519PublicKey.from_public_bytes(unpack(jwk["x"])).verify(signature, data)
    else:
        key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
        key.verify(signature, data, padding.PKCS1v15() if alg == "RS256" else pss, hashes.SHA256())


def served(daemon):
    answer = daemon.request("GET", "/.well-known/jwks.json")
    assert answer.status == 200, answer.body
    return answer.json()["keys"]


class UnknownKid(Exception):
    pass


class Verifier:
    """Fetches the JWKS when its copy has run out, and at no other time. One thread."""

    def __init__(self, daemon):
        self.daemon, self.keys, self.until, self.fetches = daemon, {}, 0.0, 0

    def verify(self, token):
        if time.monotonic() >= self.until:
            asked = time.monotonic()  # RFC 9111 section 4.2.3: an answer's age counts from the request
            answer = self.daemon.request("GET", "/.well-known/jwks.json")
            self.keys = {key["kid"]: key for key in answer.json()["keys"]}
            self.until = asked + int(re.search(r"max-age=(\d+)", answer.header("Cache-Control")).group(1))
            self.fetches += 1
        kid = header_of(token)["kid"]
        if kid not in self.keys:
            raise UnknownKid(kid)
        check(self.keys[kid], token)
