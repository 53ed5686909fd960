# SPDX-License-Identifier: Apache-2.0
"""An artifact with a feature of every datatype, each of which comes out again as it went in.

A library for the tests. Needs the `onnx` package only.
"""

import sys
from pathlib import Path

from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import broken_models as broken  # noqa: E402

# Datatype of the feature: element type of the graph, and datatype of the output.
TYPES = {
    "BOOL": (TensorProto.BOOL, "BOOL"),
    "INT8": (TensorProto.INT32, "INT32"),
    "INT16": (TensorProto.INT32, "INT32"),
    "INT32": (TensorProto.INT32, "INT32"),
    "INT64": (TensorProto.INT64, "INT64"),
    "UINT8": (TensorProto.INT32, "INT32"),
    "UINT16": (TensorProto.INT32, "INT32"),
    "UINT32": (TensorProto.INT64, "INT64"),
    "UINT64": (TensorProto.INT64, "INT64"),
    "FP16": (TensorProto.FLOAT, "FP32"),
    "FP32": (TensorProto.FLOAT, "FP32"),
    "FP64": (TensorProto.DOUBLE, "FP64"),
    "BYTES": (TensorProto.STRING, "BYTES"),
}
# The greatest UINT64 that the graph's int64 holds and a double, as ranges are, too.
MOST_UNSIGNED = 2**63 - 1024


def make(folder, unsigned_range=(0, MOST_UNSIGNED), names=None):
    """Writes the artifact; a feature is called as its datatype, or as `names` has it."""
    names = names or {}
    features, outputs, values, nodes, ends = [], [], {}, [], ([], [])
    for datatype, (element, told) in TYPES.items():
        name = names.get(datatype, datatype)
        nodes.append(helper.make_node("Identity", [datatype], ["out" + datatype]))
        for end, text in zip(ends, (datatype, "out" + datatype)):
            end.append(helper.make_tensor_value_info(text, element, ["N", 1]))
        feature = {"name": name, "datatype": datatype, "missing": "reject", "encode": {"to": datatype}}
        if datatype == "UINT64" and unsigned_range:
            feature["range"] = list(unsigned_range)
        features.append(feature)
        outputs.append({"name": name, "from": "out" + datatype, "datatype": told})
        values[name] = {"BOOL": True, "BYTES": "one"}.get(datatype, 1)
    model = helper.make_model(
        helper.make_graph(nodes, "datatypes", *ends),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests",
    )
    contract = {
        "features": features,
        "outputs": outputs,
        "kill_switches": [],
        "fallback": [{"kind": "constant", "values": values}],
    }
    even = broken.controlled_baseline()["features"]["x0"]
    words = {"kind": "categorical", "count": 1000, "missing": 0, "counts": {"one": 1000}}
    shares = {
        names.get(datatype, datatype): words if datatype == "BYTES" else even for datatype in TYPES
    }
    baseline = {"rows": 1000, "features": shares, "outputs": shares}
    golden = [{"inputs": values, "outputs": values}]
    return broken.write_artifact(folder, model, contract, golden, baseline)
