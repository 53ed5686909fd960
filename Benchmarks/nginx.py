# SPDX-License-Identifier: Apache-2.0
"""A full prediction of serin beside nginx answering a fixed body of the same size.

    python3 Benchmarks/nginx.py --serin .build/release/serin

Needs Debian's nginx-light, wrk and nghttp2-client (h2load). Both servers have one worker, on the first of two cores;
the load is on the second. Every figure is a median over rounds in which the servers take turns; CPU is what the
server's process used for a request, by the kernel's count. nginx reads a request's head, throws its body away and
answers `return 200`; serin parses, validates, infers, guards, counts and writes.
"""

import argparse
import http.client
import json
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import MODEL, PREDICT, ROOT, Serin, binary, free_port

TICK = 0.01
SERVER_CORE, LOAD_CORE = "0", "1"


def rows(count):
    """A prediction of so many rows, in the row form."""
    lines = (MODEL / "golden.jsonl").read_text().splitlines()
    records = [json.loads(line)["inputs"] for line in lines]
    return json.dumps({"instances": [records[index % len(records)] for index in range(count)]})


class Pinned(Serin):
    """serin on the server's core, with TLS where `certificate` says so."""

    def __init__(self, path, settings, certificate=None):
        context = None
        if certificate:
            pair = dict(zip(("certificate", "key"), map(str, certificate)))
            settings = {**settings, "tls": {"certificates": [pair]}}
            context = ssl.create_default_context(cafile=certificate[0])
        super().__init__(path, settings, context, ("taskset", "-c", SERVER_CORE))

    @property
    def pid(self):
        return self.process.pid


class Nginx:
    """nginx with one worker that answers every request with `length` bytes."""

    def __init__(self, length, certificate=None):
        self.length, self.certificate = length, certificate
        self.port = free_port()

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="nginx-")
        folder = Path(self.scratch.name)
        secure = ""
        if self.certificate:
            # Debian's speaks no TLS 1.3 unless it is told to.
            secure = (
                f"ssl_certificate {self.certificate[0]}; ssl_certificate_key {self.certificate[1]};"
                "ssl_protocols TLSv1.2 TLSv1.3;"
            )
        # nginx takes no word of more than 4 KiB.
        text = "${block}" * (self.length // 1000) + "x" * (self.length % 1000)
        paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 15000; }}
            http {{ access_log off; keepalive_requests 1000000000; client_max_body_size 64m; {paths}
              server {{ listen 127.0.0.1:{self.port} {"ssl" if self.certificate else ""}; {secure}
                location / {{ default_type application/json; set $block '{"x" * 1000}'; return 200 "{text}"; }} }} }}""")
        command = ["taskset", "-c", SERVER_CORE, "nginx", "-c", folder / "nginx.conf"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        workers = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        if not workers:
            self.__exit__()
            raise SystemExit("nginx did not start")
        self.pid = int(workers[0])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.scratch.cleanup()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK


class Load:
    """What is asked, written down for wrk and h2load."""

    def __init__(self, folder, name, body):
        self.body = body
        self.file = folder / f"{name}.json"
        self.file.write_text(body)
        self.script = folder / f"{name}.lua"
        text = json.dumps(body)
        self.script.write_text(
            f'wrk.method = "POST"\nwrk.body = {text}\nwrk.headers["content-type"] = "application/json"\n'
        )

    def run(self, server, connections, seconds, scheme="http"):
        """Requests a second and microseconds of CPU a request, in a closed loop."""
        before = cpu_seconds(server.pid)
        done = subprocess.run(
            ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", self.script,
             f"{scheme}://127.0.0.1:{server.port}{PREDICT}"],
            capture_output=True, text=True, check=True,
        ).stdout
        used = cpu_seconds(server.pid) - before
        if "Non-2xx" in done or "Socket errors" in done:
            raise SystemExit(f"not every request was answered:\n{done}")
        count = int(re.search(r"(\d+) requests in", done)[1])
        return float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1]), used / count * 1e6

    def tail(self, server, rate, seconds, folder, clients=32):
        """The 99th percentile in microseconds at a steady rate, by h2load's own clock."""
        log = folder / "latencies.tsv"
        log.unlink(missing_ok=True)
        subprocess.run(
            ["taskset", "-c", LOAD_CORE, "h2load", "--h1", "-t1", f"-c{clients}", f"--rps={max(1, rate // clients)}",
             "-D", str(seconds), f"--log-file={log}", "-d", self.file, "-H", "content-type: application/json",
             f"http://127.0.0.1:{server.port}{PREDICT}"],
            capture_output=True, text=True, check=True,
        )
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        return times[int(len(times) * 0.99)]


