# SPDX-License-Identifier: Apache-2.0
"""Artifacts whose features are tensors and whose answers anybody can work out.

A library for the tests and benchmarks, and a command that builds one:

    python Tests/oracles/tensor_models.py OUT/<name>/<version> [--shape 3 224 224] [--echo]

The model reads `x`, FP32 of the shape for each row, and answers the first four numbers of each row,
or with --echo the magnitude of all of them. With --labels it reads `k` too, four INT64 a row, and
answers them as `z`. Needs the `onnx` package only.
"""

import argparse
import sys
from pathlib import Path

from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import broken_models as broken  # noqa: E402


def make(folder, shape=(3, 224, 224), echo=False, labels=False, missing="reject"):
    """Writes the artifact; the numbers of `x` are from -9 to 9, of `y` up to 8."""
    width = 1
    for length in shape:
        width *= length
    initializers, nodes = [], []
    if echo:
        nodes.append(helper.make_node("Abs", ["x"], ["y"]))
        answer = list(shape)
    else:
        for name, values in ("flat", [0, -1]), ("from", [0]), ("to", [4]), ("axis", [1]):
            initializers.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        nodes.append(helper.make_node("Reshape", ["x", "flat"], ["line"]))
        nodes.append(helper.make_node("Slice", ["line", "from", "to", "axis"], ["y"]))
        answer = [4]
    inputs = [("x", TensorProto.FLOAT, list(shape))]
    outputs = [("y", TensorProto.FLOAT, answer)]
    if labels:
        nodes.append(helper.make_node("Identity", ["k"], ["z"]))
        inputs.append(("k", TensorProto.INT64, [4]))
        outputs.append(("z", TensorProto.INT64, [4]))
    graph = helper.make_graph(
        nodes,
        "tensors",
        [helper.make_tensor_value_info(name, kind, ["N", *row]) for name, kind, row in inputs],
        [helper.make_tensor_value_info(name, kind, ["N", *row]) for name, kind, row in outputs],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests"
    )
    features = [
        {"name": "x", "datatype": "FP32", "shape": list(shape), "range": [-9, 9],
         "missing": missing, "encode": {"to": "x"}}
    ]
    answers = [{"name": "y", "from": "y", "datatype": "FP32", "range": [0 if echo else -8, 8]}]
    values = {"y": 0.5}
    if labels:
        features.append(
            {"name": "k", "datatype": "INT64", "shape": [4], "range": [-100, 100],
             "missing": "reject", "encode": {"to": "k"}}
        )
        answers.append({"name": "z", "from": "z", "datatype": "INT64", "range": [-100, 100]})
        values["z"] = 7
    contract = {
        "features": features,
        "outputs": answers,
        "kill_switches": [],
        "fallback": [{"kind": "constant", "values": values}],
    }
    golden = []
    for value in (0.25, 2.5):
        record = {"inputs": {"x": [value] * width}, "outputs": {"y": [value] * (width if echo else 4)}}
        if labels:
            record["inputs"]["k"] = record["outputs"]["z"] = [1, 2, 3, 4]
        golden.append(record)
    even = broken.controlled_baseline()["features"]["x0"]
    baseline = {
        "rows": even["count"],
        "features": {feature["name"]: even for feature in features},
        "outputs": {name: even for name in values},
    }
    return broken.write_artifact(folder, model, contract, golden, baseline)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--shape", nargs="+", type=int, default=[3, 224, 224])
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--labels", action="store_true")
    arguments = parser.parse_args()
    make(arguments.folder, arguments.shape, arguments.echo, arguments.labels)
