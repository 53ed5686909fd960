# SPDX-License-Identifier: Apache-2.0
"""One `serin serve` on free ports of loopback, and a client that asks it at a steady rate."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from servers import resident_bytes

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "Models" / "diamonds-price" / "1"
PREDICT = "/v1/models/diamonds-price:predict"


def binary(path):
    """The type of a `--serin` argument."""
    found = Path(path).resolve()
    if not found.is_file():
        raise SystemExit(f"no binary at {found}: swift build -c release, or --serin PATH")
    return found


def body():
    """A prediction of one row."""
    record = json.loads((MODEL / "golden.jsonl").read_text().splitlines()[0])
    return json.dumps({"instances": [record["inputs"]]}).encode()


def request(path=PREDICT, data=None, host="localhost"):
    if data is None:
        return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Serin:
    """A daemon with one example model; used as a context. `stop` and `start` may be called in between."""

    def __init__(self, binary, settings=None, context=None, prefix=(), artifact=MODEL):
        self.binary = binary
        self.artifact = artifact
        # How a client makes sure of it, where the port speaks TLS.
        self.context = context
        # What the daemon is started by, such as `taskset -c 0`; it must become the daemon.
        self.prefix = prefix
        self.settings = settings or {}
        self.port, self.operations_port = free_port(), free_port()
        self.process = None

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="serin-")
        self.folder = Path(self.scratch.name)
        shutil.copytree(self.artifact, self.folder / "models" / "diamonds-price" / "1")
        settings = {"state_directory": str(self.folder / "state"), **self.settings}
        (self.folder / "serin.json").write_text(json.dumps(settings))
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.scratch.cleanup()

    def start(self):
        command = [*self.prefix, self.binary, "serve", "--config", self.folder / "serin.json", "--models", self.folder / "models"]
        command += ["--port", str(self.port), "--operations-port", str(self.operations_port)]
        with open(self.folder / "log.jsonl", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)

    def wait_until_ready(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"serin ended with {self.process.returncode}:\n{self.log()}")
            if self.get("/readyz")[0] == 200:
                return
            time.sleep(0.005)
        raise RuntimeError(f"serin is not ready after {seconds} s:\n{self.log()}")

    def get(self, path):
        """Status and body; status 0 where nobody answers."""
        if self.context:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=5, context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def stop(self, seconds=60):
        """Asks the daemon to end; answers its exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def log(self):
        return (self.folder / "log.jsonl").read_text(errors="replace")[-3000:]

    def resident_bytes(self):
        return resident_bytes(self.process.pid)


@dataclass
class Steady:
    """Requests at a steady rate, whether the ones before were answered or not (an open loop).

    Each has a moment when it is due; its latency counts from there, so that a server that stalls cannot slow the
    measure down. Workers take turns, each with a connection of its own that it renews every `renew` requests. None is
    sent twice.
    """

    port: int
    rate: float
    workers: int = 16
    renew: int = 100
    timeout: float = 5.0
    latencies: list = field(default_factory=list)
    statuses: dict = field(default_factory=dict)
    # What went wrong with requests that got no whole answer.
    lost: list = field(default_factory=list)

    def __post_init__(self):
        self.lock = threading.Lock()
        self.request = request(data=body())

    def start(self, seconds=None):
        """Begins; ends after `seconds`, or at `finish`."""
        self.began = time.monotonic() + 0.1
        self.end = None if seconds is None else self.began + seconds
        self.threads = [threading.Thread(target=self.work, args=(index,)) for index in range(self.workers)]
        for thread in self.threads:
            thread.start()
        return self

    def finish(self):
        if self.end is None:
            self.end = time.monotonic()
        for thread in self.threads:
            thread.join()
        return self

    def work(self, number):
        link, served = None, 0
        while True:
            due = self.began + number / self.rate
            number += self.workers
            if self.end is not None and due >= self.end:
                break
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            try:
                if link is None:
                    link, served = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout), 0
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link.sendall(self.request)
                status, stays = read_answer(link)
                served += 1
                self.note(due, status)
                if stays and served < self.renew:
                    continue
            except OSError as error:
                self.note(due, None, f"{type(error).__name__}: {error}, request {served + 1} of its connection")
            if link is not None:
                link.close()
            link = None
        if link is not None:
            link.close()

    def note(self, due, status, problem=None):
        now = time.monotonic()
        with self.lock:
            if problem is not None:
                self.lost.append(f"{now - self.began:.3f} s: {problem}")
                return
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.latencies.append(now - due)

    @property
    def sent(self):
        return sum(self.statuses.values()) + len(self.lost)

    @property
    def success(self):
        return self.statuses.get(200, 0) / max(self.sent, 1)

    def quantile(self, share):
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[int(share * (len(ordered) - 1))] * 1000 if ordered else float("nan")


def read_answer(link):
    """Status, and whether the connection stays; an answer that is not whole is an error."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(link, data)
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(rest) < length:
        rest += receive(link, rest)
    return int(head.split(b" ", 2)[1]), not any(line.replace(b" ", b"") == b"connection:close" for line in lines)


def receive(link, before):
    data = link.recv(1 << 16)
    if not data:
        raise ConnectionError("closed within an answer" if before else "closed without an answer")
    return data
