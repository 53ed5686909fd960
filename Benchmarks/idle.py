# SPDX-License-Identifier: Apache-2.0
"""What an idle connection costs: opens many, each asks for one prediction and stays.

    python3 Benchmarks/idle.py --serin .build/release/serin
    python3 Benchmarks/idle.py --serin .build/release/serin --tls

Resident memory is read with a fifth of them idle, with all, and after they have closed; what one costs is the slope
between the first two, as the first of them find memory that the daemon had already. Everything is on loopback.
"""

import argparse
import json
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def certificate(folder):
    """A key and a certificate for localhost, made by OpenSSL."""
    files = {"certificate": f"{folder}/certificate.pem", "key": f"{folder}/key.pem"}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", files["key"],
         "-out", files["certificate"]],
        check=True, capture_output=True,
    )
    return files


def run(arguments):
    data = request(data=body())
    settings = {
        "limits": {"connections": arguments.connections + 100},
        "deadlines": {"idle": "10m"},
    }
    with tempfile.TemporaryDirectory(prefix="idle-") as folder:
        context = None
        if arguments.tls:
            files = certificate(Path(folder))
            settings["tls"] = {"certificates": [files]}
            context = ssl.create_default_context(cafile=files["certificate"])
        with Serin(arguments.serin, settings, context) as daemon:
            return measure(daemon, context, data, arguments.connections)


def measure(daemon, context, data, count):
    def connect():
        link = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
        return context.wrap_socket(link, server_hostname="localhost") if context else link

    for _ in range(200):
        with connect() as link:
            ask(link, data)
    before = settled(daemon)
    links, seconds = [], 0.0

    def open_up_to(count):
        began = time.monotonic()
        while len(links) < count:
            links.append(connect())
            ask(links[-1], data)
        return time.monotonic() - began

    first = count // 5
    try:
        seconds += open_up_to(first)
        some = settled(daemon)
        seconds += open_up_to(count)
        idle = settled(daemon)
        # All are still there, and still served.
        for link in links[:: max(count // 100, 1)]:
            ask(link, data)
    finally:
        for link in links:
            link.close()
    after = settled(daemon)
    return {
        "connections": count,
        "tls": context is not None,
        "opened_in_seconds": seconds,
        "before_mb": before / 1e6,
        "fifth_idle_mb": some / 1e6,
        "idle_mb": idle / 1e6,
        "closed_mb": after / 1e6,
        "bytes_per_connection": (idle - some) / (count - first),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--tls", action="store_true", help="over TLS 1.3")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    needed = arguments.connections + 200
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < needed:
        raise SystemExit(f"{needed} descriptors are needed: ulimit -n {needed}")
    found = run(arguments)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"{found['connections']} connections{' over TLS' if found['tls'] else ''}, a request each, in {found['opened_in_seconds']:.1f} s")
        print(f"resident before {found['before_mb']:.1f} MB, a fifth idle {found['fifth_idle_mb']:.1f} MB, "
              f"all idle {found['idle_mb']:.1f} MB, closed {found['closed_mb']:.1f} MB")
        print(f"{found['bytes_per_connection']:.0f} bytes a connection")
    return 0


if __name__ == "__main__":
    sys.exit(main())
