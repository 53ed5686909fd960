# SPDX-License-Identifier: Apache-2.0
"""Restarts two daemons behind HAProxy in turn, under load, and counts what clients lose.

    apt-get install haproxy
    python3 Benchmarks/rolling.py --serin .build/release/serin

HAProxy asks /readyz of both. One daemon gets SIGTERM, must exit with 0, is started again, and once HAProxy has it up the
other one's turn comes. Meanwhile predictions (POST) are asked for at a steady rate over connections that are kept alive.
HAProxy retries nothing (`retry-on none`), nor does the client. Everything is on loopback and ends by itself.
"""

import argparse
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import ROOT, Serin, Steady, binary, free_port

CONFIGURATION = """
global
    stats socket {folder}/stats.sock mode 600 level admin
    maxconn 2000
defaults
    mode http
    option httplog
    log stdout format raw local0 err
    timeout connect 2s
    timeout client 30s
    timeout server 5s
    timeout http-keep-alive 30s
    retries 0
    retry-on none
frontend clients
    bind 127.0.0.1:{port}
    default_backend daemons
backend daemons
    balance roundrobin
    http-reuse {reuse}
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    default-server inter {inter}ms fastinter {inter}ms fall 1 rise 1
    server a 127.0.0.1:{a} check
    server b 127.0.0.1:{b} check
"""


class HAProxy:
    def __init__(self, daemons, arguments):
        self.daemons, self.arguments = daemons, arguments
        self.port = free_port()

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="haproxy-")
        self.folder = Path(self.scratch.name)
        text = CONFIGURATION.format(
            folder=self.folder, port=self.port, a=self.daemons[0].port, b=self.daemons[1].port,
            inter=self.arguments.inter, reuse=self.arguments.reuse,
        )
        (self.folder / "haproxy.cfg").write_text(text)
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [program(), "-db", "-f", self.folder / "haproxy.cfg"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        try:
            self.wait_for("a", True)
            self.wait_for("b", True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        self.scratch.cleanup()

    def is_up(self, name):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.folder / "stats.sock"))
            link.sendall(b"show stat\n")
            text = b"".join(iter(lambda: link.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines()]
        state = rows[0].index("status")
        return any(row[:2] == ["daemons", name] and row[state].startswith("UP") for row in rows[1:] if len(row) > state)

    def wait_for(self, name, is_up, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"haproxy ended: {(self.folder / 'log').read_text()}")
            with contextlib.suppress(OSError):
                if self.is_up(name) == is_up:
                    return
            time.sleep(0.01)
        raise RuntimeError(f"haproxy does not have {name} {'up' if is_up else 'down'} after {seconds} s")

    def complaints(self):
        return (self.folder / "log").read_text(errors="replace").splitlines()


def program():
    path = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if path is None:
        raise SystemExit("no haproxy: apt-get install haproxy")
    return path


def run(arguments):
    settings = {"drain": {"delay": arguments.delay, "limit": "10s"}}
    exits, took = [], []
    with Serin(arguments.serin, settings) as a, Serin(arguments.serin, settings) as b, HAProxy((a, b), arguments) as proxy:
        client = Steady(proxy.port, arguments.rate, renew=arguments.renew).start()
        try:
            time.sleep(2)
            for index in range(arguments.restarts):
                name, daemon = ("a", a) if index % 2 == 0 else ("b", b)
                began = time.monotonic()
                exits.append(daemon.stop())
                daemon.start()
                daemon.wait_until_ready()
                # Down it was for certain: its port had no listener.
                proxy.wait_for(name, True)
                took.append(time.monotonic() - began)
                time.sleep(arguments.rest)
            time.sleep(1)
        finally:
            client.finish()
        complaints = proxy.complaints()
    return {
        "restarts": len(exits),
        "exits_other_than_0": sum(status != 0 for status in exits),
        "seconds_a_restart": sum(took) / max(len(took), 1),
        "requests": client.sent,
        "statuses": client.statuses,
        "lost": client.lost,
        "p50_ms": client.quantile(0.5),
        "p99_ms": client.quantile(0.99),
        "haproxy": [line for line in complaints if "POST" in line][:20],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    add("--restarts", type=int, default=100)
    add("--rate", type=float, default=300, help="requests a second (300)")
    add("--delay", default="1s", help="drain.delay of the daemons (1s)")
    add("--inter", type=int, default=200, help="milliseconds between two health checks (200)")
    add("--reuse", default="safe", choices=["never", "safe", "aggressive", "always"], help="HAProxy's http-reuse (safe)")
    add("--renew", type=int, default=100, help="requests a client's connection carries (100)")
    add("--rest", type=float, default=0.5, help="seconds between two restarts (0.5)")
    add("--json", action="store_true")
    arguments = parser.parse_args()
    found = run(arguments)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        others = {status: count for status, count in found["statuses"].items() if status != 200}
        print(f"{found['restarts']} restarts, {found['seconds_a_restart']:.2f} s each, "
              f"{found['exits_other_than_0']} exits other than 0")
        print(f"{found['requests']} requests: {found['statuses'].get(200, 0)} answered with 200, "
              f"{sum(others.values())} with something else {others or ''}, {len(found['lost'])} lost")
        print(f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms")
        for line in [*found["lost"][:20], *found["haproxy"]]:
            print(f"    {line}")
    return 0 if not found["lost"] and set(found["statuses"]) == {200} and not found["exits_other_than_0"] else 1


if __name__ == "__main__":
    sys.exit(main())
