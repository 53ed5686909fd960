# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in, over the wire, on the command line or from the disk: a clear refusal.

Random inputs, bounded in number and time. Each test prints its seed; SERIN_SEED repeats a run.
"""

import collections
import copy
import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest
from daemon import MODELS, ROOT, binary, contract, copy_models, Daemon, golden, surroundings, tensors

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

ROW = golden("diamonds-price/1")[0]["inputs"]
PREDICT = "/v1/models/diamonds-price/versions/1:predict"
INFER = "/v2/models/diamonds-price/versions/1/infer"
GOOD = json.dumps({"instances": [ROW]}).encode()
ODD = (
    '0 -0 -1 1 1e0 1e309 -1e999 1e-400 9007199254740993 9223372036854775808 18446744073709551616 '
    '4611686018427387904 1e2147483648 NaN -Infinity 01 +1 .5 1. 0x10 true null "" "a" [] {} [[[]]] '
    '{"a":1} "\\ud800" "\\u0000"'
).split() + ["1" * 400, "0." + "0" * 400 + "1", '"' + "x" * 5000 + '"']


@pytest.fixture
def chance(request):
    seed = int(os.environ.get("SERIN_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"{request.node.name}: SERIN_SEED={seed}")
    return random.Random(seed)


def budget(count, seconds):
    """Counts up to `count`, for at most `seconds`."""
    end = time.monotonic() + seconds
    for index in range(count):
        if time.monotonic() > end:
            return
        yield index


def head(path, body=b"", method="POST", fields=(), media="application/json"):
    lines = [f"{method} {path} HTTP/1.1", "host: test", f"content-type: {media}"]
    lines += [f"content-length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def exchange(port, *pieces, half_close=True, seconds=5):
    """Sends the pieces on a connection of their own; answers all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
        answer = b""
        try:
            for piece in pieces:
                link.sendall(piece)
            if half_close:
                link.shutdown(socket.SHUT_WR)
            while data := link.recv(1 << 16):
                answer += data
        except (ConnectionError, socket.timeout):
            pass
        return answer


class Connection:
    """A connection that stays open for one request after the other."""

    def __init__(self, port):
        self.port, self.link, self.rest = port, None, b""

    def ask(self, request):
        """Answers status, header fields and body; opens a new connection where the last ended."""
        for _ in range(2):
            if self.link is None:
                self.link = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                self.rest = b""
            try:
                self.link.sendall(request)
                answer = self.read()
            except ConnectionError:
                answer = None
            if answer:
                return answer
            self.close()
        raise AssertionError(f"no answer to {request[:300]}")

    def read(self):
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return None
        top, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(fields.get("content-length", 0))
        while len(self.rest) < length:
            if not self.more():
                return None
        body, self.rest = self.rest[:length], self.rest[length:]
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), fields, body

    def more(self):
        data = self.link.recv(1 << 16)
        self.rest += data
        return data

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attack")
    with Daemon(copy_models(folder, "diamonds-price/1"), folder) as daemon:
        yield daemon


