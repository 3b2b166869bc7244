"""What the rows about an absent PostgreSQL share: what a daemon must answer while it is away, and after."""
import signal
import subprocess
import time

from bed import TOKEN, until


def freeze(pids):
    for pid in pids:
        subprocess.run(["kill", "-STOP", str(pid)], check=False)


def thaw(pids):
    for pid in pids:
        subprocess.run(["kill", "-CONT", str(pid)], check=False)


def kill_at_once(server):
    server.stop(signal.SIGQUIT)


QUEUED = 2.2  # LedgerOptions.queueDeadline, and a little
NOTICED = 3.0  # readiness is looked at once a second, with a deadline of one


def watch_outage(bed, seconds, longest=2.0):
    """The storage has just gone. For `seconds`: /livez and JWKS answer, /readyz is 503 once that may be noticed, and from then on each token
    request is 503 with Retry-After, `longest` seconds at most for the one that finds out whether storage is back. How many were refused so."""
    began, who, refused = time.monotonic(), bed.aside, 0
    while time.monotonic() - began < seconds:
        settled = time.monotonic() - began > NOTICED
        for path, wanted in (("/livez", 200), ("/.well-known/jwks.json", 200), *((("/readyz", 503),) if settled else ())):
            status = bed.daemon.request("GET", path).status
            assert status == wanted, f"{path} is {status} after {time.monotonic() - began:.1f} s without PostgreSQL"
        if settled:
            status, again, took = bed.ask_token(who)
            assert (status, again) == (503, True) and took < longest, f"a token request was answered {status}, Retry-After={again}, after {took:.1f} s"
            refused += 1
        time.sleep(0.1)
    return refused


def longest_refusal(bed, since):
    return max((end - begin for status, begin, end in bed.answers(since) if status == 503), default=0.0)


def at_once(bed, since):
    """The share that took less than a tenth of a second, of the load's refusals since then that were asked while another had waited past the queue's
    deadline: whoever came before that may wait, and how many do is made by the clients."""
    refusals = [(begin, end) for status, begin, end in bed.answers(since) if status == 503]
    behind = [end - begin for begin, end in refusals if any(first + QUEUED < begin < last for first, last in refusals)]
    return sum(took < 0.1 for took in behind) / len(behind) if behind else 0.0


def introspected(bed, token):
    """(status, active) as an administrator is told."""
    answer = bed.daemon.request("POST", TOKEN + "/introspect", {"Authorization": "Bearer " + bed.world.admin,
                                                               "Content-Type": "application/x-www-form-urlencoded"}, "token=" + token)
    return answer.status, answer.status == 200 and answer.json()["active"]


def ready_again(bed, within=20):
    until(lambda: bed.daemon.request("GET", "/readyz").status == 200, "/readyz is not 200", within)
