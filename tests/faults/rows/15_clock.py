"""The machine's clock is set an hour ahead, an hour back, and stands still, for the daemon alone (libfaketime)."""
import pathlib
import time

from bed import Bed, until
from jwks import payload_of
from postgres import Missing, Postgres

ROW = 15
DID = "the daemon's wall clock, not its monotonic one, was set +1 h, then back, then -1 h, back, and then frozen for 8 s, under load, PostgreSQL's clock being right."
EXPECTED = ("no token carries a wrong time: from the first request on they are 503, /readyz is 503 and a line says so; when the clock is right tokens come again "
            "within 3 s; iat never goes back; tokens issued before are neither dead nor revived.")


def library():
    found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


def run():
    preload = library()
    if preload is None:
        return "skip: the package faketime is not installed"
    try:
        server = Postgres()
    except Missing as missing:
        return f"skip: {missing}"
    setting = server.folder / "clock"
    setting.write_text("+0")
    env = {"LD_PRELOAD": str(preload), "FAKETIME_TIMESTAMP_FILE": str(setting), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with server, Bed("15", env=env, server=server, workers=2) as bed:
        bed.daemon.env["FAKETIME_DONT_RESET"] = "1"
        who = bed.someone()
        token = bed.daemon.token(*who).json()["access_token"]
        admin = {"Authorization": "Bearer " + bed.daemon.admin_token(), "Content-Type": "application/x-www-form-urlencoded"}
        stamps, seen = [], []

        def ask():
            asked = time.time()
            answer = bed.daemon.token(*who)
            if answer.status == 200:
                stamps.append((asked, payload_of(answer.json()["access_token"])["iat"]))
            return answer.status

        def active():
            return bed.daemon.request("POST", "/api/v1/token/introspect", admin, "token=" + token).json()["active"]

        bed.load()
        time.sleep(1)
        assert ask() == 200 and active()
        for name, value in (("+1 h", "+3600"), ("-1 h", "-3600"), ("frozen", None)):
            if value is None:
                value = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime())
            setting.write_text(value)
            began = time.monotonic()
            until(lambda: ask() == 503, f"{name}: tokens were still issued", 12)
            stopped = time.monotonic() - began
            until(lambda: bed.daemon.request("GET", "/readyz").status == 503, f"{name}: /readyz is not 503", 5)
            time.sleep(1.5)
            assert ask() == 503 and active(), f"{name}: {ask()}, a live token is active: {active()}"
            setting.write_text("+0")
            began = time.monotonic()
            until(lambda: ask() == 200, f"{name}: no token after the clock was right again", 10)
            seen.append((name, stopped, time.monotonic() - began))
            until(lambda: bed.daemon.request("GET", "/readyz").status == 200, f"{name}: /readyz is not 200 again", 5)
            assert active()
        time.sleep(0.5)
        bed.close()
        said = len(bed.said("CLOCK_WRONG"))
        wrong = max(abs(iat - asked) for asked, iat in stamps)
        assert wrong <= 7, f"a token's iat was {wrong:.0f} s from the true time"
        assert all(first[1] <= second[1] for first, second in zip(stamps, stamps[1:])), "an iat was less than the one before"
        assert all(stopped < 0.5 for name, stopped, _ in seen if name != "frozen") and all(back < 3 for _, _, back in seen), seen
        assert said == 3, f"CLOCK_WRONG was said {said} times"
        return ("; ".join(f"{name}: stopped after {stopped:.2f} s, again after {back:.1f} s" for name, stopped, back in seen)
                + f"; {len(stamps) + bed.issued()} tokens, the worst iat {wrong:.1f} s from true, none before its predecessor.")
