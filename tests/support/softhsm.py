#!/usr/bin/env python3
"""Tokens of SoftHSM in a folder of the test's own.

    softhsm.py COMMAND [ARGUMENT ...]    runs COMMAND with AGENTIDP_TEST_PKCS11_* set, and ends with its code
    with SoftHsm() as hsm: ...           hsm.environment, hsm.settings, hsm.module; token(label), remove(label), bring_back(label)

A PIN is given as a reference to AGENTIDP_TEST_PKCS11_PIN, as a deployer would do it.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


# SoftHSM 2.6 forgets what it parsed of an Ed25519 key at each C_SignInit. A leak sanitizer knows it by its whole stack only.
LEAKS = {"ASAN_OPTIONS": "fast_unwind_on_malloc=0",
         "LSAN_OPTIONS": f"print_suppressions=0:suppressions={pathlib.Path(__file__).resolve().with_name('softhsm.supp')}"}


class Missing(Exception):
    """There is no SoftHSM here; the text says what is missing."""


MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
PIN = "246810"


class SoftHsm:
    def __init__(self, label="agentidp-test"):
        self.module = next((path for path in MODULES if os.path.exists(path)), None)
        if not self.module or not shutil.which("softhsm2-util"):
            raise Missing("the package softhsm2 is not installed")
        self.label = label
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-hsm-"))

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"), "AGENTIDP_TEST_PKCS11_MODULE": self.module,
                "AGENTIDP_TEST_PKCS11_TOKEN": self.label, "AGENTIDP_TEST_PKCS11_PIN": PIN}

    @property
    def settings(self):
        """Of a daemon, to be given with `environment`."""
        return {"keys.plugin": "pkcs11", "plugins.keys-pkcs11.module": self.module, "plugins.keys-pkcs11.token_label": self.label,
                "plugins.keys-pkcs11.pin": "env:AGENTIDP_TEST_PKCS11_PIN"}

    def __enter__(self):
        (self.folder / "tokens").mkdir(mode=0o700)
        (self.folder / "softhsm2.conf").write_text(f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.token(self.label)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def token(self, label):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "13579"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, env={**os.environ, **self.environment})

    def remove(self):
        """As if the tokens were pulled out; a process that has them open does not see it before it looks again."""
        (self.folder / "tokens").rename(self.folder / "away")
        (self.folder / "tokens").mkdir(mode=0o700)

    def bring_back(self):
        (self.folder / "tokens").rmdir()
        (self.folder / "away").rename(self.folder / "tokens")


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        hsm = SoftHsm()
    except Missing as missing:
        print(f"skip {pathlib.Path(sys.argv[1]).name}: {missing}")
        return 0
    with hsm:
        return subprocess.run(sys.argv[1:], env={**os.environ, **hsm.environment, **LEAKS}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
