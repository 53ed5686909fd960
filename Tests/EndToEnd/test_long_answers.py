# SPDX-License-Identifier: Apache-2.0
"""Long answers are made while they are sent: the same bytes, in less memory, with the model free for others."""

import gzip
import json
import re
import socket
import ssl
import sys

import numpy
import pytest
from certificates import Authority
from daemon import ROOT, Daemon
from onnx import helper, numpy_helper

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

MIB = 1 << 20
WIDTH = 64
ROWS = 20_000
STEPS = (1 / (numpy.arange(WIDTH) + 3)).astype(numpy.float32)
PREDICT = "/v1/models/wide:predict"
INFER = "/v2/models/wide/infer"


def make(folder):
    """A model that answers each row with 64 numbers; a row without its feature gets the fallback."""
    steps = numpy_helper.from_array(STEPS.reshape(1, WIDTH), "steps")
    model = broken.graph_model(
        [helper.make_node("Mul", ["x0", "steps"], ["y"])], [steps], output_shape=("N", WIDTH))
    contract = broken.controlled_contract(bounds=None, ratio=None)
    contract["features"][0]["missing"] = "fallback"
    golden = [{"inputs": {"x0": float(x)}, "outputs": {"y": (x * STEPS).tolist()}} for x in range(8)]
    fallback = [{"inputs": {"x0": float(x)}, "outputs": {"y": [broken.MEAN] * WIDTH}} for x in range(8)]
    broken.write_artifact(folder, model, contract, golden, broken.controlled_baseline(), fallback)


