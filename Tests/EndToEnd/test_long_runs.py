# SPDX-License-Identifier: Apache-2.0
"""Small models that ask for a great deal of work: nothing hangs, and the node is named."""

import sys
import time

import numpy as np
import pytest
from daemon import ROOT, Daemon, run
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

# Deadlines that pass while something is worked out.
pytestmark = pytest.mark.alone
SIDE = 200


def slow_model(trips=None):
    """y = x0, after a loop of as many matrix products as the largest x0 says, or as `trips` does."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["c"], ["d"]),
            helper.make_node("MatMul", ["m", "turn"], ["n"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("m", TensorProto.FLOAT, [SIDE, SIDE]),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("n", TensorProto.FLOAT, [SIDE, SIDE]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMax", ["x0"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["trips"], to=TensorProto.INT64),
        helper.make_node("Loop", ["trips", "", "turn"], ["last"], body=body, name="loop"),
        helper.make_node("ReduceSum", ["last"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "none"], ["nothing"]),
        helper.make_node("Add", ["x0", "nothing"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.eye(SIDE, dtype=np.float32), "turn"),
        numpy_helper.from_array(np.array(0, np.float32), "none"),
    ]
    if trips is not None:
        nodes = nodes[2:]
        constants.append(numpy_helper.from_array(np.array(trips, np.int64), "trips"))
    return helper.make_model(
        helper.make_graph(
            nodes,
            "slow",
            [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["N", 1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def write(folder, model, **sections):
    rows = [float(k) for k in range(8)]
    golden = [{"inputs": {"x0": x}, "outputs": {"y": x}} for x in rows]
    fallback = [{"inputs": record["inputs"], "outputs": {"y": broken.MEAN}} for record in golden]
    return broken.write_artifact(
        folder, model, broken.controlled_contract(**sections), golden, broken.controlled_baseline(), fallback
    )


def test_a_run_that_outlasts_its_deadline_is_stopped(tmp_path):
    write(tmp_path / "models" / "slow" / "1", slow_model())
    with Daemon(tmp_path / "models", tmp_path, {"deadlines": {"request": "300ms"}}) as daemon:
        assert daemon.rows("slow", [{"x0": 3.0}]).json()["predictions"] == [3.0]
        start = time.monotonic()
        answer = daemon.rows("slow", [{"x0": 1e5}])
        assert answer.status_code == 504, answer.text
        assert answer.json()["code"] == "deadline_exceeded" and "'loop' (Loop)" in answer.json()["error"]
        assert time.monotonic() - start < 2
        answer = daemon.rows("slow", [{"x0": 4.0}])
        assert answer.json()["predictions"] == [4.0] and answer.headers["serin-served-by"] == "model"


def test_a_probe_that_is_stopped_is_followed_by_the_next(tmp_path):
    breaker = {"window": 20, "min_requests": 5, "trip_ratio": 0.5, "cool_down": "5s", "probes": 5}
    write(tmp_path / "models" / "slow" / "1", slow_model(), breaker=breaker)
    with Daemon(tmp_path / "models", tmp_path) as daemon:
        for _ in range(5):
            daemon.rows("slow", [{"x0": -1.0}])
        deadline = time.monotonic() + 20
        while not daemon.events("breaker.probing") and time.monotonic() < deadline:
            time.sleep(0.05)
        answer = daemon.rows("slow", [{"x0": 1e5}], headers={"serin-timeout-ms": "100"})
        assert answer.status_code == 504, answer.text
        assert daemon.rows("slow", [{"x0": 1.0}]).headers["serin-served-by"] == "model"


def test_golden_records_that_never_end_are_no_verdict_and_name_the_node(tmp_path):
    write(tmp_path / "models" / "slow" / "1", slow_model(trips=1 << 62))
    start = time.monotonic()
    with Daemon(tmp_path / "models", tmp_path, wait="started") as daemon:
        assert time.monotonic() - start < 60
        assert daemon.get("/livez").status_code == 200
        body = daemon.wait_for("/readyz?verbose", 503).text
        assert "'loop' (Loop)" in body, body
        answer = daemon.rows("slow", [{"x0": 3.0}])
        assert answer.headers["serin-served-by"] == "fallback"


def test_a_step_that_takes_days_is_refused_by_name(tmp_path):
    many = helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["N", 1])
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Einsum", ["w", "w", "w"], ["all"], equation="ab,cd,ef->", name="sums"),
                helper.make_node("Add", ["x0", "all"], ["y"]),
            ],
            "days",
            [many],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
            [numpy_helper.from_array(np.ones((300, 300), np.float32), "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    folder = write(tmp_path / "days" / "1", model)
    start = time.monotonic()
    done = run("verify", folder)
    assert time.monotonic() - start < 10
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "'sums' (Einsum)" in said and "a step may take" in said, said