class Watch:
    """The daemon must be after an attack what it was before."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.link = Connection(daemon.port)
        self.price = self.predict()
        self.descriptors = self.count_descriptors()
        self.resident = daemon.resident_bytes()

    def predict(self):
        status, fields, body = self.link.ask(head(PREDICT, GOOD))
        assert status == 200 and fields["serin-served-by"] == "model", body
        return json.loads(body)["predictions"]

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def still_right(self):
        assert self.daemon.process.poll() is None, self.daemon.log()
        assert self.predict() == self.price

    def finish(self, growth=64 << 20):
        self.still_right()
        end = time.monotonic() + 10
        while self.count_descriptors() > self.descriptors + 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert self.count_descriptors() <= self.descriptors + 2
        assert self.daemon.resident_bytes() < self.resident + growth


def mutated(chance, data, times=None):
    data = bytearray(data)
    for _ in range(times or chance.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            break
        place = chance.randrange(len(data))
        kind = chance.randrange(6)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[place:place + chance.choice([1, 1, 2, 8, 64])]
        elif kind == 2:
            data[place:place] = chance.randbytes(chance.choice([1, 2, 5]))
        elif kind == 3:
            data[place] = chance.choice(b'{}[],:"\\0123456789eE+-.\x00\x1f\x7f\xff\xc0\r\n %')
        elif kind == 4:
            start = chance.randrange(len(data))
            data[place:place] = data[start:start + chance.randrange(40)]
        else:
            del data[place:]
    return bytes(data)


def with_odd_value(chance, text):
    """Puts something odd in the place of one value, name or bracket of a JSON text."""
    spans = [match.span() for match in re.finditer(rb'"[^"]*"|-?\d[\d.eE+-]*|[\[\]{}]|true|null', text)]
    start, end = chance.choice(spans)
    return text[:start] + chance.choice(ODD).encode() + text[end:]


def odd_tensors(chance):
    """A request of tensors that is wrong in structure, and its header field for binary data."""
    rows = chance.choice([1, 1, 2, 3])
    inputs = tensors(contract("diamonds-price/1"), [ROW] * rows)
    binary_data = b""
    for item in inputs:
        choice = chance.random()
        if choice < 0.05:
            item["shape"] = chance.choice(
                [[rows, 1], [2**62, 9], [2**63], [2**31, 2**31], [-1], [0], [], [1] * 17, [1.5], None, {}, [[1]]]
            )
        elif choice < 0.08:
            data = item["data"]
            item["data"] = chance.choice([[], [[]], [data], data * 2, data[:-1], None, "x", [None] * rows, [data, 1]])
        elif choice < 0.1:
            item["datatype"] = chance.choice(["FP64", "INT64", "BYTES", "BOOL", "FOO", None, 1])
        elif choice < 0.12:
            item["name"] = chance.choice(["", "nope", None, "x" * 5000, "\0", []])
        elif choice < 0.35 and item["datatype"] == "FP32":
            packed = struct.pack(f"<{rows}f", *item.pop("data"))
            if chance.random() < 0.2:
                packed = mutated(chance, packed)
            size = len(packed)
            if chance.random() < 0.1:
                size = chance.choice([0, size + 1, 2**31, 2**63 - 1, 2**63, -1, 1.5, "4", None])
            item["parameters"] = {"binary_data_size": size}
            binary_data += packed
    if chance.random() < 0.1:
        inputs.append(copy.deepcopy(chance.choice(inputs)))
    document = {"inputs": inputs}
    if chance.random() < 0.1:
        document["id"] = chance.choice(["a", "x" * 100_000, 1, "\0\r\nx: y"])
    if chance.random() < 0.2:
        document["outputs"] = chance.choice([[{"name": "price"}] * 2, [{"name": "pric"}], [{}], [1], None, {}])
    text = json.dumps(document).encode()
    if chance.random() < 0.3:
        text = with_odd_value(chance, text)
    length = len(text)
    if chance.random() < 0.1:
        length = chance.choice([0, length - 1, length + 1, -1, 2**63, 10**40, "x", "", "5 5"])
    fields = [f"inference-header-content-length: {length}"] if binary_data else []
    return text + binary_data, fields


def test_broken_bodies_are_refused_as_the_clients_fault(target, chance):
    watch = Watch(target)
    link = Connection(target.port)
    codes = collections.Counter()
    for index in budget(12_000, 8):
        fields = []
        path = PREDICT
        kind = index % 4
        if kind == 0:
            body = mutated(chance, GOOD)
        elif kind == 1:
            body = with_odd_value(chance, GOOD)
        elif kind == 2:
            body, fields = odd_tensors(chance)
            path = INFER
        else:
            body = with_odd_value(chance, with_odd_value(chance, GOOD))
        status, answer_fields, answer = link.ask(head(path, body, fields=fields))
        codes[status] += 1
        # A client may ask for a deadline that has passed; nothing else is the server's fault.
        allowed = {200, 400, 413} | ({504} if b"timeout" in body else set())
        assert status in allowed, (body[:500], answer[:500])
        assert "serin-request-id" in answer_fields
        if "inference-header-content-length" not in answer_fields:
            document = json.loads(answer)
            assert status == 200 or (document["category"] == "data" and document["error"])
            assert status != 200 or "error" not in document
        if index % 500 == 0:
            watch.still_right()
    assert codes[400] > 100
    watch.finish()


FIELDS = [
    "x-request-id: a\tb", "x-request-id: " + "a" * 5000, "x-request-id: \x80\xff", 'x-request-id: a"b\\n',
    "traceparent: 00-" + "0" * 32 + "-" + "0" * 16 + "-01", "traceparent: \x7f", "traceparent: ff-" + "a" * 60,
    "transfer-encoding: chunked", "transfer-encoding: gzip, chunked", "content-length: 0", "content-length: +1",
    "content-length: 18446744073709551616", "content-length: 5, 5", "expect: 100-continue", "expect: 200-ok",
    "connection: close", "connection: upgrade\r\nupgrade: h2c", "host: b", " leading: x", "a b: c", "nocolon",
    "x: y\r\n folded", ": empty", "content-encoding: gzip", "content-encoding: br", "serin-timeout-ms: x",
    "authorization: Bearer x", "x" * 9000 + ": y", "cookie: " + "z" * 7000, "x: \0", "x: a\rb", "accept: application/json",
]
PATHS = [
    "/", "/v2", "//v2", "/v2/models", "/v2/models/diamonds-price/versions/01", "/v2/models/diamonds-price/versions/1e0",
    "/v2/models/diamonds-price/versions/-1", "/v2/models/diamonds-price/versions/18446744073709551616",
    "/v2/models/..%2f", "/v2/models/%00", "/v2/models/%0d%0aset-cookie:%20a", "/v2/models/%ff%fe", "/v2/models/%",
    "/v2/models/%zz", "/v2/models/" + "a" * 5000, "/readyz/x%0ay", "/readyz?verbose", "/livez?%", "*", "http://h/v2",
    "/../../etc/passwd", "/v2/models?x=" + "y" * 9000, "/metrics", "/v1/status", "/v1/events?since=-1",
    "/v1/events?since=18446744073709551616", "/v1/models/nope/override", "/v1/models/diamonds-price/override",
    "/v1/models/diamonds-price/canary", "/v2/repository/index", PREDICT, INFER,
]
CHUNKS = [
    b"0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nt: v\r\n\r\n", b"ffffffffffffffff\r\n", b"10000000000000000\r\n", b"-1\r\n",
    b"1\nx\n0\n\n", b"1\r\nxx\r\n0\r\n\r\n", b"0\r\ncontent-length: 5\r\n\r\n",
]


def odd_request(chance):
    method = chance.choice(["GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "G ET", "", "X" * 99])
    version = chance.choice(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", ""])
    lines = [f"{method} {chance.choice(PATHS)} {version}"] + (["host: h"] if chance.random() < 0.9 else [])
    lines += chance.choices(FIELDS, k=chance.choice([0, 0, 1, 1, 2, 5]))
    body = b""
    if chance.random() < 0.3:
        body = chance.choice([GOOD, b"{}", b"x"])
        lines.append(f"content-length: {len(body)}")
    elif chance.random() < 0.2:
        body = chance.choice(CHUNKS)
        lines.append("transfer-encoding: chunked")
    ending = "\r\n" if chance.random() < 0.95 else "\n"
    return (ending.join(lines) + 2 * ending).encode("latin-1") + body


def test_broken_heads_pipelines_and_half_closes_are_survived(target, chance):
    watch = Watch(target)
    for index in budget(6_000, 8):
        port = target.operations_port if index % 3 == 0 else target.port
        data = odd_request(chance)
        if chance.random() < 0.2:
            data += b"".join(odd_request(chance) for _ in range(chance.choice([1, 2, 40])))
        if chance.random() < 0.4:
            data = mutated(chance, data)
        pieces = [data]
        if chance.random() < 0.1:
            cut = chance.randrange(len(data) + 1)
            pieces = [data[:cut], data[cut:]]
        elif chance.random() < 0.05:
            pieces = [data[place:place + 1] for place in range(min(len(data), 2000))]
        answer = exchange(port, *pieces)
        for match in re.finditer(rb"^HTTP/1\.1 (\d+)[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n", answer, re.MULTILINE):
            status, fields = int(match[1]), match[2].lower()
            assert status not in (500, 502, 503, 504), (data[:500], answer[:500])
            assert b"set-cookie" not in fields, data[:500]
            # The server itself answers 100 and `OPTIONS *`; all else has a name.
            assert status in (100, 204) or b"\r\nserin-request-id: " in b"\r\n" + fields, (data[:300], answer[:500])
            assert status != 204 or b"content-length" not in fields
        if index % 300 == 0:
            watch.still_right()
    for line in target.log_path.read_text().splitlines():
        json.loads(line)
    watch.finish()


# The header fields that are read, but for those that say where a request ends.
READ = [
    "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-type", "expect",
    "grpc-timeout", "inference-header-content-length", "origin", "sec-fetch-site", "serin-priority",
    "serin-sticky-key", "serin-timeout-ms", "traceparent", "upgrade", "x-request-id",
]
VALUES = [
    "", "0", "-0", "1", "-1", "+1", "007", "1.5", "1e3", "0x10", "NaN", "5, 5", "2147483648", "4294967296",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 40, "\x80\xff", "a" * 4000, "a," * 2000,
    ",", ";", "=", ";q", '"', '"a', "\\", "a/b;c=\"", "*/*;q=0", "gzip", "deflate, gzip", "gzip;q=1.000", "gzip;q=-1",
    "gzip;q=" + "9" * 30, "gzip;q=0." + "0" * 30 + "1", "*;q=0, identity;q=0", "Bearer", "bearer  x", "Basic eDp5", "null",
    "https://evil", "cross-site", "none", "low", "HIGH", "application/json; charset=\"utf-8\"", "application/octet-stream",
    "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "fe-" + "a" * 32 + "-" + "b" * 16 + "-ff-x", "00-" + "0" * 32 + "-" + "b" * 16 + "-",
] + [digits + unit for digits in ("0", "99999999", "999999999", "-1") for unit in "HMSmunx"]


def test_whatever_a_header_says_it_is_answered(target, chance):
    watch = Watch(target)
    links = {port: Connection(port) for port in (target.port, target.operations_port)}
    tensor = json.dumps({"inputs": tensors(contract("diamonds-price/1"), [ROW])}).encode()
    calls = [
        (target.port, "POST", PREDICT, GOOD), (target.port, "POST", INFER, tensor), (target.port, "GET", "/v2", b""),
        (target.port, "GET", "/readyz", b""), (target.operations_port, "GET", "/metrics", b""),
        (target.operations_port, "POST", "/v1/models/diamonds-price/breaker", b'{"action": "reset", "reason": "a"}'),
    ]
    # Each value of each field once, and then at random.
    plan = [(name, text) for name in READ for text in VALUES]
    for index in budget(len(plan) + 3000, 20):
        pairs = [plan[index]] if index < len(plan) else chance.sample(plan, chance.choice([2, 2, 3, 5]))
        port, method, path, body = calls[0 if index < len(plan) else chance.randrange(len(calls))]
        # The first of each counts.
        media = dict(pairs).pop("content-type", "application/json")
        fields = [f"{name}: {text}" for name, text in pairs if name != "content-type"]
        status, _, answer = links[port].ask(head(path, body, method, fields, media))
        # A client may ask for a deadline that has passed, or that is out of reach where predictions are dear.
        allowed = {200, 400, 401, 403, 415, 417, 431} | ({503, 504} if "timeout" in str(fields) else set())
        assert status in allowed, (path, fields, answer[:300])
    watch.finish()


@pytest.mark.alone
def test_many_slow_clients_do_not_slow_a_good_one(target, chance):
    watch = Watch(target)
    request = head(PREDICT, b" " * 50_000 + GOOD)
    links = []
    for index in range(400):
        link = socket.create_connection(("127.0.0.1", target.port))
        link.setblocking(False)
        link.send(request[:chance.choice([0, 1, 20, 90, 20_000])])
        links.append(link)
    times = []
    for _ in range(200):
        start = time.monotonic()
        watch.still_right()
        times.append(time.monotonic() - start)
    assert sorted(times)[190] < 0.5
    for index, link in enumerate(links):
        if index % 2:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    watch.finish()


def test_answers_that_nobody_reads_are_bounded(target):
    watch = Watch(target)
    links = []
    for _ in range(30):
        link = socket.create_connection(("127.0.0.1", target.port))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.setblocking(False)
        links.append(link)
        try:
            for _ in range(100):
                link.send(head("/v2/models/diamonds-price", method="GET") * 50)
        except (BlockingIOError, ConnectionError):
            pass
    watch.still_right()
    for link in links:
        link.close()
    watch.finish()


def test_denied_calls_cannot_push_the_journal_out(target):
    watch = Watch(target)
    before = [event["event"] for event in target.events()]
    link = Connection(target.operations_port)
    order = json.dumps({"mode": "model", "reason": "x", "by": "x", "expires_in": "1h"}).encode()
    paths = [f"/v1/models/{name}/override" for name in ("diamonds-price", "nope", "%0d%0a")]
    for index in budget(6_000, 5):
        path = paths[index % 3]
        fields = ["authorization: Bearer " + "0" * 64] if index % 2 else []
        status, _, _ = link.ask(head(path, order, "PUT", fields))
        assert status in (401, 404)
    events = [event["event"] for event in target.events()]
    assert events[:len(before)] == before
    assert len(events) < len(before) + 10
    assert target.operations("GET", paths[0]).json()["mode"] == "auto"
    watch.finish()


ORDERS = [
    "", "{", "[]", "null", "{}", '{"mode": "off"}', '{"mode": "fallback"}', '{"mode": "model", "reason": "r", "by": "b"}',
    '{"mode": "fallback", "reason": "", "by": "b"}', '{"mode": "fallback", "reason": "a\\nb", "by": "b"}',
    '{"mode": "fallback", "reason": "r", "by": "b", "expires_in": "99999999999999999999h"}',
    '{"mode": "fallback", "reason": "r", "by": "b", "expires_in": "-1h"}',
    '{"mode": "fallback", "reason": "r", "by": "b", "expires_in": 60}',
    '{"mode": "fallback", "reason": "r", "by": "b", "expires": "1h"}',
    '{"mode": "fallback", "mode": "model", "reason": "r", "by": "b", "expires_in": "1h"}',
    '{"action": "explode", "reason": "r"}', '{"action": "trip"}', '{"action": "trip", "reason": " "}',
    '{"action": "trip", "reason": "' + "x" * 501 + '"}', "[" * 100_000,
]


@pytest.mark.parametrize("call", ["override", "breaker"])
def test_bad_orders_are_refused_and_change_nothing(target, call):
    token = (target.state / "operations.token").read_text().strip()
    link = Connection(target.operations_port)
    path = f"/v1/models/diamonds-price/{call}"
    for order in ORDERS:
        method = "PUT" if call == "override" else "POST"
        status, _, body = link.ask(head(path, order.encode(), method, [f"authorization: Bearer {token}"]))
        # An order longer than 64 KiB is refused by the server itself, which then hangs up.
        is_long = len(order) > 64 << 10
        assert status == (413 if is_long else 400), (order[:200], body[:300])
        assert json.loads(body)["error"]
        if is_long:
            link = Connection(target.operations_port)
    Watch(target)


# Artifacts and the command line


def end(*arguments, seconds=20):
    """Runs a command to its end; answers exit status, output and peak memory in bytes."""
    environment = {**surroundings(), "SWIFT_BACKTRACE": "enable=no"}
    process = subprocess.Popen(
        [binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=environment, preexec_fn=lambda: os.nice(1),
    )
    deadline = time.monotonic() + seconds
    os.set_blocking(process.stdout.fileno(), False)
    output = b""
    while True:
        output += process.stdout.read() or b""
        identity, status, usage = os.wait4(process.pid, os.WNOHANG)
        if identity:
            break
        if time.monotonic() > deadline:
            process.kill()
            os.wait4(process.pid, 0)
            raise AssertionError(f"{arguments} did not end in {seconds} s")
        time.sleep(0.002)
    process.returncode = os.waitstatus_to_exitcode(status)
    output += process.stdout.read() or b""
    process.stdout.close()
    return process.returncode, output.decode(errors="replace"), usage.ru_maxrss << 10


FILES = ["model.onnx", "contract.json", "baseline.json", "golden.jsonl", "fallback.jsonl", "artifact.json"]


@pytest.mark.parametrize("name", ["tumour/1", "diamonds-network/1"])
def test_altered_artifacts_are_judged_and_never_crash(tmp_path, chance, name):
    folder = tmp_path / name
    shutil.copytree(MODELS / name, folder)
    for index in budget(150, 5):
        file = FILES[index % len(FILES)]
        original = (folder / file).read_bytes()
        data = original
        if file == "model.onnx" or chance.random() < 0.4:
            for _ in range(chance.choice([1, 2, 4])):
                place = chance.randrange(len(data))
                data = chance.choice([
                    data[:place] + bytes([chance.choice([0, 1, 0x7F, 0x80, 0xFF])]) + data[place + 1:],
                    data[:place] + data[place + chance.choice([1, 2, 9]):],
                    data[:place] + b"\xff" * 9 + b"\x01" + data[place:],
                    data[:place],
                ]) or b"\0"
        else:
            data = with_odd_value(chance, data)
        (folder / file).write_bytes(data)
        if file != "artifact.json":
            broken.rehash(folder)
        status, output, peak = end("verify", folder)
        assert status in (0, 1), (file, status, output[-500:])
        assert output.strip()
        assert peak < 1 << 30
        (folder / file).write_bytes(original)
        if file == "artifact.json":
            broken.rehash(folder)


def test_an_artifacts_files_may_be_anything(tmp_path):
    folder = tmp_path / "diamonds-price" / "1"
    shutil.copytree(MODELS / "diamonds-price" / "1", folder)
    for file in ["model.onnx", "contract.json", "artifact.json", "golden.jsonl", "artifact.sig"]:
        path = folder / file
        original = path.read_bytes() if path.exists() else None
        for make in (
            lambda: path.symlink_to("/dev/zero"), lambda: os.mkfifo(path), lambda: path.mkdir(),
            lambda: path.write_bytes(b""), lambda: path.symlink_to(path), lambda: path.write_text("[" * 500_000),
            lambda: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 5 << 30),
        ):
            path.unlink(missing_ok=True)
            make()
            if file == "artifact.sig" and path.is_dir():
                path.rmdir()  # an empty folder is no file, so there is no signature
                continue
            status, output, peak = end("verify", folder)
            assert status == 1 and output.strip(), (file, output)
            assert peak < 1 << 30
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if original is not None:
            path.write_bytes(original)


WORDS = [
    "--json", "--help", "--models", "--port", "--port=0", "--port=99999", "--port=-1", "--port=18446744073709551616",
    "--config", "--config=", "--limits-rows=99999999999999999999", "--nope", "-x", "--", "-", "", " ", "\n", "a" * 5000,
    "/nope", "/dev/zero", "/dev/full", "/", ".", "diamonds-price", "1", "http://127.0.0.1:1/", "--timeout=0",
]
COMMANDS = [
    "serve", "verify", "predict", "plan", "bench", "sign", "status", "override", "canary", "rollback", "events", "replay",
    "probe", "doctor", "version", "pack", "help", "", "nope", "--help", "--version", "-h",
]


def test_absurd_arguments_end_with_a_message(chance):
    for index in budget(400, 6):
        arguments = [COMMANDS[index % len(COMMANDS)], *chance.choices(WORDS, k=chance.randrange(4))]
        if arguments[0] == "serve":
            arguments.append("--port=70000")
        status, output, _ = end(*arguments, seconds=15)
        assert status in (0, 1, 2, 3), (arguments, status, output[-500:])
        assert "Fatal error" not in output


def test_an_altered_configuration_is_refused_or_understood(tmp_path, chance):
    original = (ROOT / "Config" / "production.json").read_bytes()
    path = tmp_path / "serin.json"
    for _ in budget(100, 3):
        path.write_bytes(with_odd_value(chance, original) if chance.random() < 0.6 else mutated(chance, original))
        status, output, _ = end("doctor", "--config", path, "--state-directory", tmp_path, "--models", tmp_path)
        assert status in (0, 1, 2, 3) and output.strip(), (status, path.read_bytes())
