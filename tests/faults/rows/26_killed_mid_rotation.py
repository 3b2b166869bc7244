"""The daemon is killed at each step of a key's life, and started again."""
import json
import signal
import time

from bed import Bed, failpoints_build, until

ROW = 26
DID = "during a rotation the daemon was killed before and after each step of a key (generated, published, activated, retired, removed), and started again."
EXPECTED = "at most one key is active at any moment, every token's key is in the JWKS, and the rotation goes on to its end after the start, once."
STEPS = ("before_record", "after_generate", "after_record", "before_activate", "after_activate", "before_remove", "before_retire_in_plugin", "after_remove")
NOTHING_KEPT = ("before_record", "after_generate")  # no row says that there was a rotation
# A step behind these may be reached for a key of an earlier rotation, before this one was asked for.
OF_THIS_ROTATION = ("after_record", "before_activate", "after_activate")
SETTINGS = {"jwks.max_age_seconds": "1", "keys.grace_seconds": "3", "token.access.lifetime_seconds": "2", "token.access.max_lifetime_seconds": "3"}


def keys(daemon):
    listed = daemon.cli("--json", "keys", "list")
    assert listed.returncode == 0, listed.stderr
    return {key["kid"]: key["state"] for key in json.loads(listed.stdout)["keys"]}


def run():
    build = failpoints_build()
    if build is None:
        return "skip: no build with failpoints (tests/run.sh asan makes one)"
    with Bed("26", SETTINGS, {"ASAN_OPTIONS": "detect_leaks=0"}, build=build, workers=1, agents=3) as bed:
        who = bed.someone()
        bed.load()
        killed = []
        for step in STEPS:
            before = next(kid for kid, state in keys(bed.daemon).items() if state == "active")
            bed.world.up.clear()
            assert bed.daemon.stop() == 0
            bed.daemon.env["AGENTIDP_FAIL"] = f"keys.{step}:1:kill"
            begun = step in OF_THIS_ROTATION
            try:
                bed.daemon.start()
                bed.restarted()
                begun = bed.daemon.cli("--json", "keys", "rotate", "--now").returncode == 0 or begun
            except RuntimeError:
                pass  # what was due at the start reached it; how it ended is looked at next
            until(lambda: bed.daemon.process.poll() is not None, f"the failpoint keys.{step} was not reached", 15)
            bed.world.up.clear()
            assert bed.daemon.process.returncode == -signal.SIGKILL, bed.daemon.process.returncode
            killed.append(step)
            del bed.daemon.env["AGENTIDP_FAIL"]
            bed.daemon.start()
            bed.restarted()
            states = keys(bed.daemon)
            bed.world.history["key_states"].append(list(states.items()))
            assert list(states.values()).count("active") == 1, f"after {step}: {states}"
            if step not in NOTHING_KEPT:
                def turned():
                    now = keys(bed.daemon)
                    bed.world.history["key_states"].append(list(now.items()))
                    return (now.get(before) != "active" or not begun) and "published" not in now.values() and "pending" not in now.values()
                until(turned, lambda: f"after {step} the rotation did not go on: {keys(bed.daemon)}", 20)
            assert bed.ask_token(who)[0] == 200
        time.sleep(1)
        bed.close(lost_connections=10_000, short_lived=True)
        entries = [json.loads(entry["text"]) for entry in bed.world.history["entries"]]
        activated = [entry["metadata"]["kid"] for entry in entries if entry["action"] == "key.activated"]
        assert len(activated) == len(set(activated)), "a key was activated twice"
        return f"killed at {', '.join(killed)}: one active key each time; {len(activated)} keys activated once each; {bed.issued()} tokens."
