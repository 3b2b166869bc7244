"""Two daemons on PostgreSQL and Redis with a month's quota that is enforced: clients that ask both at once get exactly the quota, also when Redis
forgets everything in the middle; and what they got is what the ledger and the table of months say."""
import pathlib
import sys
import threading
import time

from replicas import NoPostgres

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "rigs"))

covers = []
QUOTA, CLIENTS = 200, 8


class Client(threading.Thread):
    def __init__(self, daemon, agent, pause):
        super().__init__(daemon=True)
        self.server, self.agent, self.pause, self.issued, self.refused, self.wrong = daemon, agent, pause, 0, 0, []

    def run(self):
        while self.refused < 5:
            answer = self.server.token(self.agent["agentId"], self.agent["clientSecret"])
            if answer.status == 200:
                self.issued += 1
            elif answer.status in (403, 429):
                self.refused += 1
            else:
                self.wrong.append(f"{answer.status} {answer.body[:200]}")
                return
            time.sleep(self.pause)


def asked(it, agent, pause=0.0, between=None):
    clients = [Client(it.daemons[number % 2], agent, pause) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    if between:
        between(clients)
    for client in clients:
        client.join(120)
    wrong = [what for client in clients for what in client.wrong]
    assert not wrong, wrong[:3]
    return sum(client.issued for client in clients)


def run():
    import haproxy
    import redis
    from two_replicas import rig
    try:
        with rig({"quota.mode": "enforce", "quota.monthly.tokens": str(QUOTA)}) as it:
            exact, forgotten = it.daemons[0].agent("exact"), it.daemons[0].agent("forgotten")
            issued = asked(it, exact)
            assert issued == QUOTA, f"{issued} tokens of {QUOTA}"

            def flush(clients):
                while sum(client.issued for client in clients) < QUOTA // 2:
                    time.sleep(0.01)
                it.redis.cli("FLUSHALL")

            after = asked(it, forgotten, pause=0.02, between=flush)
            assert after == QUOTA, f"{after} tokens of {QUOTA}, Redis having forgotten half of them"
            for agent, count in ((exact, issued), (forgotten, after)):
                rows = it.postgres.query("SELECT m.count FROM agentidp.token_monthly_counts m JOIN agentidp.agents a ON a.num = m.agent_num "
                                         f"WHERE a.id = '{agent['agentId']}'")
                assert rows == [str(count)], (rows, count)
            return f"shared_quota: quota={QUOTA} issued={issued} issued_over_flushall={after}"
    except (NoPostgres, haproxy.Missing, redis.Missing) as missing:
        return f"skip shared_quota: {missing}"
