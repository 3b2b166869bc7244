#!/usr/bin/env python3
"""A crowd for the benchmark: connections that asked once and then sit there, and connections that send one byte of a head a second.

    crowd.py PORT IDLE DRIPPING

Prints `ready IDLE DRIPPING` when all stand, keeps their number (what the server closes is opened again) until its standard input ends
or two minutes have passed, then prints one JSON object. Loopback only; it takes as many source addresses of 127.0.0.0/8 as ports demand.
"""
import json
import resource
import select
import socket
import sys
import time

HEAD = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"z" * 4000
ASK = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LONGEST = 120


class Crowd:
    def __init__(self, port, idle, dripping):
        self.port, self.poll = port, select.epoll()
        self.wanted = {"idle": idle, "drip": dripping}
        self.members = {}  # descriptor -> [socket, kind, bytes sent]
        self.count = {"idle": 0, "drip": 0}
        self.opened = self.closed = self.failed = 0

    def open(self, kind):
        one = socket.socket()
        one.setblocking(False)
        # 20,000 connections from one address to one port would use up its ports.
        one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        one.bind((f"127.0.0.{2 + self.opened % 8}", 0))
        one.connect_ex(("127.0.0.1", self.port))
        self.members[one.fileno()] = [one, kind, 0]
        self.poll.register(one.fileno(), select.EPOLLIN | select.EPOLLOUT)
        self.opened += 1
        self.count[kind] += 1

    def drop(self, descriptor):
        one, kind, _ = self.members.pop(descriptor)
        self.poll.unregister(descriptor)
        one.close()
        self.count[kind] -= 1

    def step(self, seconds):
        for descriptor, events in self.poll.poll(seconds):
            member = self.members[descriptor]
            try:
                if events & (select.EPOLLERR | select.EPOLLHUP):
                    raise ConnectionError
                if events & select.EPOLLOUT:
                    member[2] = member[0].send(ASK if member[1] == "idle" else HEAD[:20])
                    self.poll.modify(descriptor, select.EPOLLIN)
                if events & select.EPOLLIN and not member[0].recv(4096):
                    raise ConnectionError
            except BlockingIOError:
                continue
            except OSError:
                self.closed += 1
                self.drop(descriptor)

    def fill(self, most=400):
        """Opens what is missing, a few at once, so that the listen queue holds them."""
        for kind, wanted in self.wanted.items():
            for _ in range(min(most, wanted - self.count[kind])):
                try:
                    self.open(kind)
                except OSError:
                    self.failed += 1
                    return

    def drip(self):
        for member in self.members.values():
            if member[1] == "drip" and 0 < member[2] < len(HEAD):
                try:
                    member[2] += member[0].send(HEAD[member[2]:member[2] + 1])
                except OSError:
                    pass  # the next look at it drops it

    def standing(self):
        return sum(1 for _, _, sent in self.members.values() if sent > 0)


def main():
    port, idle, dripping = (int(word) for word in sys.argv[1:4])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < idle + dripping + 64:
        print(f"refused: {hard} open files are allowed", flush=True)
        return 1
    crowd = Crowd(port, idle, dripping)
    end, ready, next_drip = time.monotonic() + LONGEST, False, 0.0
    while time.monotonic() < end:
        crowd.fill()
        crowd.step(0.02)
        if not ready and crowd.standing() >= idle + dripping:
            ready = True
            print(f"ready {idle} {dripping}", flush=True)
        if time.monotonic() >= next_drip:
            crowd.drip()
            next_drip = time.monotonic() + 1
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    print(json.dumps({"standing": crowd.standing(), "opened": crowd.opened, "closed_by_server": crowd.closed, "failed": crowd.failed}))
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
