"""A plugin inside the daemon throws across the border, hangs, leaks and crashes (tests/broken_plugins/moody.cpp)."""
import signal
import threading
import time

from bed import Bed, build_dir, until

ROW = 23
DID = "a ratelimit plugin that was asked for every token threw an exception, hung for 6 s, leaked 1 MiB a call, and crashed."
EXPECTED = ("thrown: that request fails and no other; hung: calls end by their deadline, the plugin is called wedged, /readyz is 503 and requests are refused at once, and "
            "all is well when it returns; leaked: seen in the memory metric; crashed: the process ends, the next one starts, nothing acknowledged is lost.")


def run():
    fixture = build_dir() / "tests/broken_plugins/ratelimit-moody.so"
    if not fixture.exists():
        return "skip: the target broken_plugins is not built"
    plugins = build_dir() / "lib/agentidp/plugins"
    with Bed("23", {"plugins.path": f"{plugins}:{fixture.parent}", "ratelimit.plugin": "moody"}, workers=2) as bed:
        mood = bed.daemon.data / "mood"
        who = bed.someone()
        bed.load()
        time.sleep(0.5)
        bed.world.up.clear()
        time.sleep(0.2)
        mood.write_text("throws")
        thrown = {bed.ask_token(who)[0] for _ in range(10)}
        mood.unlink()
        assert thrown <= {500, 503}, f"while it threw, tokens were answered {thrown}"
        assert bed.ask_token(who)[0] == 200
        bed.world.up.set()

        mood.write_text("hangs")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(bed.ask_token(who)), daemon=True) for _ in range(12)]
        for thread in threads:
            thread.start()
        until(lambda: bed.daemon.request("GET", "/readyz").status == 503, "/readyz is not 503 while the plugin hangs", 15)
        for thread in threads:
            thread.join(30)
        longest = max(took for _, _, took in answers)
        probes = [bed.ask_token(who) for _ in range(5)]
        assert {status for status, _, _ in answers + probes} == {503}, answers + probes
        at_once = max(took for _, _, took in probes)
        assert at_once < 0.5, f"a request to a wedged plugin took {at_once:.1f} s"
        assert bed.said("PLUGIN_WEDGED"), "no line said that the plugin is wedged"
        time.sleep(2)
        mood.unlink()
        healed = time.monotonic()
        until(lambda: bed.ask_token(who)[0] == 200 and bed.daemon.request("GET", "/readyz").status == 200, "it did not heal", 10)
        healed = time.monotonic() - healed

        before = bed.metric("process_resident_memory_bytes") / 1e6
        mood.write_text("leaks")
        leaking = sum(bed.ask_token(who)[0] == 200 for _ in range(30))
        grown = bed.metric("process_resident_memory_bytes") / 1e6 - before
        mood.unlink()
        assert leaking == 30 and grown > 20, (leaking, grown)

        bed.world.up.clear()
        time.sleep(0.3)
        mood.write_text("crashes")
        try:
            bed.daemon.token(*who)
        except OSError:
            pass
        code = bed.daemon.process.wait(20)
        mood.unlink()
        assert code in (-signal.SIGSEGV, -signal.SIGABRT), f"the process ended with {code}"
        bed.daemon.start()
        bed.restarted()
        assert bed.ask_token(who)[0] == 200
        time.sleep(0.5)
        bed.close(lost_connections=10)
        return (f"thrown: 10 of 10 were {'/'.join(map(str, thrown))}, then 200; hung: 12 calls ended within {longest:.1f} s, then refused within {at_once:.2f} s, well {healed:.1f} s after it returned; "
                f"leaked: {grown:.0f} MB seen; crashed: signal {-code}, started again; {bed.issued()} tokens.")
