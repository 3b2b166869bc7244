#!/usr/bin/env python3
"""Redis servers of the test's own, on free ports of 127.0.0.1, in a folder of their own; nothing is left behind.

    redis.py COMMAND [ARGUMENT ...]    runs COMMAND with REDIS_URL, and with AGENTIDP_TEST_REDIS (this file's programs for suites
                                       that need more servers), and ends with its code
    with Redis() as server: ...        server.url, server.cli("GET", key); stop(), start(), kill(), freeze(), thaw()
    with Redis(password="x", user="u", tls=True, settings={...})
    with Sentinels() as rig: ...       rig.master, rig.replica, rig.addresses, rig.name; rig.current() is the master's port
"""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

HOST = '127.0.0.1'


class Missing(Exception):
    """There is no Redis here; the text says what is missing."""


def program(name):
    found = shutil.which(name)
    if found is None:
        raise Missing(f'{name} is not installed')
    return found


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def eventually(what, seconds=20):
    """Waits until `what()` is true; its last falsehood or exception is told."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            last = error
        time.sleep(0.02)
    raise RuntimeError(f'waited {seconds} s in vain: {last}')


def make_authority(folder, name='localhost', address=HOST):
    """A CA of this folder's own and a server certificate by it: ca.crt, server.crt, server.key."""
    def run(*arguments):
        subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True, timeout=60)
    folder.mkdir(exist_ok=True)
    run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test CA',
        '-keyout', folder / 'ca.key', '-out', folder / 'ca.crt')
    run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}',
        '-keyout', folder / 'server.key', '-out', folder / 'server.csr')
    extensions = folder / 'extensions'
    extensions.write_text(f'subjectAltName=DNS:{name},IP:{address}\n')
    run('x509', '-req', '-in', folder / 'server.csr', '-CA', folder / 'ca.crt', '-CAkey', folder / 'ca.key', '-CAcreateserial', '-days', '2',
        '-extfile', extensions, '-out', folder / 'server.crt')
    return folder


