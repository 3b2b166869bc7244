"""The AWS API of moto on a free port, which it prints, with what moto leaves out and the plugin depends on:

- every request's signature (version 4) is checked by botocore's own signer, and refused as AWS would;
- MessageType DIGEST signs the digest itself (moto hashes it again), and PSS has a salt as long as its hash, as KMS documents;
- keys that are disabled or about to be deleted do not sign, encrypt or show their public half;
- names in a file that the test writes (argument 1) are answered by scripted failures: a JSON object {"operation or *": {"times": n, "status": 400,
  "type": "ThrottlingException", "message": "...", "date": "..."}}; `times` below 0 is for ever.

    python serve.py SCRIPT ACCESS_KEY_ID=SECRET ...
"""
import io
import json
import os
import sys
import threading

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.core.exceptions import JsonRESTError
from moto.kms import models
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

SCRIPT = sys.argv[1]
SECRETS = dict(word.split("=", 1) for word in sys.argv[2:])
asked = {"total": 0}
lock = threading.Lock()


def usable(key):
    if key.key_state == "PendingDeletion" or getattr(key, "deletion_date", None):
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if not key.enabled:
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")


def sign(self, key_id, message, signing_algorithm):
    key = self.describe_key(key_id)
    usable(key)
    prehashed = utils.Prehashed(hashes.SHA256())
    private = key.private_key.private_key
    if signing_algorithm == "ECDSA_SHA_256":
        signature = private.sign(message, ec.ECDSA(prehashed))
    elif signing_algorithm == "RSASSA_PKCS1_V1_5_SHA_256":
        signature = private.sign(message, padding.PKCS1v15(), prehashed)
    elif signing_algorithm == "RSASSA_PSS_SHA_256":
        signature = private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), prehashed)
    else:
        raise JsonRESTError("ValidationException", signing_algorithm)
    return key.arn, signature, signing_algorithm


def guarded(name):
    inner = getattr(models.KmsBackend, name)

    def call(self, *args, **kwargs):
        usable(self.describe_key(args[0] if args else kwargs["key_id"]))
        return inner(self, *args, **kwargs)
    setattr(models.KmsBackend, name, call)


models.KmsBackend.sign = sign
for each in ("get_public_key", "generate_data_key", "encrypt"):
    if hasattr(models.KmsBackend, each):
        guarded(each)


def signed(environ, body):
    """What botocore's signer makes of this request, and what it has."""
    given = environ.get("HTTP_AUTHORIZATION", "")
    fields = dict(part.strip().split("=", 1) for part in given.partition(" ")[2].split(",")) if given else {}
    key_id, _, region, service = fields.get("Credential", "////").split("/")[:4]
    if key_id not in SECRETS:
        return None, given
    headers = {}
    for name in fields.get("SignedHeaders", "").split(";"):
        headers[name] = environ.get({"content-type": "CONTENT_TYPE", "host": "HTTP_HOST"}.get(name, "HTTP_" + name.upper().replace("-", "_")), "")
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}", data=body, headers=headers)
    token = headers.pop("x-amz-security-token", None)
    signer = SigV4Auth(Credentials(key_id, SECRETS[key_id], token), service, region)
    request.context["timestamp"] = headers.get("x-amz-date", "")
    canonical = signer.canonical_request(request)
    made = signer.signature(signer.string_to_sign(request, canonical), request)
    return (f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
            f"Signature={made}"), given


def scripted(operation):
    with lock:
        asked["total"] += 1
        asked[operation] = asked.get(operation, 0) + 1
        try:
            plans = json.loads(open(SCRIPT).read() or "{}")
        except FileNotFoundError:
            return None
        for name in (operation, "*"):
            plan = plans.get(name)
            if plan and plan["times"] != 0:
                plan["times"] -= 1
                with open(SCRIPT + ".new", "w") as out:
                    json.dump(plans, out)
                os.replace(SCRIPT + ".new", SCRIPT)
                return plan
    return None


def refuse(start, status, kind, message, date=None):
    headers = [("Content-Type", "application/x-amz-json-1.1")] + ([("Date", date)] if date else [])
    start(f"{status} Refused", headers)
    return [json.dumps({"__type": f"com.amazonaws.kms#{kind}", "message": message}).encode()]


class Judge:
    """In front of moto."""

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, environ, start):
        if environ["PATH_INFO"] == "/asked":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(asked).encode()]
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith("TrentService."):
            return self.inner(environ, start)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size)
        plan = scripted(target.split(".")[1])
        if plan:
            return refuse(start, plan.get("status", 400), plan["type"], plan.get("message", ""), plan.get("date"))
        wanted, given = signed(environ, body)
        if wanted is None:
            return refuse(start, 400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        if wanted != given:
            print(f"signature: wanted {wanted}, saw {given}", file=sys.stderr, flush=True)
            return refuse(start, 400, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
        environ["wsgi.input"] = io.BytesIO(body)
        return self.inner(environ, start)


def main():
    server = make_server("127.0.0.1", 0, Judge(DomainDispatcherApplication(create_backend_app)), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
