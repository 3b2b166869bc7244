"""Keys that variables name: with nothing but the environment set, what signs, what follows a change, and what a start refuses."""
import json
import pathlib
import signal
import subprocess
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from daemon import Daemon, build_dir
from jwks import Verifier, check, header_of, pack, served, thumbprint

PEM = serialization.Encoding.PEM
PKCS1, PKCS8 = serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8


def new_rsa(bits=2048):
    return rsa.generate_private_key(65537, bits)


def pem(key, form=PKCS8):
    return key.private_bytes(PEM, form, serialization.NoEncryption()).decode()


def public_pem(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(PEM, form).decode()


def public_jwk(key):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": pack(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")), "e": "AQAB"}


def private_jwk(key):
    def word(value):
        return pack(value.to_bytes((value.bit_length() + 7) // 8, "big"))
    numbers = key.private_numbers()
    return dict(public_jwk(key), d=word(numbers.d), p=word(numbers.p), q=word(numbers.q), dp=word(numbers.dmp1), dq=word(numbers.dmq1),
                qi=word(numbers.iqmp))


def generated(*options):
    out = subprocess.run([str(build_dir() / "bin/agentidp"), "keys", "generate", "--jwk", "--json", *options], capture_output=True, text=True,
                         timeout=60)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)["privateJwk"]


def token_of(daemon, agent):
    answer = daemon.token(agent["agentId"], agent["clientSecret"])
    assert answer.status == 200, answer.body
    return answer.json()["access_token"]


def is_active(daemon, agent, token):
    return daemon.request("POST", "/api/v1/token/introspect", {"Authorization": agent["basic"], "Content-Type":
                                                               "application/x-www-form-urlencoded"}, "token=" + token).json()["active"]


def restart(daemon, **env):
    assert daemon.stop() == 0
    for name, value in env.items():
        daemon.env.pop(name, None)
        if value is not None:
            daemon.env[name] = value
    daemon.start()


def until(true, what):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come in 20 s"
        time.sleep(0.05)


def until_signs(daemon, agent, kid, verifier):
    deadline = time.monotonic() + 20
    while True:
        token = token_of(daemon, agent)
        verifier.verify(token)
        if header_of(token)["kid"] == kid:
            return token
        assert time.monotonic() < deadline, f"{kid} does not sign after 20 s"
        time.sleep(0.05)


def life():
    """A pin from the first start on, changed, taken back, removed."""
    first, second = new_rsa(), new_rsa()
    one, two = thumbprint(public_jwk(first)), thumbprint(public_jwk(second))
    with Daemon(env={"JWT_PRIVATE_KEY": pem(first, PKCS1).replace("\n", "\\n"), "JWT_PUBLIC_KEY": public_pem(first).replace("\n", "\\n"),
                     "AGENTIDP_ISSUER": "https://id.example", "JWKS_CACHE_TTL_SECONDS": "2", "ENCRYPTION_KEY_VAULT_PATH": "secret/data/agentidp"}) as daemon:
        keys = served(daemon)
        assert [list(key) for key in keys] == [["kty", "n", "e", "kid", "alg", "use"]], keys
        assert keys[0]["kid"] == one and keys[0]["n"] == public_jwk(first)["n"] and keys[0]["alg"] == "RS256", keys
        agent = daemon.agent("pinned", ["agents:read"])
        before = token_of(daemon, agent)
        check(keys[0], before)
        refused = daemon.cli("keys", "rotate")
        assert refused.returncode == 1 and "pinned by JWT_PRIVATE_KEY" in refused.stderr, refused
        verifier = Verifier(daemon)

        restart(daemon, JWT_PRIVATE_KEY=pem(second), JWT_PUBLIC_KEY=None)
        assert [key["kid"] for key in served(daemon)] == [one, two], "a changed pin is published, and its predecessor signs"
        until_signs(daemon, agent, two, verifier)
        assert is_active(daemon, agent, before)

        restart(daemon, JWT_PRIVATE_KEY=None)
        kids = [key["kid"] for key in served(daemon)]
        assert kids[0] == two and len(kids) == 3 and kids[2] == one, kids
        until_signs(daemon, agent, kids[1], verifier)
        assert served(daemon)[0]["alg"] == "ES256"

        restart(daemon, JWT_PRIVATE_KEY=pem(first), AGENTIDP_KEYS_PINNED_ACTIVATE="now")
        assert served(daemon)[0]["kid"] == one, "keys.pinned.activate = now"
        assert is_active(daemon, agent, before)
        listed = daemon.cli("keys", "list").stdout
        assert "pinned" in listed and one in listed, listed
        assert not any(part in line for line in daemon.lines for part in ("PRIVATE KEY", pem(first).splitlines()[3])), "a private key was logged"
        assert any("ENCRYPTION_KEY_VAULT_PATH" in line and "not read" in line for line in daemon.lines)


def reload():
    """A pin in a file changes with SIGHUP; one that cannot sign leaves everything as it was."""
    first, second = new_rsa(), new_rsa()
    with Daemon({"token.alg": "PS256", "jwks.max_age_seconds": "2"}, start=False) as daemon:
        path = daemon.folder / "key.pem"
        path.touch(0o600)
        path.write_text(pem(first))
        daemon.settings["keys.pinned"] = f"file:{path}"
        daemon.start()
        agent = daemon.agent("reload", ["agents:read"])
        verifier = Verifier(daemon)
        path.write_text(public_pem(second))
        assert "holds a public key only" in daemon.cli("check").stderr
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: any("CONFIG_RELOAD_REFUSED" in line and "keys.pinned" in line for line in daemon.lines), "the refusal")
        verifier.verify(token_of(daemon, agent))
        path.write_text(pem(second))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: len(served(daemon)) == 2, "the second key")
        until_signs(daemon, agent, thumbprint(public_jwk(second)), verifier)
        assert served(daemon)[0]["alg"] == "PS256"


