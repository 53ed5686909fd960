# SPDX-License-Identifier: Apache-2.0
"""What TLS costs, beside nginx with the same P-256 certificate.

    python3 Benchmarks/tls.py --serin .build/release/serin

Needs Debian's nginx-light and wrk. Three tables: processor time for a request that is answered by a few bytes
(`/livez`; nginx answers as many by `return 200`), plain and with TLS, 16 connections that stay; processor time for a
connection with one request, shaken hands in full and by ticket; resident memory of idle connections, each of which has
been answered once. Servers have one worker, on the first of two cores; the load is on the second. Figures are medians
over rounds in which the servers take turns.
"""

import argparse
import contextlib
import re
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nginx import LOAD_CORE, Nginx, Pinned, certificate, cpu_seconds
from servers import resident_bytes
from serving import ROOT, binary

PATH = "/livez"
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def context():
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    return found


def connect(server, trust, session=None):
    """A connection that has been answered once."""
    link = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    if trust:
        link = trust.wrap_socket(link, session=session)
    link.sendall(REQUEST)
    if b" 200 " not in link.recv(1 << 16):
        raise SystemExit("not answered")
    return link


def request_cost(server, scheme, seconds):
    """Microseconds of processor a request."""
    before = cpu_seconds(server.pid)
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", "-c16", f"-d{seconds}", f"{scheme}://127.0.0.1:{server.port}{PATH}"],
        capture_output=True, text=True, check=True,
    ).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise SystemExit(done)
    count = int(re.search(r"(\d+) requests in", done)[1])
    if not count:
        raise SystemExit(f"nothing was answered:\n{done}")
    return (cpu_seconds(server.pid) - before) / count * 1e6


def connection_cost(server, is_resumed, count=500):
    """Microseconds of processor a connection with one request."""
    trust = context()
    with connect(server, trust) as link:
        session = link.session if is_resumed else None
    before = cpu_seconds(server.pid)
    for _ in range(count):
        with connect(server, trust, session) as link:
            if link.session_reused != is_resumed:
                raise SystemExit("a ticket was not taken")
    return (cpu_seconds(server.pid) - before) / count * 1e6


def idle_bytes(server, is_secure, count):
    """Resident bytes an idle connection."""
    trust = context() if is_secure else None
    with contextlib.ExitStack() as links:
        links.enter_context(connect(server, trust))
        time.sleep(0.5)
        before = resident_bytes(server.pid)
        for _ in range(count):
            links.enter_context(connect(server, trust))
        time.sleep(0.5)
        return (resident_bytes(server.pid) - before) / count


def table(title, names, rows):
    print(f"\n| {title} | " + " | ".join(names) + " |\n| --- |" + " --: |" * len(names))
    for name, cells in rows:
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="a run")
    parser.add_argument("--connections", type=int, default=2000, help="idle ones")
    arguments = parser.parse_args()
    missing = [tool for tool in ("nginx", "wrk", "taskset", "openssl") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)} (Debian: nginx-light wrk util-linux openssl)")
    wanted = arguments.connections + 200
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard >= 0 else wanted, hard))
    with tempfile.TemporaryDirectory(prefix="serin-bench-") as scratch:
        measure(arguments, certificate(Path(scratch)))
    return 0


def measure(arguments, pair):
    settings = {"loops": 1, "limits": {"connections": arguments.connections + 100}}
    # serin's answer to a probe has 304 bytes with its head, of which nginx's own head has about half.
    length = 128
    with contextlib.ExitStack() as servers:
        run = {
            "serin plain": (servers.enter_context(Pinned(arguments.serin, settings)), "http"),
            "serin TLS": (servers.enter_context(Pinned(arguments.serin, settings, pair)), "https"),
            "nginx plain": (servers.enter_context(Nginx(length)), "http"),
            "nginx TLS": (servers.enter_context(Nginx(length, pair)), "https"),
        }
        requests = {name: [] for name in run}
        connections = {(name, is_resumed): [] for name in ("serin TLS", "nginx TLS") for is_resumed in (False, True)}
        for _ in range(arguments.rounds):
            for name, (server, scheme) in run.items():
                requests[name].append(request_cost(server, scheme, arguments.seconds))
            for name, is_resumed in connections:
                connections[name, is_resumed].append(connection_cost(run[name][0], is_resumed))
        cells = [f"{statistics.median(found):.1f}" for found in requests.values()]
        table("CPU, us", list(run), [("a request on a connection that stays", cells)])
        rows = []
        for is_resumed in (False, True):
            cells = [f"{statistics.median(connections[name, is_resumed]):.0f}" for name in ("serin TLS", "nginx TLS")]
            rows.append(("with a handshake " + ("by ticket" if is_resumed else "in full"), cells))
        table("CPU of a connection with one request, us", ["serin TLS", "nginx TLS"], rows)
    # Anew: what was used before is given out again.
    cells = []
    for make in (
        lambda: Pinned(arguments.serin, settings), lambda: Pinned(arguments.serin, settings, pair),
        lambda: Nginx(length), lambda: Nginx(length, pair),
    ):
        with make() as server:
            is_secure = (server.context if isinstance(server, Pinned) else server.certificate) is not None
            cells.append(f"{idle_bytes(server, is_secure, arguments.connections) / 1024:.1f}")
    table(f"resident, KiB each of {arguments.connections:,}", list(run), [("an idle connection", cells)])


if __name__ == "__main__":
    sys.exit(main())
