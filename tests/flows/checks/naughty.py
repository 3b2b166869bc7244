"""Every string field of openapi.json takes or refuses every naughty string, and never breaks."""
import json
import os
import pathlib

from daemon import ROOT, Daemon

covers = [36, 54, 61]
VALID = {"AgentCreate": {"email": "n-@@-x@example.test", "agentType": "worker", "version": "1", "owner": "o", "deploymentEnv": "development", "scopes": []},
         "OrganizationCreate": {"name": "n", "slug": "n-@@"}, "CredentialCreate": {}, "AgentUpdate": {}, "OrganizationUpdate": {}, "CredentialRotate": {}}


def places(schema):
    """(name, wrap) of every place a string may stand in an object of this schema."""
    for name, member in schema.get("properties", {}).items():
        kind = member.get("type")
        if kind == "string":
            yield name, lambda text: text
        elif kind == "array" and member.get("items", {}).get("type") == "string":
            yield name, lambda text: [text]
        elif kind == "object":
            yield name, lambda text: {"x_note": text}
            yield name, lambda text: {text: "value"}


def run():
    folder = pathlib.Path(os.environ.get("AGENTIDP_VECTORS", ROOT / ".." / "shared" / "vectors"))
    if not (folder / "naughty" / "blns.json").exists():
        print("skip naughty_strings: the vectors are not beside the checkout")
        return None
    strings = json.loads((folder / "naughty" / "blns.json").read_text())
    with Daemon({"ratelimit.client.per_minute": "1000000", "log.requests": "false"}) as daemon:
        token = daemon.admin_token()
        document = json.loads(daemon.request("GET", "/openapi.json").body)
        agent = daemon.agent("naughty", [])
        organization = daemon.json("POST", "/api/v1/organizations", {"name": "N", "slug": "naughty-n"}, token).json()
        sent = taken = 0
        for path, item in document["paths"].items():
            for method, operation in item.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if not content:
                    continue
                schema_name = content["schema"]["$ref"].rsplit("/", 1)[1]
                schema = document["components"]["schemas"][schema_name]
                target = path.replace("{credentialId}", agent["credentialId"])
                target = target.replace("{id}", organization["organizationId"] if "/organizations/" in path else agent["agentId"])
                for name, wrap in places(schema):
                    for number, text in enumerate(strings):
                        body = json.loads(json.dumps(VALID[schema_name]).replace("@@", str(sent), 1))
                        body[name] = wrap(text)
                        answer = daemon.json(method.upper(), target, body, token)
                        sent += 1
                        if answer.status in (200, 201):
                            taken += 1
                            stored = answer.json().get(name)
                            if stored is not None and stored != wrap(text) and name not in ("expiresAt", "status", "scopes", "capabilities"):
                                raise AssertionError(f"{schema_name}.{name} did not round-trip string {number}")
                        elif answer.status not in (400, 403, 404, 409):
                            raise AssertionError(f"{schema_name}.{name}, string {number}: {answer.status} {answer.body[:200]}")
                        elif "code" not in answer.json():
                            raise AssertionError(f"{schema_name}.{name}, string {number}: a refusal without a code")
        assert daemon.request("GET", "/readyz").status == 200
        assert not any('"level":"error"' in line for line in daemon.lines), "an error was logged"
    return f"naughty_strings: sent={sent} taken={taken} broken=0"
