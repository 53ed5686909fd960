# SPDX-License-Identifier: Apache-2.0
"""Slow attackers, and what they do to a normal client.

    python3 Benchmarks/slow.py --serin .build/release/serin

Attackers of three kinds, evenly, all at once: those that send a head a byte at a time, those that send a body a byte at
a time, and those that ask for much and read an answer a byte at a time. One that is cut comes back at its next turn. A normal
client asks for predictions at a steady rate, first alone and then under attack; its latencies count from the moment a
request was due. Everything is on loopback and ends by itself.
"""

import argparse
import errno
import json
import multiprocessing
import resource
import socket
import sys
import time

from serving import ROOT, PREDICT, Serin, Steady, binary, request

HEAD = b"POST /v1/models/diamonds-price:predict HTTP/1.1\r\nHost: localhost\r\nX-Padding: "
BODY = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode()
# A quarter of a megabyte of answers, which is more than the kernel holds for one connection.
READ = request("/v2/models/diamonds-price") * 300
KINDS = ("head", "body", "read")


class Attacker:
    """One connection that is as slow as its kind lets it be."""

    def __init__(self, port, kind):
        self.port, self.kind = port, kind
        self.first = {"head": HEAD, "body": BODY, "read": READ}[kind]
        self.link = None

    def connect(self):
        self.link = socket.socket()
        if self.kind == "read":
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        self.link.setblocking(False)
        self.link.connect_ex(("127.0.0.1", self.port))
        self.sent = 0

    def step(self):
        """A byte more; answers whether the server has cut the connection."""
        try:
            if self.kind == "read":
                self.ask_more()
                return self.link.recv(1) == b""
            if self.sent == 0:
                self.ask_more()
            else:
                self.link.send(b"a" if self.kind == "head" else b" ")
            return self.is_cut()
        except OSError as error:
            return error.errno not in (errno.EAGAIN, errno.EINPROGRESS, errno.ENOTCONN)

    def ask_more(self):
        """Sends what the kernel takes of the first bytes."""
        try:
            while self.sent < len(self.first):
                self.sent += self.link.send(memoryview(self.first)[self.sent:])
        except BlockingIOError:
            pass

    def is_cut(self):
        """Whether an answer or an end has come, which neither kind waits for."""
        try:
            self.link.recv(4096)
            return True
        except BlockingIOError:
            return False


def attack(port, kinds, count, interval, stop, report):
    """Runs in a process of its own: every attacker does a step each `interval` seconds."""
    attackers = [Attacker(port, kinds[index % len(kinds)]) for index in range(count)]
    for attacker in attackers:
        attacker.connect()
        time.sleep(0.0005)
    cut = dict.fromkeys(kinds, 0)
    while not stop.is_set():
        began = time.monotonic()
        for index, attacker in enumerate(attackers):
            if attacker.link is None:
                attacker.connect()
            elif attacker.step():
                cut[attacker.kind] += 1
                attacker.link.close()
                attacker.link = None
            # Evenly over the interval.
            ahead = began + interval * index / count - time.monotonic()
            if ahead > 0.002:
                time.sleep(ahead)
        if all(attacker.sent for attacker in attackers if attacker.link):
            report.set()
    for attacker in attackers:
        if attacker.link:
            attacker.link.close()
    print(f"cut by the server and back again: {', '.join(f'{number} {kind}' for kind, number in cut.items())}")


def measure(daemon, arguments, seconds):
    client = Steady(daemon.port, arguments.rate).start(seconds)
    peak = 0
    while any(thread.is_alive() for thread in client.threads):
        peak = max(peak, daemon.resident_bytes())
        time.sleep(0.2)
    client.finish()
    return {
        "requests": client.sent,
        "success": client.success,
        "p50_ms": client.quantile(0.5),
        "p99_ms": client.quantile(0.99),
        "peak_mb": peak / 1e6,
        "statuses": client.statuses,
        "lost": client.lost[:5],
    }


def run(arguments):
    kinds = KINDS if arguments.kind == "all" else (arguments.kind,)
    with Serin(arguments.serin) as daemon:
        measure(daemon, arguments, 2)
        calm = measure(daemon, arguments, arguments.calm)
        stop, ready = multiprocessing.Event(), multiprocessing.Event()
        attackers = multiprocessing.Process(
            target=attack, args=(daemon.port, kinds, arguments.attackers, arguments.interval, stop, ready)
        )
        attackers.start()
        try:
            if not ready.wait(60):
                raise SystemExit("the attackers could not all connect in 60 s")
            # What all of them ask for at first is a burst and no slow attack.
            time.sleep(5)
            attacked = measure(daemon, arguments, arguments.seconds)
        finally:
            stop.set()
            attackers.join(30)
            if attackers.is_alive():
                attackers.kill()
        return {"calm": calm, "attacked": attacked}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    add("--attackers", type=int, default=2000)
    add("--kind", choices=[*KINDS, "all"], default="all")
    add("--interval", type=float, default=1.0, help="seconds from one byte of an attacker to its next (1)")
    add("--rate", type=float, default=200, help="the normal client's requests a second (200)")
    add("--calm", type=float, default=10, help="seconds without attackers (10)")
    add("--seconds", type=float, default=45, help="seconds under attack (45), longer than the deadlines they run into")
    add("--json", action="store_true")
    arguments = parser.parse_args()
    needed = arguments.attackers + 100
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < needed:
        raise SystemExit(f"{needed} descriptors are needed: ulimit -n {needed}")
    found = run(arguments)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    calm, attacked = found["calm"], found["attacked"]
    print(f"{arguments.attackers} attackers ({arguments.kind}), normal client at {arguments.rate:.0f} requests a second")
    print(f"{'':24}{'calm':>12}{'attacked':>12}{'ratio':>8}")
    print(f"{'requests':24}{calm['requests']:>12}{attacked['requests']:>12}")
    print(f"{'answered with 200, %':24}{100 * calm['success']:>12.2f}{100 * attacked['success']:>12.2f}")
    for name, label in ("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"), ("peak_mb", "resident memory, MB"):
        print(f"{label:24}{calm[name]:>12.2f}{attacked[name]:>12.2f}{attacked[name] / calm[name]:>8.2f}")
    for when, part in found.items():
        if part["success"] < 1:
            print(f"{when}: {part['statuses']}, without an answer: {part['lost']}")
    return 0 if attacked["success"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
