"""Fills a PostgreSQL database as sentryagent-idp would have: its tables (sentryagent_reference.sql), bcrypt by Debian's python3-bcrypt,
AES-256-CBC by openssl, and its chain of audit hashes."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import uuid

SCHEMA = pathlib.Path(__file__).with_name("sentryagent_reference.sql")
DEBIANS_PYTHON = "/usr/bin/python3"  # python3-bcrypt is a package of its own
COST = 10


class NoBcrypt(Exception):
    """There is no python3-bcrypt here."""


def bcrypt(secret, cost=COST):
    told = subprocess.run([DEBIANS_PYTHON, "-c", "import bcrypt, sys; sys.stdout.buffer.write(bcrypt.hashpw(sys.stdin.buffer.read(), "
                           f"bcrypt.gensalt({int(cost)})))"], input=secret.encode(), capture_output=True, timeout=60, check=False)
    if told.returncode != 0:
        raise NoBcrypt("python3-bcrypt is not installed")
    return told.stdout.decode()


def sealed(key, text, form="hex"):
    iv = os.urandom(16)
    ciphertext = subprocess.run(["openssl", "enc", "-aes-256-cbc", "-K", key.hex(), "-iv", iv.hex()], input=text.encode(), capture_output=True,
                                check=True, timeout=20).stdout
    if form == "hex":
        return iv.hex() + ":" + ciphertext.hex()
    return base64.b64encode(iv).decode() + ":" + base64.b64encode(ciphertext).decode()


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


class Reference:
    """Rows are gathered and written in one go by load()."""

    def __init__(self, key):
        self.key = key
        self.statements = []
        self.previous = "0" * 64
        self.clock = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)

    def insert(self, table, **values):
        names = ", ".join('"%s"' % name for name in values)
        self.statements.append(f"INSERT INTO {table} ({names}) VALUES ({', '.join(literal(value) for value in values.values())});")

    def organization(self, slug, **more):
        organization = str(uuid.uuid4())
        self.insert("organizations", organization_id=organization, name=slug.title(), slug=slug, **more)
        return organization

    def agent(self, name, organization=None, **more):
        agent = str(uuid.uuid4())
        row = {"agent_type": "screener", "version": "1.2.0", "capabilities": "{resume:read,email:send}", "owner": "hr", "deployment_env": "production"}
        self.insert("agents", agent_id=agent, organization_id=organization, email=f"{name}@example.test", **{**row, **more})
        return agent

    def credential(self, agent, secret=None, form=None, cost=COST, **more):
        """`form`: hex or base64 seals the hash."""
        credential = str(uuid.uuid4())
        secret = secret or "sk_live_" + os.urandom(32).hex()
        hashed = bcrypt(secret, cost)
        self.insert("credentials", credential_id=credential, client_id=agent, secret_hash=sealed(self.key, hashed, form) if form else hashed, **more)
        return {"agentId": agent, "credentialId": credential, "clientSecret": secret}

    def event(self, agent, action, organization=None, outcome="success", **metadata):
        event = str(uuid.uuid4())
        self.clock += datetime.timedelta(milliseconds=1237)
        at = self.clock.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (self.clock.microsecond // 1000)
        digest = hashlib.sha256((event + at + action + outcome + agent + (organization or "") + self.previous).encode()).hexdigest()
        self.insert("audit_events", event_id=event, agent_id=agent, organization_id=organization, action=action, outcome=outcome,
                    ip_address="192.0.2.7", user_agent="sdk/1", metadata=json.dumps(metadata), timestamp=at, hash=digest,
                    previous_hash=self.previous)
        self.previous = digest
        return event

    def load(self, server, database):
        url = server.url.replace("/agentidp?", f"/{database}?")
        server.run("createdb", "-h", server.folder, "-U", "agentidp", database)
        psql = [str(server.bin / "psql"), url, "-Xq", "-v", "ON_ERROR_STOP=1"]
        subprocess.run([*psql, "-f", str(SCHEMA)], check=True, timeout=60)
        self.write(psql)
        return url

    def write(self, psql):
        subprocess.run(psql, input="BEGIN;\n" + "\n".join(self.statements) + "\nCOMMIT;\n", check=True, text=True, timeout=300, stdout=subprocess.DEVNULL)
        self.statements = []
