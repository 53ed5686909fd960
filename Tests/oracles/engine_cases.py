# SPDX-License-Identifier: Apache-2.0
"""Records operator cases for Tests/EngineTests: ONNX's own node cases, and graphs with a free first axis answered by ONNX Runtime.

    python engine_cases.py OUTPUT.cases [--all]

A case file is a run of records, numbers little-endian:
    u32 length + bytes of: name, model, then u32 count of inputs and each, u32 count of outputs and each; f64 rtol, f64 atol
An input or output is a TensorProto.
"""
import io
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SUPPORTED = set("""
Abs Add And ArgMax ArgMin BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant ConstantOfShape Cos CumSum Div
Dropout Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish
Hardmax Identity IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul Max Mean Min
Mish Mod Mul Neg Not Or Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus Softsign Split
Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor
""".split())
# Training, sixteen-bit arithmetic, and forms nobody exports.
LEFT_OUT = ("training", "_float16", "bool_inputs", "empty_set_bool", "types_float32_uint")
PLAIN = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING,
    TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64,
    TensorProto.FLOAT16,
}


def blob(data):
    return struct.pack("<I", len(data)) + data


def record(name, model, inputs, outputs, rtol, atol):
    parts = [blob(name.encode()), blob(model.SerializeToString())]
    for group in (inputs, outputs):
        parts.append(struct.pack("<I", len(group)))
        parts += [blob(value.SerializeToString()) for value in group]
    parts.append(struct.pack("<dd", rtol, atol))
    return b"".join(parts)


def tensors(values):
    return [v if isinstance(v, onnx.TensorProto) else numpy_helper.from_array(np.asarray(v)) for v in values]


def types(model):
    for value in list(model.graph.input) + list(model.graph.output):
        if not value.type.HasField("tensor_type"):
            yield None
        else:
            yield value.type.tensor_type.elem_type


def node_cases():
    np.random.seed(7)
    from onnx.backend.test.case.node import collect_testcases
    for case in collect_testcases(None):
        names = {n.op_type for n in case.model.graph.node}
        if any(word in case.name for word in LEFT_OUT):
            continue
        if not names <= SUPPORTED or {n.domain for n in case.model.graph.node} - {""}:
            continue
        if not set(types(case.model)) <= PLAIN or any(len(n.attribute) and any(a.HasField("g") for a in n.attribute) for n in case.model.graph.node):
            continue
        for inputs, outputs in case.data_sets:
            yield case.name, case.model, tensors(inputs), tensors(outputs), case.rtol, case.atol


def graph(nodes, inputs, outputs, constants=(), opset=17):
    made = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs],
        [numpy_helper.from_array(a, n) for n, a in constants])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


F, D, I, L, B = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL)


