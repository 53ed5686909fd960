# SPDX-License-Identifier: Apache-2.0
"""What an idle connection costs: opens many, each asks for one prediction and stays.

    python3 Benchmarks/idle.py --serin .build/release/serin

Resident memory is read with a fifth of them idle, with all, and after they have closed; what one costs is the slope
between the first two, as the first of them find memory that the daemon had already. Everything is on loopback.
"""

import argparse
import json
import resource
import socket
import sys
import time

from serving import ROOT, Serin, binary, body, read_answer, request


def settled(daemon):
    """Resident bytes once two readings half a second apart agree, for at most 10 s."""
    before = daemon.resident_bytes()
    for _ in range(20):
        time.sleep(0.5)
        now = daemon.resident_bytes()
        if now == before:
            break
        before = now
    return before


def ask(link, data):
    link.sendall(data)
    status, stays = read_answer(link)
    if status != 200 or not stays:
        raise SystemExit(f"a request got {status}, and the connection {'stays' if stays else 'ends'}")


def run(arguments):
    data = request(data=body())
    settings = {
        "limits": {"connections": arguments.connections + 100},
        "deadlines": {"idle": "10m"},
    }
    with Serin(arguments.serin, settings) as daemon:
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as link:
                ask(link, data)
        before = settled(daemon)
        links, seconds = [], 0.0

        def open_up_to(count):
            began = time.monotonic()
            while len(links) < count:
                link = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
                links.append(link)
                ask(link, data)
            return time.monotonic() - began

        first = arguments.connections // 5
        try:
            seconds += open_up_to(first)
            some = settled(daemon)
            seconds += open_up_to(arguments.connections)
            idle = settled(daemon)
            # All are still there, and still served.
            for link in links[:: max(len(links) // 100, 1)]:
                ask(link, data)
        finally:
            for link in links:
                link.close()
        after = settled(daemon)
    return {
        "connections": arguments.connections,
        "opened_in_seconds": seconds,
        "before_mb": before / 1e6,
        "fifth_idle_mb": some / 1e6,
        "idle_mb": idle / 1e6,
        "closed_mb": after / 1e6,
        "bytes_per_connection": (idle - some) / (arguments.connections - first),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    needed = arguments.connections + 200
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < needed:
        raise SystemExit(f"{needed} descriptors are needed: ulimit -n {needed}")
    found = run(arguments)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"{found['connections']} connections, a request each, in {found['opened_in_seconds']:.1f} s")
        print(f"resident before {found['before_mb']:.1f} MB, a fifth idle {found['fifth_idle_mb']:.1f} MB, "
              f"all idle {found['idle_mb']:.1f} MB, closed {found['closed_mb']:.1f} MB")
        print(f"{found['bytes_per_connection']:.0f} bytes a connection")
    return 0


if __name__ == "__main__":
    sys.exit(main())
