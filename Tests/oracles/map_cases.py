# SPDX-License-Identifier: Apache-2.0
"""Records how ONNX Runtime answers operators that take a map, in ONNX's test layout.

    python3 Tests/oracles/map_cases.py Tests/EngineTests/Fixtures/maps

Needs onnx and onnxruntime.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def map_of(values):
    """A MapProto; the package's own helper writes no string keys."""
    stored = onnx.MapProto()
    if isinstance(next(iter(values)), str):
        stored.key_type = TensorProto.STRING
        stored.string_keys.extend(key.encode() for key in values)
    else:
        stored.key_type = TensorProto.INT64
        stored.keys.extend(values)
    stored.values.elem_type = onnx.SequenceProto.TENSOR
    for value in values.values():
        stored.values.tensor_values.append(numpy_helper.from_array(numpy.float32(value)))
    return stored


def record(base, name, operator, key, answer, values, **attributes):
    scalar = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    node = helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_value_info("x", helper.make_map_type_proto(key, scalar))],
        [helper.make_value_info("y", helper.make_tensor_type_proto(answer, [1, None]))],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
    )
    data = base / name / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, base / name / "model.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    [output] = session.run(None, {"x": values})
    (data / "input_0.pb").write_bytes(map_of(values).SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(output).SerializeToString())


def main():
    base = pathlib.Path(sys.argv[1])
    string, integer, real = TensorProto.STRING, TensorProto.INT64, TensorProto.FLOAT
    record(base, "dict_vectorizer_strings", "DictVectorizer", string, real,
           {"c": 3.5, "a": 1.25}, string_vocabulary=["a", "b", "c"])
    record(base, "dict_vectorizer_integers", "DictVectorizer", integer, real,
           {3: 3.5, 9: 1.25}, int64_vocabulary=[7, 3, 5])
    record(base, "cast_map_dense", "CastMap", integer, real,
           {3: 3.5, 1: 1.25}, cast_to="TO_FLOAT", map_form="DENSE")
    record(base, "cast_map_sparse", "CastMap", integer, integer,
           {3: 3.5, 1: -1.25}, cast_to="TO_INT64", map_form="SPARSE", max_map=5)


if __name__ == "__main__":
    main()
