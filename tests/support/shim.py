"""Compiles a small C file of this folder into a shared object that a test preloads (LD_PRELOAD) into a program it starts."""
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def compiled(name, folder):
    """The path of `name`.c as a shared object in `folder`, readable by everybody: servers run under users of their own."""
    made = pathlib.Path(folder) / f"{name}.so"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(made), str(HERE / f"{name}.c"), "-ldl"], check=True,
                   timeout=60)
    os.chmod(made, 0o755)
    return made
