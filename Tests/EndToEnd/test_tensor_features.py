# SPDX-License-Identifier: Apache-2.0
"""Features that are tensors of their own, in graphs that leave their lengths to the contract."""

import sys

import pytest
from daemon import ROOT, Daemon, run
from onnx import helper

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

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
