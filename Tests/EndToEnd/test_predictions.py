# SPDX-License-Identifier: Apache-2.0
"""1,000 held-out diamonds get the training library's own predictions, however they are asked for."""

import gzip
import json
import struct

import pytest
from daemon import ROOT, ARTIFACTS, contract, golden, tensors

TOLERANCE = 1e-4
HELD_OUT = ROOT / "Tests" / "EndToEnd" / "data" / "diamonds-heldout.jsonl.gz"


def held_out():
    with gzip.open(HELD_OUT, "rt") as lines:
        return [json.loads(line) for line in lines]


def is_close(got, want):
    return abs(got - want) <= TOLERANCE * abs(want)


def misses(answers, records, version, library):
    """Rows off by more than the tolerance, but for those that the ONNX export itself moved."""
    found = []
    largest = max(
        abs(got - record[library]) / abs(record[library])
        for got, record in zip(answers, records, strict=True)
    )
    print(f"largest relative deviation from {library}, version {version}: {largest:.2g}")
    for index, (got, record) in enumerate(zip(answers, records, strict=True)):
        want = record[library]
        if is_close(got, want):
            continue
        runtime = record["onnxruntime"][version]
        moved = not is_close(runtime, want)
        print(f"row {index}: served {got}, {library} {want}, ONNX Runtime {runtime}, moved {moved}")
        if not (moved and is_close(got, runtime)):
            found.append(index)
    return found


LIBRARIES = [("1", "xgboost"), ("2", "lightgbm")]


@pytest.mark.parametrize("version, library", LIBRARIES)
def test_rows_one_at_a_time(serin, version, library):
    records = held_out()
    answers = []
    for record in records:
        answer = serin.post(
            f"/v1/models/diamonds-price/versions/{version}:predict",
            {"instances": [record["inputs"]]},
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["serin-model-version"] == version
        answers.append(answer.json()["predictions"][0])
    assert misses(answers, records, version, library) == []


@pytest.mark.parametrize("version, library", LIBRARIES)
def test_a_thousand_rows_in_json_tensors(serin, version, library):
    records = held_out()
    body = {"inputs": tensors(contract(f"diamonds-price/{version}"), [r["inputs"] for r in records])}
    answer = serin.post(f"/v2/models/diamonds-price/versions/{version}/infer", body)
    assert answer.status_code == 200, answer.text
    output = answer.json()["outputs"][0]
    assert output["name"] == "price" and output["shape"] == [len(records)]
    assert misses(output["data"], records, version, library) == []


@pytest.mark.parametrize("version, library", LIBRARIES)
def test_a_thousand_rows_in_binary_tensors(serin, version, library):
    records = held_out()
    inputs, binary = [], b""
    for feature in contract(f"diamonds-price/{version}")["features"]:
        values = [record["inputs"][feature["name"]] for record in records]
        if feature["datatype"] == "BYTES":
            data = b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)
        else:
            data = struct.pack(f"<{len(values)}f", *values)
        binary += data
        inputs.append({
            "name": feature["name"], "datatype": feature["datatype"], "shape": [len(values)],
            "parameters": {"binary_data_size": len(data)},
        })
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    answer = serin.post(
        f"/v2/models/diamonds-price/versions/{version}/infer",
        data=head + binary,
        headers={
            "inference-header-content-length": str(len(head)),
            "content-type": "application/octet-stream",
        },
    )
    assert answer.status_code == 200, answer.text
    size = int(answer.headers["inference-header-content-length"])
    output = json.loads(answer.content[:size])["outputs"][0]
    assert output["parameters"]["binary_data_size"] == 4 * len(records)
    answers = struct.unpack(f"<{len(records)}f", answer.content[size:])
    assert misses(answers, records, version, library) == []


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_example_answers_its_golden_records(serin, name):
    model, version = name.split("/")
    records = golden(name)
    assert len(records) >= 20
    answer = serin.post(
        f"/v1/models/{model}/versions/{version}:predict",
        {"instances": [record["inputs"] for record in records]},
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["serin-served-by"] == "model"
    outputs = [output["name"] for output in contract(name)["outputs"]]
    for record, prediction in zip(records, answer.json()["predictions"], strict=True):
        row = prediction if isinstance(prediction, dict) else {outputs[0]: prediction}
        for output, want in record["outputs"].items():
            assert row[output] == want or is_close(row[output], want), (record, row)


def test_a_rows_bits_do_not_depend_on_its_batch(serin):
    records = [record["inputs"] for record in held_out()[:64]]
    together = serin.rows("diamonds-price", records).json()["predictions"]
    alone = [serin.rows("diamonds-price", [row]).json()["predictions"][0] for row in records]
    assert alone == together


def test_every_answer_carries_its_marks(serin):
    row = golden("diamonds-price/1")[0]["inputs"]
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = serin.rows(
        "diamonds-price", [row], headers={"x-request-id": "story-1", "traceparent": trace}
    )
    assert answer.headers["serin-request-id"] == "story-1"
    assert answer.headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert answer.headers["traceparent"] != trace
    assert answer.headers["serin-served-by"] == "model"
    assert answer.headers["serin-decision"] == "ok"
    assert answer.headers["serin-model-version"] == "2"
