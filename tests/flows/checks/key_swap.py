"""Two instances change their keys plugin, one from `file` to a vendor's, one back: tokens from before stay active, client secrets go on
working, no verifier meets a kid it does not know, and `keys list` says when keys.previous can go."""
import json
import pathlib
import shutil
import tempfile
import time

from checks.out_of_tree import done
from checks.refusals import attempt
from daemon import Daemon, build_dir
from jwks import Verifier, header_of, served

judges_shipped_files = True


def active(daemon, agent, token):
    answer = daemon.request("POST", "/api/v1/token/introspect", {"Authorization": agent["basic"],
                                                                 "Content-Type": "application/x-www-form-urlencoded"}, "token=" + token)
    assert answer.status == 200, answer.body
    return answer.json()["active"]


def fresh(daemon, agent):
    answer = daemon.token(agent["agentId"], agent["clientSecret"])
    assert answer.status == 200, answer.body
    return answer.json()["access_token"]


def holder(daemon):
    listed = json.loads(daemon.cli("keys", "list", "--json").stdout)
    return [key["plugin"] for key in listed["keys"] if key["state"] == "active"], listed.get("previousNeeded")


def swap(path, old, new):
    with Daemon({"plugins.path": path, "keys.plugin": old, "jwks.max_age_seconds": "2", "issuer": "https://id.example"}) as daemon:
        agent = daemon.agent("swapped", ["agents:read"])
        tokens, verifier = [fresh(daemon, agent)], Verifier(daemon)
        verifier.verify(tokens[0])
        first = header_of(tokens[0])["kid"]
        daemon.stop()

        code, lines = attempt(daemon, {"keys.plugin": new})
        assert code != 0 and len(lines) == 1, (code, lines)
        assert f"keys.plugin = {old}" in lines[0] and f"keys.previous = {old}" in lines[0], lines

        daemon.settings.update({"keys.plugin": new, "keys.previous": old})
        daemon.start()
        assert active(daemon, agent, tokens[0]), "a token from before the swap is inactive"
        assert served(daemon)[0]["kid"] == first and len(served(daemon)) == 2, served(daemon)
        holders, needed = holder(daemon)
        assert holders == [old] and needed is True, (holders, needed)
        deadline = time.monotonic() + 20
        while served(daemon)[0]["kid"] == first:
            assert time.monotonic() < deadline, f"the key of {new} does not sign after 20 s"
            tokens.append(fresh(daemon, agent))
            verifier.verify(tokens[-1])
            time.sleep(0.05)
        for _ in range(20):
            tokens.append(fresh(daemon, agent))
            verifier.verify(tokens[-1])
        assert {header_of(token)["kid"] for token in tokens} == {key["kid"] for key in served(daemon)}
        holders, needed = holder(daemon)
        assert holders == [new] and needed is False, (holders, needed)
        assert f"keys.previous = {old} can be removed" in daemon.cli("keys", "list").stdout
        daemon.stop()

        del daemon.settings["keys.previous"]
        daemon.start()
        assert all(active(daemon, agent, token) for token in (tokens[0], tokens[-1]))
        verifier.verify(fresh(daemon, agent))
        assert served(daemon)[1]["kid"] == first, "the old public key left the JWKS"
        return len(tokens)


def migrate(path):
    """The same with one command, between a stop and a start."""
    with Daemon({"plugins.path": path, "jwks.max_age_seconds": "2", "issuer": "https://id.example"}) as daemon:
        agent = daemon.agent("moved", ["agents:read"])
        token = fresh(daemon, agent)
        assert daemon.cli("keys", "migrate").returncode == 2
        daemon.stop()
        daemon.settings.update({"keys.plugin": "demo", "keys.previous": "file"})
        moved = daemon.cli("keys", "migrate")
        assert moved.returncode == 0 and "waiting" in moved.stderr, moved.stdout + moved.stderr
        assert "keys.previous = file can be removed" in moved.stdout, moved.stdout
        del daemon.settings["keys.previous"]
        daemon.start()
        assert holder(daemon)[0] == ["demo"]
        assert active(daemon, agent, token) and active(daemon, agent, fresh(daemon, agent))


def run():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-swap-"))
    try:
        source, binary = folder / "demo", folder / "demo/b"
        done([build_dir() / "bin/agentidp", "plugin", "new", "keys", "demo", "--dir", source])
        done(["cmake", "-S", source, "-B", binary, f"-DCMAKE_PREFIX_PATH={build_dir()}"])
        done(["cmake", "--build", binary])
        path = f"{binary}:{build_dir() / 'lib/agentidp/plugins'}"
        tokens = swap(path, "file", "demo") + swap(path, "demo", "file")
        migrate(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"key_swap: instances=2 tokens={tokens} inactive=0 unknown_kid=0"