def names():
    """What a key is called where the mint's variables are set."""
    named = generated("--alg", "ES256", "--kid", "mine")
    unnamed = private_jwk(new_rsa())
    for env, kid, alg in (({"MACP_AUTH_SIGNING_KEY_JSON": json.dumps(named), "MACP_AUTH_SIGNING_ALG": "ES256"}, "mine", "ES256"),
                          ({"MACP_AUTH_SIGNING_KEY_JSON": json.dumps(unnamed)}, "key-1", "RS256"),
                          ({"MACP_AUTH_ISSUER": "macp-auth-service"}, "dev-key-1", "RS256"),
                          ({"MACP_AUTH_SIGNING_ALG": "ES256"}, "dev-key-1", "ES256")):
        with Daemon(env=dict(env, JWKS_CACHE_TTL_SECONDS="2")) as daemon:
            keys = served(daemon)
            assert len(keys) == 1 and (keys[0]["kid"], keys[0]["alg"], keys[0]["use"]) == (kid, alg, "sig"), (env.keys(), keys)
            agent = daemon.agent("mint", ["agents:read"])
            check(keys[0], token_of(daemon, agent))
            if kid == "dev-key-1":
                assert daemon.cli("keys", "rotate", "--now").returncode == 0
                assert [key["kid"] for key in served(daemon)] == ["dev-key-2", "dev-key-1"]
            if kid == "key-1":
                restart(daemon, MACP_AUTH_SIGNING_KEY_JSON=json.dumps(private_jwk(new_rsa())))
                assert [key["kid"] for key in served(daemon)] == ["key-1", "key-2"]


def env_file():
    key = new_rsa()
    with Daemon(start=False) as daemon:
        path = daemon.folder / "variables"
        path.write_text(f'JWT_PRIVATE_KEY="{pem(key)}"\nJWKS_CACHE_TTL_SECONDS=2\nOIDC_FORCE_KEY_ROTATION=false\n')
        plain = daemon.command()
        daemon.command = lambda: plain[:1] + ["--env-file", str(path)] + plain[1:]
        daemon.start()
        assert served(daemon)[0]["kid"] == thumbprint(public_jwk(key))
        assert daemon.request("GET", "/.well-known/jwks.json").header("Cache-Control") == "public, max-age=2"


def refusals():
    good, other = new_rsa(), new_rsa()
    curve = ec.generate_private_key(ec.SECP256R1())
    jwk = generated("--alg", "ES256")
    short = new_rsa(1024)
    mint = "MACP_AUTH_SIGNING_KEY_JSON"
    cases = [("a short key", {"JWT_PRIVATE_KEY": pem(short)}, ["JWT_PRIVATE_KEY", "2048"]),
             ("no key", {"JWT_PRIVATE_KEY": "hello"}, ["JWT_PRIVATE_KEY"]),
             ("a public key", {"JWT_PRIVATE_KEY": public_pem(good)}, ["JWT_PRIVATE_KEY", "public key only"]),
             ("another type", {"JWT_PRIVATE_KEY": pem(curve)}, ["JWT_PRIVATE_KEY", "EC", "RS256"]),
             ("another's public half", {"JWT_PRIVATE_KEY": pem(good), "JWT_PUBLIC_KEY": public_pem(other)}, ["JWT_PUBLIC_KEY", "JWT_PRIVATE_KEY"]),
             ("a public half alone", {"JWT_PUBLIC_KEY": public_pem(good)}, ["JWT_PUBLIC_KEY", "keys.pinned"]),
             ("a public JWK", {mint: json.dumps(public_jwk(good))}, [mint, "public only"]),
             ("a short JWK", {mint: json.dumps(private_jwk(short))}, [mint, "2048"]),
             ("a symmetric JWK", {mint: '{"kty":"oct","k":"aGVsbG8"}'}, [mint]),
             ("not JSON", {mint: "{"}, [mint]),
             ("EC for RS256", {mint: json.dumps(jwk)}, [mint, "MACP_AUTH_SIGNING_ALG", "RS256"]),
             ("RSA for ES256", {mint: json.dumps(private_jwk(good)), "MACP_AUTH_SIGNING_ALG": "ES256"}, [mint, "MACP_AUTH_SIGNING_ALG", "ES256"]),
             ("an algorithm the mint has not", {"MACP_AUTH_SIGNING_ALG": "HS256"}, ["MACP_AUTH_SIGNING_ALG"]),
             ("two pins", {"JWT_PRIVATE_KEY": pem(good), mint: json.dumps(jwk)}, ["JWT_PRIVATE_KEY", mint])]
    with Daemon(start=False) as daemon:
        for name, env, words in cases:
            result = subprocess.run(daemon.command(), capture_output=True, text=True, env=dict(daemon.env, **env), cwd=daemon.folder, timeout=60)
            lines = [line for line in result.stderr.splitlines() if line.startswith("agentidpd: ")]
            assert result.returncode == 2 and len(lines) == 1, f"{name}: exit {result.returncode}: {result.stderr[-400:]}"
            assert all(word in lines[0] for word in words), f"{name}: {lines[0]} lacks one of {words}"
            assert not pathlib.Path(daemon.data).exists(), f"{name}: the data directory was touched"
    return len(cases)


def run():
    life()
    reload()
    names()
    env_file()
    return f"pinned_keys: refused={refusals()} wrong=0"
