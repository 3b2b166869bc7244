"""A vendor's path: scaffold a keys plugin, build it against the build tree, check it, and serve tokens signed by it."""
import json
import pathlib
import shutil
import subprocess
import tempfile

from daemon import ROOT, Daemon, build_dir

covers = []
judges_shipped_files = True


def done(command, **more):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **more)
    assert result.returncode == 0, f"{' '.join(str(word) for word in command)}: exit {result.returncode}: {(result.stdout + result.stderr)[-600:]}"
    return result.stdout


def serves_tokens(plugin, folder):
    """The daemon with the keys plugin `plugin` out of `folder`: its tokens verify, and every key is the plugin's."""
    with Daemon({"plugins.path": f"{folder}:{build_dir() / 'lib/agentidp/plugins'}", "keys.plugin": plugin}) as daemon:
        agent = daemon.agent(plugin, ["agents:read"])
        token = daemon.token(agent["agentId"], agent["clientSecret"]).json()["access_token"]
        jwks = daemon.folder / "jwks"
        jwks.write_text(daemon.request("GET", "/.well-known/jwks.json").body)
        claims = json.loads(done(["python3", ROOT / "packaging/verify_token.py", jwks], input=token))
        assert claims["sub"] == agent["agentId"], claims
        listed = json.loads(daemon.cli("keys", "list", "--json").stdout)
        assert all(key["plugin"] == plugin for key in listed["keys"]), listed


def run():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-vendor-"))
    try:
        source, binary = folder / "demo", folder / "demo/b"
        done([build_dir() / "bin/agentidp", "plugin", "new", "keys", "demo", "--dir", source])
        done(["cmake", "-S", source, "-B", binary, f"-DCMAKE_PREFIX_PATH={build_dir()}"])
        done(["cmake", "--build", binary])
        done([build_dir() / "bin/agentidp", "plugin", "check", binary / "keys-demo.so"])
        serves_tokens("demo", binary)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "out_of_tree: scaffolded=1 checked=1 verified=1"
