# SPDX-License-Identifier: Apache-2.0
"""Every datatype goes in and comes out as the same value, to the last bit, however it is written.

The model gives back what it got, so Python's own numbers are the oracle. Each test prints its seed;
SERIN_SEED repeats a run.
"""

import json
import math
import os
import random
import struct
import sys

import numpy as np
import pytest
from daemon import ROOT, Daemon, run

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import datatype_models as datatypes  # noqa: E402

NUMPY = {
    "BOOL": np.bool_, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}
LETTERS = ["a", "é", "😀", "\0", "\n", '"', "\\", "\u2028", "\ud7ff", "\ue000", "\U0010ffff", "\x7f", "/"]
# Names that markup, labels and quotes could stumble over.
ODD_NAMES = {
    "FP32": "<script>alert(1)</script>", "FP64": 'a"b\\c', "INT8": "naïve 😀", "INT16": "line\u2028x",
    "INT32": '{x="y"}', "BYTES": "' onload=1", "BOOL": "</td>&amp;",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datatypes")
    datatypes.make(folder / "models" / "echo" / "1")
    datatypes.make(folder / "models" / "odd" / "1", names=ODD_NAMES)
    # The constant fallback is never asked, and a debug build has time enough.
    with Daemon(folder / "models", folder, {"deadlines": {"request": "10s"}}) as daemon:
        yield daemon


@pytest.fixture
def chance(request):
    seed = int(os.environ.get("SERIN_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"{request.node.name}: SERIN_SEED={seed}")
    return random.Random(seed)


def value(chance, datatype):
    if datatype == "BOOL":
        return chance.random() < 0.5
    if datatype == "BYTES":
        return "".join(chance.choices(LETTERS, k=chance.randrange(20)))
    kind = NUMPY[datatype]
    if datatype.startswith("FP"):
        while True:
            bits = chance.randbytes(np.dtype(kind).itemsize)
            number = float(np.frombuffer(bits, kind)[0])
            if chance.random() < 0.3:
                number = float(kind(chance.choice([0.0, -0.0, 1.5, chance.random(), chance.randrange(2000)])))
            if math.isfinite(number):
                return number
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    if datatype == "UINT64":
        high = datatypes.MOST_UNSIGNED
    near = chance.choice([-1, 1]) * 2 ** chance.randrange(63) + chance.randrange(-2, 3)
    return chance.choice([low, high, chance.randint(low, high), min(max(near, low), high)])


def literal(chance, datatype, item):
    """One of the ways to write it in JSON."""
    if datatype == "BYTES":
        return json.dumps(item, ensure_ascii=chance.random() < 0.5)
    if not datatype.startswith("FP"):
        return json.dumps(item)
    ways = [repr(item), f"{item:.25e}", f"{item:.17g}", f"{item:.20E}"]
    if item == 0 or 1e-40 < abs(item) < 1e30:
        ways.append(f"{item:.120f}")
    if item.is_integer() and abs(item) < 1024:
        ways.append("-0" if str(item) == "-0.0" else str(int(item)))
    text = chance.choice(ways)
    # An integer beyond what the type holds exactly is refused: as a float it is welcome.
    return text if any(sign in text for sign in ".eE") or abs(item) < 1024 else text + ".0"


def packed(datatype, items):
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in items)
    return np.array(items, NUMPY[datatype]).tobytes()


def unpacked(output, data):
    if output["datatype"] != "BYTES":
        return np.frombuffer(data, NUMPY[output["datatype"]]).tolist()
    texts = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        texts.append(data[4:4 + length].decode())
        data = data[4 + length:]
    return texts


def request(chance, columns, rows):
    """The columns in any order, each as JSON or as bytes, with its keys in any order."""
    inputs, binary = [], b""
    share = chance.random()
    for datatype in chance.sample(list(columns), len(columns)):
        shape = chance.choice([f"[{rows}]", f"[{rows}, 1]"])
        members = [f'"name": "{datatype}"', f'"shape": {shape}', f'"datatype": "{datatype}"']
        if chance.random() < share:
            data = packed(datatype, columns[datatype])
            members.append(f'"parameters": {{"binary_data_size": {len(data)}}}')
            binary += data
        else:
            items = [literal(chance, datatype, item) for item in columns[datatype]]
            if shape.endswith(" 1]") and chance.random() < 0.5:
                items = [f"[{item}]" for item in items]
            members.append(f'"data": [{", ".join(items)}]')
        chance.shuffle(members)
        inputs.append("{" + ", ".join(members) + "}")
    asked = json.dumps({"binary_data_output": chance.random() < 0.5})
    return f'{{"inputs": [{", ".join(inputs)}], "parameters": {asked}}}'.encode(), binary


def bits(item):
    return struct.pack("<d", item) if isinstance(item, float) else (type(item), item)


def test_values_come_back_to_the_last_bit(daemon, chance):
    for _ in range(400):
        rows = chance.choice([1, 1, 2, 3, 17])
        columns = {
            datatype: [value(chance, datatype) for _ in range(rows)] for datatype in datatypes.TYPES
        }
        text, binary = request(chance, columns, rows)
        headers = {
            "content-type": "application/octet-stream", "inference-header-content-length": str(len(text))
        }
        answer = daemon.post("/v2/models/echo/infer", data=text + binary, headers=headers)
        assert answer.status_code == 200, (answer.text, text)
        end = int(answer.headers.get("inference-header-content-length", len(answer.content)))
        document, rest = json.loads(answer.content[:end]), answer.content[end:]
        for output in document["outputs"]:
            given = output.get("data")
            if given is None:
                size = output["parameters"]["binary_data_size"]
                given, rest = unpacked(output, rest[:size]), rest[size:]
            wanted = columns[output["name"]]
            if output["datatype"] == "FP32":
                # JSON has the shortest digits that are this FP32.
                given = [float(np.float32(item)) for item in given]
            assert [bits(item) for item in given] == [bits(item) for item in wanted], output["name"]
        assert rest == b""


@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
@pytest.mark.parametrize("is_binary", [False, True])
def test_tritonclient_with_every_datatype(daemon, chance, is_binary, packing):
    http = pytest.importorskip("tritonclient.http")
    client = http.InferenceServerClient(f"127.0.0.1:{daemon.port}")
    inputs, wanted = [], {}
    for datatype in datatypes.TYPES:
        if datatype == "FP16" and not is_binary:
            # The client has no way to write it, the server reads it like any number.
            column = np.array([[1.5]] * 300, np.float16)
            tensor = http.InferInput(datatype, column.shape, datatype)
            tensor.set_data_from_numpy(column, binary_data=True)
        else:
            items = [value(chance, datatype) for _ in range(300)]
            kind = np.object_ if datatype == "BYTES" else NUMPY[datatype]
            column = np.array([[i.encode() if datatype == "BYTES" else i] for i in items], kind)
            tensor = http.InferInput(datatype, column.shape, datatype)
            tensor.set_data_from_numpy(column, binary_data=is_binary)
        inputs.append(tensor)
        wanted[datatype] = column.flatten()
    outputs = [http.InferRequestedOutput(name, binary_data=is_binary) for name in datatypes.TYPES]
    result = client.infer(
        "echo", inputs, outputs=outputs, request_id="é\"", request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    assert result.get_response()["id"] == "é\""
    for name, column in wanted.items():
        given = result.as_numpy(name)
        if name == "BYTES":
            assert [i if isinstance(i, bytes) else i.encode() for i in given] == list(column)
        else:
            np.testing.assert_array_equal(given, column.astype(given.dtype))
    client.close()


def test_what_a_graph_does_not_hold_is_refused_at_load(tmp_path):
    for unsigned_range in (None, (0, 2**63 - 1), (0, 2**64 - 1)):
        folder = datatypes.make(tmp_path / "echo" / "1", unsigned_range)
        answer = run("verify", folder)
        said = answer.stdout + answer.stderr
        assert answer.returncode == 1 and "features[8].range" in said, said
        assert "int64" in said and "give the feature a range" in said, said


def test_odd_names_stay_within_their_quotes(daemon):
    parser = pytest.importorskip("prometheus_client.parser")
    row = {ODD_NAMES.get(name, name): 1 for name in datatypes.TYPES}
    row[ODD_NAMES["BOOL"]], row[ODD_NAMES["BYTES"]] = True, "one"
    answer = daemon.rows("odd", [row])
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == [row]
    text = daemon.operations("GET", "/metrics").text
    seen, names = set(), set()
    for family in parser.text_string_to_metric_families(text):
        assert family.documentation and family.type != "unknown", family.name
        for sample in family.samples:
            series = (sample.name, tuple(sorted(sample.labels.items())))
            assert series not in seen, series
            seen.add(series)
            names.add(sample.labels.get("output"))
    assert {name for key, name in ODD_NAMES.items() if key != "BYTES"} <= names
    page = daemon.operations("GET", "/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "alert(1)" not in page.text
    json.loads(daemon.operations("GET", "/v1/status").text)
