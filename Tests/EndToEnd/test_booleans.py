# SPDX-License-Identifier: Apache-2.0
"""Booleans that a graph takes and gives as such."""

import sys

import pytest
from daemon import ROOT, Daemon, run
from onnx import TensorProto, helper

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

FLAG = {"name": "flag", "datatype": "BOOL", "missing": "reject", "encode": {"to": "flag"}}


def make(folder):
    """Is the flag not set?"""
    value = [helper.make_tensor_value_info(name, TensorProto.BOOL, ["N", 1]) for name in ("flag", "y")]
    graph = helper.make_graph([helper.make_node("Not", ["flag"], ["y"])], "not", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    contract = {
        "features": [FLAG],
        "outputs": [{"name": "y", "from": "y", "datatype": "BOOL"}],
        "kill_switches": [],
        "fallback": [{"kind": "constant", "values": {"y": True}}],
    }
    golden = [{"inputs": {"flag": flag}, "outputs": {"y": not flag}} for flag in (True, False)]
    shares = broken.controlled_baseline()["features"]["x0"]
    baseline = {"rows": 1000, "features": {"flag": shares}, "outputs": {"y": shares}}
    return broken.write_artifact(folder, model, contract, golden, baseline)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("booleans")
    make(folder / "models" / "not" / "1")
    with Daemon(folder / "models", folder) as daemon:
        yield daemon


def test_the_artifact_verifies(tmp_path):
    answer = run("verify", make(tmp_path / "not" / "1"))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_rows(daemon):
    flags = [True, False, False, True]
    answer = daemon.rows("not", [{"flag": flag} for flag in flags])
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == [not flag for flag in flags]
    assert daemon.rows("not", [{"flag": 1}]).status_code == 400


def test_tensors(daemon):
    body = {"inputs": [{"name": "flag", "datatype": "BOOL", "shape": [3, 1], "data": [True, False, True]}]}
    answer = daemon.post("/v2/models/not/infer", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == [False, True, False]