def answer_length(server, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", PREDICT, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{answer.status}: {data[:300]}")
    connection.close()
    return len(data)


def in_turns(loads, servers, connections, arguments, scheme="http"):
    """Median rate and CPU of each server, and the medians of the ratios of each round."""
    found = {name: [] for name in servers}
    for _ in range(arguments.rounds):
        for name, server in servers.items():
            found[name].append(loads.run(server, connections, arguments.seconds, scheme))
    pairs = list(zip(found["serin"], found["nginx"]))
    return {
        "rate": {name: statistics.median(rate for rate, _ in runs) for name, runs in found.items()},
        "cpu": {name: statistics.median(cpu for _, cpu in runs) for name, runs in found.items()},
        "rate_ratio": statistics.median(ours[0] / theirs[0] for ours, theirs in pairs),
        "cpu_ratio": statistics.median(ours[1] / theirs[1] for ours, theirs in pairs),
    }


def line(name, found):
    rate, cpu = found["rate"], found["cpu"]
    print(
        f"| {name} | {rate['serin']:,.0f} | {rate['nginx']:,.0f} | {found['rate_ratio']:.2f} | {cpu['serin']:.1f} | "
        f"{cpu['nginx']:.1f} | {found['cpu_ratio']:.2f} |", flush=True,
    )


def probes_under_load(arguments, folder):
    """The 99th percentile of /readyz in milliseconds while predictions keep every core busy."""
    with Serin(arguments.serin) as server:
        load = Load(folder, "thousand", rows(1000))
        wrk = subprocess.Popen(
            ["wrk", "-t2", "-c64", f"-d{arguments.seconds + 2}", "-s", load.script, f"http://127.0.0.1:{server.port}{PREDICT}"],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(1)
        times, end = [], time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            began = time.monotonic()
            status, _ = server.get("/readyz")
            times.append((time.monotonic() - began) * 1000)
            if status != 200:
                raise SystemExit(f"/readyz is {status} under load")
            time.sleep(0.02)
        wrk.wait()
    return sorted(times)[int(len(times) * 0.99)]


def certificate(folder):
    """A P-256 certificate for this machine."""
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )
    files[1].chmod(0o600)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="a run")
    arguments = parser.parse_args()
    missing = [tool for tool in ("nginx", "wrk", "h2load", "taskset", "openssl") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)} (Debian: nginx-light wrk nghttp2-client util-linux openssl)")
    with tempfile.TemporaryDirectory(prefix="serin-bench-") as scratch:
        measure(arguments, Path(scratch))
    return 0


def measure(arguments, folder):
    one, many, thousand = (Load(folder, f"rows{count}", rows(count)) for count in (1, 32, 1000))
    settings = {"loops": 1, "deadlines": {"request": "10s"}}
    print("| work | serin req/s | nginx req/s | ratio | serin CPU us | nginx CPU us | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with Pinned(arguments.serin, settings) as serin:
        length = answer_length(serin, one.body)
        for name, load, connections in (
            ("1 row, 16 connections", one, 16), ("1 row, 64 connections", one, 64),
            ("32 rows, 16 connections", many, 16), ("1,000 rows, 16 connections", thousand, 16),
        ):
            with Nginx(answer_length(serin, load.body)) as nginx:
                found = in_turns(load, {"serin": serin, "nginx": nginx}, connections, arguments)
                line(name, found)
                if load is one and connections == 16:
                    saturation = found["rate"]["serin"]
        with Nginx(length) as nginx:
            tails = {"serin": [], "nginx": []}
            for _ in range(arguments.rounds):
                tails["serin"].append(one.tail(serin, int(saturation / 2), arguments.seconds, folder))
                tails["nginx"].append(one.tail(nginx, int(saturation / 2), arguments.seconds, folder))
    pair = certificate(folder)
    with Pinned(arguments.serin, settings, pair) as serin, Nginx(length, pair) as nginx:
        line("TLS, 1 row, 16 connections", in_turns(one, {"serin": serin, "nginx": nginx}, 16, arguments, "https"))
    ours, theirs = (statistics.median(tails[name]) for name in ("serin", "nginx"))
    print(f"\np99 at {saturation / 2:,.0f} requests a second: serin {ours:.0f} us, nginx {theirs:.0f} us, "
          f"{statistics.median(a / b for a, b in zip(tails['serin'], tails['nginx'])):.2f}x")
    print(f"p99 of /readyz while every core is busy: {probes_under_load(arguments, folder):.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