class Server:
    """One process of redis-server, or of redis-sentinel."""

    def __init__(self, folder, port, lines, how='redis-server'):
        self.program, self.folder, self.port = program(how), folder, port
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / 'redis.conf'
        self.config.write_text('\n'.join([f'bind {HOST}', 'daemonize no', f'dir {folder}', *lines]) + '\n')
        self.config.chmod(0o600)
        self.process = None

    def start(self):
        with open(self.folder / 'log', 'ab') as log:
            self.process = subprocess.Popen([self.program, str(self.config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def reached():
            if self.process.poll() is not None:
                raise RuntimeError('Redis did not start: ' + (self.folder / 'log').read_text(errors='replace')[-2000:])
            with contextlib.closing(socket.create_connection((HOST, self.port), 1)):
                return True
        eventually(reached)

    def stop(self, how=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def kill(self):
        self.stop(signal.SIGKILL)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


class Redis(Server):
    def __init__(self, password=None, user=None, tls=False, settings=None, port=None):
        self.own = pathlib.Path(tempfile.mkdtemp(prefix='agentidp-redis-'))
        self.password, self.user, self.tls = password, user, tls
        port = port or free_port()
        lines = ['save ""', 'appendonly no', 'timeout 0']
        if tls:
            make_authority(self.own / 'tls')
            lines += ['port 0', f'tls-port {port}', 'tls-auth-clients no', *(f'tls-{kind}-file {self.own}/tls/{file}' for kind, file in
                      (('cert', 'server.crt'), ('key', 'server.key'), ('ca-cert', 'ca.crt')))]
        else:
            lines += [f'port {port}']
        if password and user:
            lines += [f'user {user} on >{password} ~* &* +@all', 'user default off']
        elif password:
            lines += [f'requirepass {password}', f'masterauth {password}']
        lines += [f'{name} {value}' for name, value in (settings or {}).items()]
        super().__init__(self.own / 'data', port, lines)

    @property
    def url(self):
        login = '' if not self.password else f'{urllib.parse.quote(self.user or "", safe="")}:{urllib.parse.quote(self.password, safe="")}@'
        return f'redis{"s" if self.tls else ""}://{login}{HOST}:{self.port}'

    @property
    def ca(self):
        return self.own / 'tls' / 'ca.crt'

    def __enter__(self):
        self.start()
        eventually(lambda: self.cli('PING') == 'PONG')
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.own, ignore_errors=True)

    def restart(self):
        self.stop()
        self.start()

    def cli(self, *words):
        """What redis-cli prints."""
        options = ['-h', HOST, '-p', str(self.port)]
        if self.tls:
            options += ['--tls', '--cacert', str(self.ca)]
        if self.user:
            options += ['--user', self.user]
        environment = dict(os.environ, REDISCLI_AUTH=self.password) if self.password else os.environ
        told = subprocess.run([program('redis-cli'), *options, *map(str, words)], capture_output=True, text=True, timeout=20, env=environment,
                              check=False)
        if told.returncode != 0:
            raise RuntimeError(told.stderr.strip() or told.stdout.strip())
        return told.stdout.rstrip('\n')

    def keys(self, pattern='*'):
        return sorted(self.cli('--raw', 'KEYS', pattern).split())


class Sentinels:
    """A master, a replica, and three Sentinels that agree within a second."""
    name = 'agentidp-test'

    def __init__(self, password=None):
        self.password = password
        self.master = Redis(password=password)
        self.replica = Redis(password=password, settings={'replicaof': f'{HOST} {self.master.port}'})
        self.own = pathlib.Path(tempfile.mkdtemp(prefix='agentidp-sentinels-'))
        self.watchers = []
        for number in range(3):
            port = free_port()
            lines = [f'port {port}', f'sentinel monitor {self.name} {HOST} {self.master.port} 2', f'sentinel down-after-milliseconds {self.name} 500',
                     f'sentinel failover-timeout {self.name} 2000', *([f'sentinel auth-pass {self.name} {password}'] if password else [])]
            self.watchers.append(Server(self.own / str(number), port, lines, 'redis-sentinel'))

    @property
    def addresses(self):
        return [f'{HOST}:{watcher.port}' for watcher in self.watchers]

    def __enter__(self):
        try:
            self.master.__enter__()
            self.replica.__enter__()
            eventually(lambda: 'master_link_status:up' in self.replica.cli('INFO', 'replication'))
            for watcher in self.watchers:
                watcher.start()
            eventually(lambda: all(self.info(watcher, 'num-other-sentinels') == '2' and self.info(watcher, 'num-slaves') == '1'
                                   for watcher in self.watchers))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for watcher in self.watchers:
            watcher.kill()
        self.replica.__exit__()
        self.master.__exit__()
        shutil.rmtree(self.own, ignore_errors=True)

    def ask(self, watcher, *words):
        return subprocess.run([program('redis-cli'), '-h', HOST, '-p', str(watcher.port), '--raw', 'SENTINEL', *words], capture_output=True,
                              text=True, timeout=20, check=True).stdout.split('\n')

    def info(self, watcher, member):
        told = self.ask(watcher, 'master', self.name)
        return told[told.index(member) + 1]

    def current(self):
        return int(self.ask(self.watchers[0], 'get-master-addr-by-name', self.name)[1])

    def fail_over(self):
        """Kills the master; answers when the Sentinels have made the replica one."""
        self.master.kill()
        eventually(lambda: self.current() == self.replica.port and 'role:master' in self.replica.cli('INFO', 'replication'), 40)


def serve_lines(server_of):
    """For a suite in another language: reads commands, one a line, and answers each by one line, until the input ends.

        server NAME [password=P] [user=U] [tls=1] [KEY=VALUE ...]  -> url [ca]
        sentinels NAME [password=P]                                -> name address,address,address
        stop|kill|start|freeze|thaw|failover NAME                  -> ok
    (a VALUE with a space has %20 for it)
        cli NAME WORD ...                                          -> what redis-cli printed, lines joined by spaces
    """
    with contextlib.ExitStack() as stack:
        for line in sys.stdin:
            verb, *rest = line.split()
            try:
                print(server_of(stack, verb, rest), flush=True)
            except (OSError, RuntimeError, subprocess.SubprocessError, KeyError, ValueError) as error:
                print('error ' + ' '.join(str(error).split()), flush=True)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == '--serve':
        servers = {}

        def answer(stack, verb, rest):
            name = rest[0]
            if verb == 'server':
                options = dict(item.split('=', 1) for item in rest[1:])
                wanted = {key: options.pop(key) for key in ('password', 'user', 'tls') if key in options}
                wanted['tls'] = 'tls' in wanted
                settings = {key: urllib.parse.unquote(value) for key, value in options.items()}
                servers[name] = stack.enter_context(Redis(settings=settings, **wanted))
                return servers[name].url + (f' {servers[name].ca}' if wanted['tls'] else '')
            if verb == 'sentinels':
                servers[name] = stack.enter_context(Sentinels(**dict(item.split('=', 1) for item in rest[1:])))
                return f'{servers[name].name} {",".join(servers[name].addresses)}'
            if verb == 'cli':
                return ' '.join(servers[name].cli('--raw', *rest[1:]).split())
            if verb == 'failover':
                servers[name].fail_over()
                return 'ok'
            getattr(servers[name], {'stop': 'stop', 'kill': 'kill', 'start': 'start', 'freeze': 'freeze', 'thaw': 'thaw'}[verb])()
            return 'ok'
        serve_lines(answer)
        return 0
    try:
        server = Redis()
        program('redis-sentinel')
    except Missing as missing:
        print(f'skip {pathlib.Path(sys.argv[1]).name}: {missing}')
        return 0
    with server:
        environment = dict(os.environ, REDIS_URL=server.url, AGENTIDP_TEST_REDIS=f'{sys.executable} {pathlib.Path(__file__).resolve()} --serve')
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