def row_graphs():
    """Graphs whose first axis is free: (name, model, inputs made from a number of rows)."""
    rng = np.random.default_rng(11)
    f = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    n = helper.make_node
    w1, b1, w2, b2 = f(7, 33), f(33), f(33, 3), f(3)
    yield "rows_mlp", graph(
        [n("Gemm", ["x", "w1", "b1"], ["h"]), n("Relu", ["h"], ["r"]), n("Gemm", ["r", "w2", "b2"], ["o"]), n("Softmax", ["o"], ["y"], axis=-1)],
        [("x", F, ["N", 7])], [("y", F, None)], [("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2)]), lambda k: [f(k, 7)]
    yield "rows_matmul_wide", graph(
        [n("MatMul", ["x", "w"], ["y"])], [("x", F, ["N", 5])], [("y", F, None)], [("w", f(5, 131))]), lambda k: [f(k, 5)]
    yield "rows_gemm_forms", graph(
        [n("Gemm", ["x", "w", "c"], ["y"], alpha=0.5, beta=2.0, transB=1)],
        [("x", F, ["N", 6])], [("y", F, None)], [("w", f(4, 6)), ("c", f(1, 1))]), lambda k: [f(k, 6)]
    yield "rows_gemm_outer", graph(
        [n("Gemm", ["x", "z"], ["y"], transA=1)], [("x", F, ["N", 6]), ("z", F, ["N", 5])], [("y", F, None)]), lambda k: [f(k, 6), f(k, 5)]
    yield "rows_gemm_double", graph(
        [n("Gemm", ["x", "w", "c"], ["y"])], [("x", D, ["N", 6])], [("y", D, None)],
        [("w", f(6, 4).astype(np.float64)), ("c", f(4).astype(np.float64))]), lambda k: [f(k, 6).astype(np.float64)]
    heads = [
        n("Shape", ["x"], ["s"]), n("Gather", ["s", "zero"], ["n"]), n("Unsqueeze", ["n", "axes0"], ["n1"]),
        n("Concat", ["n1", "tail"], ["target"], axis=0),
        n("MatMul", ["x", "wq"], ["q0"]), n("MatMul", ["x", "wk"], ["k0"]), n("MatMul", ["x", "wv"], ["v0"]),
        n("Reshape", ["q0", "target"], ["q1"]), n("Reshape", ["k0", "target"], ["k1"]), n("Reshape", ["v0", "target"], ["v1"]),
        n("Transpose", ["q1"], ["q"], perm=[0, 2, 1, 3]), n("Transpose", ["k1"], ["k"], perm=[0, 2, 3, 1]), n("Transpose", ["v1"], ["v"], perm=[0, 2, 1, 3]),
        n("MatMul", ["q", "k"], ["a0"]), n("Div", ["a0", "scale"], ["a1"]), n("Softmax", ["a1"], ["a"], axis=-1), n("MatMul", ["a", "v"], ["o0"]),
        n("Transpose", ["o0"], ["o1"], perm=[0, 2, 1, 3]), n("Reshape", ["o1", "flat"], ["o2"]), n("Add", ["o2", "x"], ["o3"]),
        n("LayerNormalization", ["o3", "g", "b"], ["y"], axis=-1),
    ]
    yield "rows_attention", graph(
        heads, [("x", F, ["N", 6, 16])], [("y", F, None)],
        [("zero", np.array(0)), ("axes0", np.array([0])), ("tail", np.array([6, 4, 4])), ("flat", np.array([0, 6, 16])), ("scale", np.array(2.0, np.float32)),
         ("wq", f(16, 16)), ("wk", f(16, 16)), ("wv", f(16, 16)), ("g", f(16)), ("b", f(16))]), lambda k: [f(k, 6, 16)]
    yield "rows_expand_pattern", graph(
        [n("Shape", ["x"], ["s"]), n("Gather", ["s", "zero"], ["n"]), n("Unsqueeze", ["n", "axes0"], ["n1"]), n("Concat", ["n1", "rest"], ["want"], axis=0),
         n("Shape", ["want"], ["r"]), n("ConstantOfShape", ["r"], ["ones"], value=numpy_helper.from_array(np.array([1]))),
         n("Mul", ["ones", "minus"], ["m"]), n("Equal", ["want", "m"], ["e"]), n("Where", ["e", "ones", "want"], ["t"]),
         n("Expand", ["token", "t"], ["tokens"]), n("Unsqueeze", ["x", "axes1"], ["x3"]), n("Concat", ["tokens", "x3"], ["y"], axis=1)],
        [("x", F, ["N", 4])], [("y", F, None)],
        [("zero", np.array(0)), ("axes0", np.array([0])), ("axes1", np.array([1])), ("rest", np.array([1, 4])), ("minus", np.array(-1)), ("token", f(1, 1, 4))]), lambda k: [f(k, 4)]
    yield "rows_columns_apart_and_together", graph(
        [n("Split", ["x"], ["a", "b", "c"], axis=1), n("Slice", ["x", "s0", "s1", "one"], ["d"]), n("Gather", ["x", "idx"], ["e"], axis=1),
         n("Mul", ["a", "b"], ["ab"]), n("Sub", ["ab", "c"], ["abc"]), n("Concat", ["abc", "d", "e"], ["y"], axis=1)],
        [("x", F, ["N", 6])], [("y", F, None)],
        [("s0", np.array([1])), ("s1", np.array([100])), ("one", np.array([1])), ("idx", np.array([5, 0, -1]))], opset=17), lambda k: [f(k, 6)]
    yield "rows_reductions", graph(
        [n("ReduceMean", ["x"], ["m"], axes=[1], keepdims=1), n("Sub", ["x", "m"], ["c"]), n("ReduceL2", ["c"], ["l"], axes=[1], keepdims=0),
         n("ReduceMax", ["x"], ["top"], axes=[0, 1], keepdims=0), n("ArgMax", ["x"], ["arg"], axis=1, keepdims=0),
         n("TopK", ["x", "k"], ["v", "i"], axis=1), n("CumSum", ["x", "ax"], ["cs"], reverse=1)],
        [("x", F, ["N", 9])], [("l", F, None), ("top", F, None), ("arg", L, None), ("v", F, None), ("i", L, None), ("cs", F, None)],
        [("k", np.array([3])), ("ax", np.array(1))]), lambda k: [f(k, 9)]
    yield "rows_embedding", graph(
        [n("Gather", ["table", "ids"], ["e"]), n("ReduceSum", ["e", "ax"], ["y"], keepdims=0)],
        [("ids", L, ["N", 3])], [("y", F, None)], [("table", f(11, 5)), ("ax", np.array([1]))]), lambda k: [rng.integers(-11, 11, (k, 3))]
    yield "rows_shared_work", graph(
        [n("Identity", ["x"], ["x1"]), n("Exp", ["x1"], ["a"]), n("Exp", ["x"], ["b"]), n("Add", ["a", "b"], ["s"]), n("Neg", ["x"], ["unused"]),
         n("Mul", ["two", "three"], ["six"]), n("Mul", ["s", "six"], ["y"])],
        [("x", F, ["N", 3])], [("y", F, None), ("x1", F, None)], [("two", np.array(2, np.float32)), ("three", np.array(3, np.float32))]), lambda k: [f(k, 3)]
    yield "rows_where_cast", graph(
        [n("Greater", ["x", "limit"], ["g"]), n("Where", ["g", "x", "other"], ["w"]), n("Cast", ["w"], ["i"], to=L), n("Cast", ["g"], ["gf"], to=F), n("Not", ["g"], ["ng"]),
         n("Pow", ["x", "two"], ["p"]), n("Clip", ["p", "limit"], ["c"])],
        [("x", F, ["N", 4])], [("w", F, None), ("i", L, None), ("gf", F, None), ("ng", B, None), ("c", F, None)],
        [("limit", np.array(0.25, np.float32)), ("other", f(1, 4)), ("two", np.array(2.0, np.float32))]), lambda k: [f(k, 4) * 3]
    yield "rows_old_forms", graph(
        [n("Unsqueeze", ["x"], ["u"], axes=[1]), n("Squeeze", ["u"], ["s"], axes=[1]), n("ReduceSum", ["s"], ["r"], axes=[1], keepdims=1),
         n("Slice", ["x"], ["t"], axes=[1], starts=[1], ends=[3]), n("Clip", ["x"], ["c"], min=-0.5, max=0.5), n("Softmax", ["x"], ["m"]),
         n("BatchNormalization", ["x", "w", "b", "mean", "var"], ["bn"])],
        [("x", F, ["N", 4])], [("r", F, None), ("t", F, None), ("c", F, None), ("m", F, None), ("bn", F, None)],
        [("w", f(4)), ("b", f(4)), ("mean", f(4)), ("var", np.abs(f(4)))], opset=9), lambda k: [f(k, 4)]


def row_cases():
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    for name, model, make in row_graphs():
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        for rows in (1, 2, 13):
            inputs = make(rows)
            outputs = session.run(None, dict(zip((i.name for i in model.graph.input), inputs)))
            yield f"{name}_{rows}", model, tensors(inputs), tensors(outputs), 1e-4, 1e-5


def main():
    everything = "--all" in sys.argv
    seen = {}
    total = 0
    with open(sys.argv[1], "wb") as file:
        for case in [*row_cases(), *node_cases()]:
            data = record(*case)
            family = case[0].removesuffix("_expanded")
            # The committed file stays small: no large tensors, no function bodies written out.
            if not everything and (len(data) > 6_000 or family != case[0]):
                continue
            file.write(data)
            total += 1
    print(total, "cases")


main()
