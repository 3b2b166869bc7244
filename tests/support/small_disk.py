"""A file system of a few megabytes that a test may fill: a tmpfs, which needs root."""
import os
import pathlib
import subprocess
import tempfile


class Missing(Exception):
    """It cannot be mounted here; the text says why."""


class SmallDisk:
    """`with SmallDisk(64) as disk:` disk.path; fill() takes what is left, free() gives it back."""

    def __init__(self, megabytes):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-disk-"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "agentidp-test", str(self.path)], capture_output=True,
                                 text=True, check=False)
        if mounted.returncode != 0:
            self.path.rmdir()
            raise Missing("a tmpfs cannot be mounted here: " + mounted.stderr.strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)
        self.path.rmdir()

    def fill(self):
        with open(self.path / "ballast", "ab") as ballast:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        os.write(ballast.fileno(), b"\0" * size)
                except OSError:
                    continue

    def free(self):
        (self.path / "ballast").unlink()
