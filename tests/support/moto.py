#!/usr/bin/env python3
"""AWS KMS (and STS) by moto on a free port, ended by its pid; every signature is judged by botocore. See tests/moto/serve.py.

    moto.py COMMAND [ARGUMENT ...]    runs COMMAND with AGENTIDP_TEST_KMS_* set, and ends with its code
    with Moto() as kms: ...           kms.endpoint, .key (a symmetric key), .environment, .settings; script(), asked(), call()
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from fetched import python_with_packages  # noqa: E402

ROOT = HERE.parents[1]
PLACE = ROOT / "build-moto"
WANTED = ROOT / "tests/moto/requirements.txt"
KEY_ID, SECRET, REGION = "AKIATESTTESTTEST0001", "test/secret+of/moto0000000000000000000001", "eu-central-1"


class Missing(Exception):
    """There is no moto here; the text says what is missing."""


def python():
    """The interpreter that has moto, installed once at the versions of tests/moto/requirements.txt."""
    try:
        return python_with_packages(WANTED, PLACE)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"moto cannot be installed: {error}".splitlines()[0]) from None


class Moto:
    def __init__(self):
        self.python = python()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-kms-"))
        self.script_file = self.folder / "script.json"
        self.process = self.endpoint = self.key = None

    @property
    def environment(self):
        return {"AGENTIDP_TEST_KMS_ENDPOINT": self.endpoint, "AGENTIDP_TEST_KMS_KEY": self.key, "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_ENDPOINT_URL_KMS": self.endpoint,
                "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}

    @property
    def settings(self):
        """Of a daemon, to be given with `environment`."""
        return {"keys.plugin": "awskms", "plugins.keys-awskms.endpoint": self.endpoint, "plugins.keys-awskms.key_id": self.key}

    def __enter__(self):
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([str(self.python), "-B", str(ROOT / "tests/moto/serve.py"), str(self.script_file), f"{KEY_ID}={SECRET}"],
                                        stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env={"PATH": os.environ["PATH"]})
        log.close()
        port = self.process.stdout.readline().strip()
        if not port:
            raise RuntimeError("moto did not start: " + self.said())
        self.endpoint = f"http://127.0.0.1:{port}"
        self.wait()
        made = subprocess.run([str(self.python), "-B", "-c", "import boto3, sys; kms = boto3.client('kms', region_name=sys.argv[2], endpoint_url=sys.argv[1], "
                               "aws_access_key_id=sys.argv[3], aws_secret_access_key=sys.argv[4]); key = kms.create_key()['KeyMetadata']; "
                               "kms.create_alias(AliasName='alias/agentidp-test', TargetKeyId=key['KeyId']); print(key['Arn'])",
                               self.endpoint, REGION, KEY_ID, SECRET], capture_output=True, text=True, timeout=60, check=False)
        if made.returncode != 0:
            raise RuntimeError("moto made no key: " + made.stderr[-400:] + self.said())
        self.key = made.stdout.strip()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self):
        return (self.folder / "log").read_text(errors="replace")[-1500:]

    def wait(self):
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.asked()
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError("moto does not answer: " + self.said()) from None
                time.sleep(0.05)

    def script(self, plans):
        """What KMS answers from now on: {"Sign": {"times": 3, "type": "ThrottlingException"}}; {} is moto again."""
        new = self.script_file.with_suffix(".writing")
        new.write_text(json.dumps(plans))
        new.rename(self.script_file)

    def asked(self):
        """How many requests came so far, in all and by operation."""
        with urllib.request.urlopen(self.endpoint + "/asked", timeout=10) as answer:
            return json.load(answer)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        kms = Moto()
    except Missing as missing:
        print(f"skip {pathlib.Path(sys.argv[1]).name}: {missing}")
        return 0
    with kms:
        code = subprocess.run(sys.argv[1:], env={**os.environ, **kms.environment}, check=False).returncode
        if code != 0:
            print(kms.said(), file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
