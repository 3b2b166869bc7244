"""A PostgreSQL and a standby that follows it, each a server of the test's own.

    with Pair(synchronous=True) as pair: ...    pair.url names both; pair.primary, pair.standby: Postgres
        pair.promote()                          the standby takes writes from here on
"""
import os
import subprocess
import time

from postgres import Postgres


class Pair:
    """Synchronous: a commit is acknowledged when both have it."""

    def __init__(self, synchronous):
        self.synchronous = synchronous
        self.primary = Postgres({"synchronous_standby_names": "standby"} if synchronous else {})
        self.standby = Postgres()

    @property
    def url(self):
        return f"postgresql://agentidp@/agentidp?host={self.primary.folder},{self.standby.folder}&target_session_attrs=read-write"

    def __enter__(self):
        names = self.primary.settings.pop("synchronous_standby_names", None)
        self.primary.__enter__()  # alone at first: it would wait for a standby that is not there
        if names:
            self.primary.query(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.follow(self.standby, self.primary)
        if names:
            self.primary.query("SELECT pg_reload_conf()")
        self.until(lambda: self.primary.query("SELECT sync_state FROM pg_stat_replication") == ["sync" if self.synchronous else "async"],
                   "the standby does not follow")
        return self

    def __exit__(self, *_):
        self.standby.__exit__()
        self.primary.__exit__()

    def follow(self, standby, primary):
        """Makes `standby` anew as a copy of `primary`, and starts it."""
        standby.run("pg_basebackup", "-h", primary.folder, "-U", "agentidp", "-D", standby.data, "-c", "fast", "-X", "stream", "--no-sync", "-R")
        settings = standby.data / "postgresql.auto.conf"
        # What pg_basebackup wrote is kept; the name is what synchronous_standby_names means.
        settings.write_text(settings.read_text().replace("primary_conninfo = '", "primary_conninfo = 'application_name=standby "))
        os.chmod(standby.data, 0o700)
        standby.start()

    def promote(self):
        """The standby's last synchronous wish was for itself; it must not wait for one."""
        subprocess.run([*self.standby.as_owner, str(self.standby.bin / "pg_ctl"), "promote", "-D", str(self.standby.data), "-w"], check=True,
                       stdout=subprocess.DEVNULL, timeout=60, cwd=self.standby.folder)
        self.standby.query("ALTER SYSTEM RESET synchronous_standby_names")
        self.standby.query("SELECT pg_reload_conf()")

    @staticmethod
    def until(true, what, within=30):
        deadline = time.monotonic() + within
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)
