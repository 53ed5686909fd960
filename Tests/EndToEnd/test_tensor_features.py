# SPDX-License-Identifier: Apache-2.0
"""Features that are tensors of their own: open lengths, and binary tensors of any size and place."""

import gzip
import json
import math
import random
import struct
import sys
import threading

import pytest
from daemon import ROOT, Daemon, run
from onnx import helper

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402
import tensor_models  # noqa: E402

STEPS, CHANNELS = 5, 2


def make(folder, shape):
    """The largest mean of a channel over time, of a graph that knows no length."""
    model = broken.graph_model(
        [
            helper.make_node("ReduceMean", ["x0"], ["means"], axes=[1], keepdims=0),
            helper.make_node("ReduceMax", ["means"], ["y"], axes=[1], keepdims=1),
        ],
        shape=("N", "time", "channels"),
    )
    contract = broken.controlled_contract()
    contract["features"][0]["shape"] = shape
    rows = [[[float(k + t), float(-k)] for t in range(STEPS)] for k in range(8)]
    golden = [
        {"inputs": {"x0": row}, "outputs": {"y": sum(step[0] for step in row) / STEPS}} for row in rows
    ]
    fallback = [{"inputs": record["inputs"], "outputs": {"y": broken.MEAN}} for record in golden]
    baseline = broken.controlled_baseline()
    return broken.write_artifact(folder, model, contract, golden, baseline, fallback)


def test_the_contract_gives_lengths_to_open_axes(tmp_path):
    make(tmp_path / "models" / "series" / "1", [STEPS, CHANNELS])
    with Daemon(tmp_path / "models", tmp_path) as daemon:
        series = [[[1.0, 0.0]] * STEPS, [[t, 9.0] for t in range(STEPS)]]
        answer = daemon.rows("series", [{"x0": row} for row in series])
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == [1.0, 9.0]
        flat = [value for row in series for step in row for value in step]
        body = {
            "inputs": [{"name": "x0", "datatype": "FP32", "shape": [2, STEPS, CHANNELS], "data": flat}]
        }
        answer = daemon.post("/v2/models/series/infer", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["data"] == [1.0, 9.0]
        body["inputs"][0]["shape"] = [2, CHANNELS, STEPS]
        assert daemon.post("/v2/models/series/infer", body).status_code == 400


@pytest.mark.parametrize("shape", [[STEPS * CHANNELS], [STEPS, CHANNELS, 1]])
def test_a_shape_of_other_axes_is_refused_and_says_what_is_open(tmp_path, shape):
    folder = make(tmp_path / "series" / "1", shape)
    answer = run("verify", folder)
    assert answer.returncode == 1
    said = answer.stdout + answer.stderr
    assert "x0" in said and "contract" in said, said


# Binary tensors


SHAPE = (3, 96, 96)
WIDTH = 3 * 96 * 96


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensors")
    tensor_models.make(folder / "models" / "echo" / "1", SHAPE, echo=True, labels=True)
    tensor_models.make(folder / "models" / "small" / "1", (2, 3), echo=True, labels=True)
    # Every row that may come gets its room at load.
    with Daemon(folder / "models", folder, {"limits": {"rows": 8}}) as daemon:
        yield daemon


def numbers(rows, width=WIDTH):
    """Values of `x` and `k` that all differ from their neighbours, exact as FP32."""
    x = [((7 * place) % 123) / 16 - 3.5 for place in range(rows * width)]
    return x, [place % 200 - 100 for place in range(rows * 4)]


def packed(rows, x, k, pad=0, shape=SHAPE, binary=True, first="x"):
    """The JSON, padded with `pad` blanks beyond a multiple of 64, and the bytes behind it."""
    parts = {
        "x": ("FP32", [rows, *shape], struct.pack(f"<{len(x)}f", *x)),
        "k": ("INT64", [rows, 4], struct.pack(f"<{len(k)}q", *k)),
    }
    names = [first, *(name for name in parts if name != first)]
    inputs = [
        {
            "name": name,
            "datatype": parts[name][0],
            "shape": parts[name][1],
            "parameters": {"binary_data_size": len(parts[name][2])},
        }
        for name in names
    ]
    text = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": binary}}).encode()
    text += b" " * (-len(text) % 64 + pad)
    return text, b"".join(parts[name][2] for name in names)


def send(daemon, model, text, payload, **headers):
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(text)),
        **headers,
    }
    return daemon.post(f"/v2/models/{model}/infer", data=text + payload, headers=headers)


