#!/usr/bin/env python3
"""Verifies an access token against a JWKS with nothing of AgentIdP: Python's standard library and the openssl command.

    verify_token.py JWKS_FILE < token      prints the claims, exit 0; or says what is wrong, exit 1
"""
import base64
import json
import pathlib
import subprocess
import sys
import tempfile


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + body


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def public_key(jwk):
    """SubjectPublicKeyInfo of a JWK (RFC 7518 section 6, RFC 8037 section 2)."""
    if jwk["kty"] == "EC" and jwk["crv"] == "P-256":
        algorithm = der(0x30, bytes.fromhex("06072a8648ce3d0201" "06082a8648ce3d030107"))
        return der(0x30, algorithm + der(0x03, b"\0\4" + unbase64url(jwk["x"]) + unbase64url(jwk["y"])))
    if jwk["kty"] == "RSA":
        numbers = [integer(int.from_bytes(unbase64url(jwk[name]), "big")) for name in ("n", "e")]
        return der(0x30, der(0x30, bytes.fromhex("06092a864886f70d010101" "0500")) + der(0x03, b"\0" + der(0x30, b"".join(numbers))))
    if jwk["kty"] == "OKP" and jwk["crv"] == "Ed25519":
        return der(0x30, der(0x30, bytes.fromhex("06032b6570")) + der(0x03, b"\0" + unbase64url(jwk["x"])))
    raise ValueError("no key type I know: " + jwk["kty"])


def main():
    keys = json.loads(pathlib.Path(sys.argv[1]).read_text())["keys"]
    head, claims, signature = sys.stdin.read().strip().split(".")
    header = json.loads(unbase64url(head))
    jwk = next((key for key in keys if key["kid"] == header["kid"]), None)
    if jwk is None:
        sys.exit("the key %s is not in the JWKS" % header["kid"])
    signed, raw = (head + "." + claims).encode(), unbase64url(signature)
    digest = ["-sha256"]
    if header["alg"] == "ES256":
        raw = der(0x30, integer(int.from_bytes(raw[:32], "big")) + integer(int.from_bytes(raw[32:], "big")))
    elif header["alg"] == "PS256":
        digest += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "key.der").write_bytes(public_key(jwk))
        (place / "signature").write_bytes(raw)
        (place / "signed").write_bytes(signed)
        if header["alg"] == "EdDSA":
            command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER", "-rawin", "-in", "signed", "-sigfile", "signature"]
        else:
            command = ["openssl", "dgst", *digest, "-verify", "key.der", "-keyform", "DER", "-signature", "signature", "signed"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit("the signature does not verify: " + (result.stdout + result.stderr).strip())
    print(json.dumps(json.loads(unbase64url(claims)), indent=2))


if __name__ == "__main__":
    main()