@pytest.fixture(scope="module", params=["plain", "tls"])
def daemon(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    make(folder / "models" / "wide" / "1")
    authority = Authority(folder)
    settings = {
        "loops": 1, "limits": {"rows": ROWS}, "concurrency": {"per_model": 1},
        "deadlines": {"request": "60s"},
    }
    if request.param == "tls":
        settings["tls"] = {"certificates": [authority.issue("server").setting]}
    daemon = Daemon(folder / "models", folder, settings)
    daemon.session.verify = daemon.ca = str(authority.pem)
    with daemon:
        yield daemon


def instances(count, missing=0):
    """Rows of different numbers; of so many, one lacks its feature."""
    return [{"x0": None if missing and k % missing == 1 else k / 7} for k in range(count)]


def want(rows):
    """What the model answers, and the fallback where the feature is missing."""
    values = [
        [broken.MEAN] * WIDTH if row["x0"] is None else numpy.float32(row["x0"]) * STEPS for row in rows
    ]
    return numpy.array(values, dtype=numpy.float32)


def ask(daemon, path, body, **headers):
    return daemon.session.post(
        daemon.url(path), json.dumps(body), timeout=120, headers={
            "content-type": "application/json", "accept-encoding": "identity", "x-request-id": "long",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        })


def without_span(text):
    return re.sub(r"00-[0-9a-f]{32}-[0-9a-f]{16}-..", "", text)


def connect(daemon, receive=None):
    client = socket.socket()
    if receive:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    client.settimeout(60)
    client.connect(("127.0.0.1", daemon.port))
    if daemon.settings.get("tls"):
        context = ssl.create_default_context(cafile=daemon.ca)
        client = context.wrap_socket(client, server_hostname="127.0.0.1")
    return client


def request(count, version="1.1"):
    body = json.dumps({"instances": instances(count)}).encode()
    head = f"POST {PREDICT} HTTP/{version}\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Answers:
    """Reads the answers of one connection, one behind the other."""

    def __init__(self, client):
        self.file = client.makefile("rb")

    def next(self):
        """Headers and body of the next answer."""
        assert self.file.readline().split()[1] == b"200"
        headers = {}
        while line := self.file.readline().strip():
            name, _, text = line.decode().partition(": ")
            headers[name] = text
        if "content-length" in headers:
            return headers, self.file.read(int(headers["content-length"]))
        body = b""
        while size := int(self.file.readline(), 16):
            body += self.file.read(size)
            assert self.file.readline() == b"\r\n"
        assert self.file.readline() == b"\r\n"
        return headers, body


@pytest.mark.parametrize("missing", [0, 3])
def test_a_long_answer_is_what_its_rows_are_one_by_one(daemon, missing):
    rows = instances(4000, missing)
    answer = ask(daemon, PREDICT, {"instances": rows})
    assert answer.status_code == 200, answer.text
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers
    parts, servers, decisions = [], [], []
    for start in range(0, len(rows), 100):
        part = ask(daemon, PREDICT, {"instances": rows[start:start + 100]})
        assert "content-length" in part.headers
        text = part.text
        parts.append(text[len('{"predictions":['):text.index('],"parameters"')])
        if missing:
            servers += part.json()["parameters"]["serin-served-by"]
            decisions += part.json()["parameters"]["serin-decision"]
    head = '{"predictions":[' + ",".join(parts) + '],"parameters":'
    assert answer.text.startswith(head)
    parameters = json.loads(answer.text[len(head):-1])
    assert parameters["serin-request-id"] == "long"
    if missing:
        assert parameters["serin-served-by"] == servers
        assert parameters["serin-decision"] == decisions
        assert answer.headers["serin-served-by"] == "mixed"
    else:
        assert parameters["serin-served-by"] == "model"
    assert (numpy.array(answer.json()["predictions"], dtype=numpy.float32) == want(rows)).all()


def test_tensors_as_text_and_as_bytes(daemon):
    values = [k / 7 for k in range(4000)]
    body = {"inputs": [{"name": "x0", "datatype": "FP32", "shape": [4000], "data": values}]}
    answer = ask(daemon, INFER, body)
    assert answer.headers["transfer-encoding"] == "chunked"
    output = answer.json()["outputs"][0]
    expected = want([{"x0": value} for value in values])
    assert output["shape"] == [4000, WIDTH]
    assert (numpy.array(output["data"], dtype=numpy.float32) == expected.ravel()).all()
    binary = ask(daemon, INFER, {**body, "parameters": {"binary_data_output": True}})
    size = int(binary.headers["inference-header-content-length"])
    assert int(binary.headers["content-length"]) == size + 4 * expected.size
    assert binary.content[size:] == expected.astype("<f4").tobytes()


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_packed_it_is_the_same(daemon, path):
    body = {"instances": instances(3000, 5)}
    if path == INFER:
        body = {"inputs": [{"name": "x0", "datatype": "FP32", "shape": [3000], "data": [1.5] * 3000}]}
    plain = ask(daemon, path, body)
    with connect(daemon) as client:
        data = json.dumps(body).encode()
        client.sendall(
            f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\naccept-encoding: gzip\r\n"
            f"x-request-id: long\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
        headers, packed = Answers(client).next()
    assert headers["content-encoding"] == "gzip" and headers["transfer-encoding"] == "chunked"
    assert len(packed) < len(plain.content)
    assert without_span(gzip.decompress(packed).decode()) == without_span(plain.text)


def test_what_comes_behind_a_long_answer_is_answered_behind_it(daemon):
    with connect(daemon) as client:
        client.sendall(request(5000) + request(1) + request(4000) + b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
        answers = Answers(client)
        counts = [len(json.loads(answers.next()[1])["predictions"]) for _ in range(3)]
        assert counts == [5000, 1, 4000]
        assert answers.next()[1].strip() == b"ok"


def test_http_1_0_gets_it_until_the_end_of_the_connection(daemon):
    with connect(daemon) as client:
        client.sendall(request(3000, "1.0"))
        data = b""
        while part := client.recv(MIB):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head and b"content-length" not in head and b"connection: close" in head
    assert len(json.loads(body)["predictions"]) == 3000


def test_slow_readers_hold_less_than_the_text_and_no_arena(daemon):
    text = len(ask(daemon, PREDICT, {"instances": instances(ROWS)}).content)
    assert text > 11 * MIB
    before = daemon.resident_bytes()
    clients = []
    asked = request(ROWS)
    for _ in range(4):
        client = connect(daemon, receive=8192)
        client.sendall(asked)
        assert client.recv(1) == b"H"
        clients.append(client)
    # The only workspace is free: others are answered while nobody reads.
    for _ in range(20):
        assert ask(daemon, PREDICT, {"instances": instances(10)}).status_code == 200
    grown = daemon.resident_bytes() - before
    print(f"four texts of {text} bytes: resident memory grew by {grown}")
    assert grown < 2 * text
    # Half of them read on, the others go away.
    for client in clients[:2]:
        rest = b""
        while not rest.endswith(b"\r\n0\r\n\r\n"):
            rest += client.recv(MIB)
        assert len(rest) > text
    for client in clients:
        client.close()
    for _ in range(4):
        assert len(ask(daemon, PREDICT, {"instances": instances(ROWS)}).content) == text
    assert daemon.resident_bytes() - before < 2 * text
