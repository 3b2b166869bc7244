"""A TCP link that a test may break: it stands before a server (a TCP address or a unix socket) and passes bytes both ways, until it is told
otherwise. One proxy serves any number of connections.

    with Proxy(server.socket) as link:        link.port, on 127.0.0.1
        link.delay(0.2)       every piece arrives that much later, in order
        link.black_hole()     nothing passes, nothing is closed, new connections get no answer; what was sent meanwhile arrives after heal()
        link.half_open()      the server's ends are closed and the clients are not told; new connections get no answer
        link.cut_after(n)     after n more bytes from the server, the connection that carried them is reset; once
        link.reset()          every connection is reset, and so is each new one
        link.heal()           bytes pass again
"""
import collections
import select
import socket
import struct
import threading
import time

PASS, HOLE, RESET = "pass", "hole", "reset"
PIECE = 65536
MOST_HELD = 1 << 20


class Way:
    """Bytes in one direction: what was read and not yet written, each piece with the moment from which it may go."""

    def __init__(self, source, target):
        self.source, self.target, self.held, self.size, self.ended = source, target, collections.deque(), 0, False


class Connection(threading.Thread):
    """One thread a connection: two sockets, two ways."""

    def __init__(self, proxy, client):
        super().__init__(daemon=True)
        self.proxy, self.client, self.server, self.over = proxy, client, None, threading.Event()

    def run(self):
        try:
            while self.proxy.mode == HOLE and not self.over.is_set():
                time.sleep(0.01)
            if not self.over.is_set() and self.proxy.mode == PASS:
                self.server = self.proxy.connect()
                self.shuttle()
        except (OSError, ValueError):  # closed from outside meanwhile
            pass
        finally:
            self.close()

    def shuttle(self):
        ways = [Way(self.client, self.server), Way(self.server, self.client)]
        while not self.over.is_set() and self.proxy.mode != RESET and not all(way.ended and not way.held for way in ways):
            readable = []
            if self.proxy.mode == PASS:
                reading = [way.source for way in ways if way.source and not way.ended and way.size < MOST_HELD]
                readable = self.readable(reading, 5 if any(way.held for way in ways) else 20)
            else:
                time.sleep(0.01)
                if self.server is None:  # half open: nobody is there any more
                    continue
            for way in ways:
                if way.source in readable:
                    piece = way.source.recv(PIECE)
                    way.ended = not piece
                    way.size += len(piece)
                    way.held.append((time.monotonic() + self.proxy.lag, piece))
                if self.proxy.mode == PASS:
                    self.drain(way)

    @staticmethod
    def readable(sources, milliseconds):
        if not sources:
            time.sleep(milliseconds / 1000)
            return []
        look = select.poll()  # select() ends at descriptor 1024
        for source in sources:
            look.register(source, select.POLLIN)
        ready = {descriptor for descriptor, _ in look.poll(milliseconds)}
        return [source for source in sources if source.fileno() in ready]

    def drain(self, way):
        while way.held and time.monotonic() >= way.held[0][0]:
            piece = way.held.popleft()[1]
            way.size -= len(piece)
            if not piece:
                way.target.shutdown(socket.SHUT_WR)
                return
            cut = self.proxy.spend(len(piece)) if way.source is self.server else None
            way.target.sendall(piece if cut is None else piece[:cut])
            if cut is not None:
                self.abort()
                raise OSError("cut")

    def abort(self):
        """The next close of the client's end is a reset."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        self.over.set()
        if self.proxy.mode == RESET:
            self.abort()
        for end in (self.client, self.server):
            if end is not None:
                end.close()
        self.proxy.forget(self)


class Proxy:
    def __init__(self, target):
        """`target`: (host, port), or the path of a unix socket."""
        self.target, self.mode, self.lag, self.left = target, PASS, 0.0, None
        self.lock, self.connections, self.accepted = threading.Lock(), set(), 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.mode = RESET
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        for connection in list(self.connections):
            connection.over.set()
            connection.join(5)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client)
            with self.lock:
                self.accepted += 1
                self.connections.add(connection)
            connection.start()

    def connect(self):
        if isinstance(self.target, tuple):
            server = socket.create_connection(self.target, timeout=5)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.target))
        server.settimeout(None)
        return server

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def spend(self, count):
        """How much of `count` bytes still passes before the cut, or None where all of it does."""
        with self.lock:
            if self.left is None:
                return None
            if self.left >= count:
                self.left -= count
                return None
            cut, self.left = self.left, None
            return cut

    def delay(self, seconds):
        self.lag, self.mode = seconds, PASS

    def black_hole(self):
        self.mode = HOLE

    def half_open(self):
        self.mode = HOLE
        with self.lock:
            for connection in self.connections:
                if connection.server is not None:
                    gone, connection.server = connection.server, None
                    gone.close()

    def cut_after(self, count):
        with self.lock:
            self.left = count

    def reset(self):
        self.mode = RESET

    def heal(self):
        self.mode, self.lag, self.left = PASS, 0.0, None
