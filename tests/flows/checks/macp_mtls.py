"""The mint behind client certificates: who has one of our authority mints under its name, all others are refused."""
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile
import time

from daemon import Daemon


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
            "-subj", f"/CN={name}", folder=folder)


def leaf(folder, ca, name, names, use):
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage={use}\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
            f"/O=Example/CN={name}", folder=folder)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.pem",
            "-extfile", f"{name}.ext", folder=folder)


def ask(daemon, folder, method, path, name=None, body=None):
    context = ssl.create_default_context(cafile=str(folder / "ours.pem"))
    if name:
        context.load_cert_chain(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
    connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=20, context=context)
    try:
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def run():
    with tempfile.TemporaryDirectory(prefix="agentidp-mtls-") as name:
        folder = pathlib.Path(name)
        authority(folder, "ours")
        authority(folder, "theirs")
        leaf(folder, "ours", "server", "IP:127.0.0.1", "serverAuth")
        leaf(folder, "ours", "runtime", "DNS:runtime.example,URI:spiffe://example/runtime", "clientAuth")
        leaf(folder, "theirs", "stranger", "DNS:stranger.example", "clientAuth")
        (folder / "server.key").chmod(0o600)
        settings = {"macp.mint.enabled": "true", "macp.mint.auth": "mtls", "server.tls.cert": str(folder / "server.pem"),
                    "server.tls.key": f"file:{folder / 'server.key'}", "server.tls.client_ca": str(folder / "ours.pem"),
                    "server.tls.client_auth": "optional", "server.trusted_proxies": "192.0.2.1/32"}
        with Daemon(settings) as daemon:
            status, text = ask(daemon, folder, "POST", "/tokens", body='{"sender":"a"}')
            assert (status, text) == (401, '{"error":"unauthorized"}'), f"without a certificate: {status} {text}"
            status, text = ask(daemon, folder, "GET", "/healthz")
            assert (status, text) == (200, '{"ok":true}'), f"healthz: {status} {text}"
            status, text = ask(daemon, folder, "POST", "/tokens", "runtime", '{"sender":"a"}')
            assert status == 200 and json.loads(text)["sender"] == "a", f"with our certificate: {status} {text}"
            try:
                status, text = ask(daemon, folder, "POST", "/tokens", "stranger", '{"sender":"a"}')
                raise AssertionError(f"a stranger's certificate: {status} {text}")
            except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
                pass
            deadline = time.monotonic() + 10
            database = daemon.data / "admin.json"
            admin = json.loads(database.read_text())
            form = f"grant_type=client_credentials&client_id={admin['clientId']}&client_secret={admin['clientSecret']}"
            context = ssl.create_default_context(cafile=str(folder / "ours.pem"))
            while True:
                connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=20, context=context)
                connection.request("POST", "/api/v1/token", body=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
                token = json.loads(connection.getresponse().read())["access_token"]
                connection.request("GET", "/api/v1/audit?action=token.minted", headers={"Authorization": "Bearer " + token})
                events = json.loads(connection.getresponse().read())["data"]
                connection.close()
                if events or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            assert events and events[0]["metadata"]["auth"] == "mtls", f"the ledger: {events}"
            assert events[0].get("actor", "cert:spiffe://example/runtime") == "cert:spiffe://example/runtime", f"the actor: {events[0]}"
    return "macp_mtls: cases=4 wrong=0"