def unpacked(answer, rows, width=WIDTH):
    assert answer.status_code == 200, answer.text[:500]
    count = int(answer.headers["inference-header-content-length"])
    outputs = json.loads(answer.content[:count])["outputs"]
    assert [output["parameters"]["binary_data_size"] for output in outputs] == [
        rows * width * 4, rows * 32,
    ]
    y = struct.unpack_from(f"<{rows * width}f", answer.content, count)
    z = struct.unpack_from(f"<{rows * 4}q", answer.content, count + rows * width * 4)
    assert len(answer.content) == count + rows * width * 4 + rows * 32
    return list(y), list(z)


@pytest.mark.parametrize("pad", range(8))
@pytest.mark.parametrize("model, shape, rows", [("echo", SHAPE, 1), ("echo", SHAPE, 5), ("small", (2, 3), 3)])
def test_binary_tensors_at_any_alignment_are_answered_alike(daemon, model, shape, rows, pad):
    width = math.prod(shape)
    x, k = numbers(rows, width)
    for first in "x", "k":
        answer = send(daemon, model, *packed(rows, x, k, pad, shape, first=first))
        assert unpacked(answer, rows, width) == ([abs(value) for value in x], k)


def test_json_and_binary_answers_are_the_same(daemon):
    x, k = numbers(2)
    answer = send(daemon, "echo", *packed(2, x, k, binary=False))
    assert answer.status_code == 200, answer.text[:500]
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    assert outputs["y"]["data"] == [abs(value) for value in x]
    assert outputs["z"]["data"] == k


def test_packed_and_chunked_bodies_are_answered_alike(daemon):
    x, k = numbers(2)
    text, payload = packed(2, x, k, pad=3)
    expected = [abs(value) for value in x], k
    zipped = gzip.compress(text + payload)
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(text)),
    }
    path = "/v2/models/echo/infer"
    answer = daemon.post(path, data=zipped, headers={**headers, "content-encoding": "gzip"})
    assert unpacked(answer, 2) == expected
    body = text + payload
    pieces = (body[start : start + 10_007] for start in range(0, len(body), 10_007))
    assert unpacked(daemon.post(path, data=pieces, headers=headers), 2) == expected


def test_an_element_of_a_large_tensor_that_may_not_be_is_named(daemon):
    for value, code in (math.nan, "missing_value"), (-math.inf, "not_finite"), (9.5, "out_of_range"):
        x, k = numbers(3)
        x[2 * WIDTH + 17] = value
        answer = send(daemon, "echo", *packed(3, x, k))
        assert answer.status_code == 400
        detail = answer.json()["details"][0]
        assert (detail["feature"], detail["row"], detail["problem"] != "") == ("x", 2, True)
        assert answer.json()["code"] == code, answer.text


def test_a_row_beyond_the_bounds_gets_the_fallback_in_a_binary_answer(daemon):
    x, k = numbers(3)
    x[WIDTH + 5] = -8.25
    answer = send(daemon, "echo", *packed(3, x, k))
    y, z = unpacked(answer, 3)
    assert y[:WIDTH] == [abs(value) for value in x[:WIDTH]]
    assert y[WIDTH : 2 * WIDTH] == [0.5] * WIDTH
    assert y[2 * WIDTH :] == [abs(value) for value in x[2 * WIDTH :]]
    assert z == k[:4] + [7] * 4 + k[8:]
    assert answer.headers["serin-served-by"] == "mixed"


def test_a_lying_header_length_is_refused(daemon):
    x, k = numbers(1)
    text, payload = packed(1, x, k)
    for length in "-1", "x", str(len(text) + len(payload) + 1), "9" * 30:
        answer = send(daemon, "echo", text, payload, **{"inference-header-content-length": length})
        assert answer.status_code == 400, length
    assert unpacked(send(daemon, "echo", text, payload), 1) == ([abs(value) for value in x], k)


def test_many_clients_at_once_get_each_their_own(daemon):
    wrong = []

    def work(seed):
        chance = random.Random(seed)
        for _ in range(12):
            rows = chance.randint(1, 3)
            x = [chance.randint(-48, 48) / 8 for _ in range(rows * WIDTH)]
            k = [chance.randint(-100, 100) for _ in range(rows * 4)]
            answer = send(daemon, "echo", *packed(rows, x, k, chance.randint(0, 7)))
            if answer.status_code == 503:
                continue
            if unpacked(answer, rows) != ([abs(value) for value in x], k):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
