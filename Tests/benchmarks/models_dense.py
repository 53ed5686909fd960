#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the dense models of the benchmarks: a folder each, in ONNX's test layout.

    models_dense.py FOLDER [NAME...]

The weights are random and the same every time. The transformer is written as an exporter writes it:
separate products and additions, GELU spelled out with Erf, Reshape and Transpose around the heads.
The expected outputs are ONNX Runtime's with optimisations off, but for 8-bit products NumPy's: without
VNNI, ONNX Runtime adds pairs of them in 16 bits, which saturate.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and initialisers under fresh names."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initialisers = [], []

    def constant(self, array):
        name = f"c{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, *shape, scale=None):
        scale = scale or 1 / np.sqrt(shape[0])
        return self.constant(self.random.normal(0, scale, shape).astype(np.float32))

    def node(self, operator, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, depth, columns):
        return self.node("Add", self.node("MatMul", x, self.weights(depth, columns)),
                         self.weights(columns, scale=0.02))

    def model(self, inputs, outputs, opset=17):
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, self.initialisers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                                 ir_version=8)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def scalar(number):
    return np.array(number, np.float32)


def transformer(layers=2, length=128, width=768, heads=12, wide=3072):
    g = Graph(1)
    x = "x"
    depth = width // heads
    shape = g.constant(np.array([1, length, heads, depth], np.int64))
    flat = g.constant(np.array([1, length, width], np.int64))
    for _ in range(layers):
        q, k, v = (g.node("Reshape", g.linear(x, width, width), shape) for _ in range(3))
        q = g.node("Transpose", q, perm=[0, 2, 1, 3])
        k = g.node("Transpose", k, perm=[0, 2, 3, 1])
        v = g.node("Transpose", v, perm=[0, 2, 1, 3])
        scores = g.node("Div", g.node("MatMul", q, k), g.constant(scalar(np.sqrt(depth))))
        shares = g.node("Softmax", g.node("Add", scores, "mask"), axis=-1)
        heads_out = g.node("Transpose", g.node("MatMul", shares, v), perm=[0, 2, 1, 3])
        attention = g.linear(g.node("Reshape", heads_out, flat), width, width)
        x = normalised(g, g.node("Add", attention, x), width)
        hidden = g.linear(x, width, wide)
        erf = g.node("Erf", g.node("Div", hidden, g.constant(scalar(np.sqrt(2)))))
        gelu = g.node("Mul", hidden, g.node("Add", erf, g.constant(scalar(1))))
        gelu = g.node("Mul", gelu, g.constant(scalar(0.5)))
        x = normalised(g, g.node("Add", g.linear(gelu, wide, width), x), width)
    inputs = [value("x", TensorProto.FLOAT, [1, length, width]),
              value("mask", TensorProto.FLOAT, [1, 1, 1, length])]
    mask = np.zeros((1, 1, 1, length), np.float32)
    mask[..., length - 8:] = -10000
    data = [g.random.normal(0, 1, (1, length, width)).astype(np.float32), mask]
    return g.model(inputs, [value(x, TensorProto.FLOAT, [1, length, width])]), data


def normalised(g, x, width):
    return g.node("LayerNormalization", x, g.weights(width, scale=0.3), g.weights(width, scale=0.1),
                  axis=-1, epsilon=1e-12)


def perceptron(widths, rows, function="Relu"):
    g = Graph(2)
    x = "x"
    for index, (depth, columns) in enumerate(zip(widths, widths[1:])):
        x = g.node("Gemm", x, g.weights(columns, depth, scale=1 / np.sqrt(depth)),
                   g.weights(columns, scale=0.02), transB=1)
        if index + 2 < len(widths):
            x = g.node(function, x)
    data = [g.random.normal(0, 1, (rows, widths[0])).astype(np.float32)]
    return g.model([value("x", TensorProto.FLOAT, ["N", widths[0]])],
                   [value(x, TensorProto.FLOAT, ["N", widths[-1]])]), data


def integers(rows, depth, columns):
    g = Graph(3)
    weights = g.constant(g.random.integers(-127, 128, (depth, columns)).astype(np.int8))
    y = g.node("MatMulInteger", "a", weights, g.constant(np.array(117, np.uint8)))
    data = [g.random.integers(0, 256, (rows, depth)).astype(np.uint8)]
    return g.model([value("a", TensorProto.UINT8, ["N", depth])],
                   [value(y, TensorProto.INT32, ["N", columns])]), data


def product(rows, depth, columns):
    g = Graph(4)
    y = g.node("MatMul", "a", g.weights(depth, columns))
    data = [g.random.normal(0, 1, (rows, depth)).astype(np.float32)]
    return g.model([value("a", TensorProto.FLOAT, ["N", depth])],
                   [value(y, TensorProto.FLOAT, ["N", columns])]), data


# By name: how it is made, at which numbers of rows it is measured, and what it stands for.
MODELS = {
    "bert_base_2x128": (transformer, [1], "transformer encoder, two BERT-base layers, 128 tokens"),
    "mlp_10_64_64_1": (lambda: perceptron([10, 64, 64, 1], 1), [1, 16, 256], "MLP 10-64-64-1"),
    "mlp_128_512_512_10": (
        lambda: perceptron([128, 512, 512, 10], 1), [1, 16, 256], "MLP 128-512-512-10"),
    "int8_768x3072": (lambda: integers(16, 768, 3072), [1, 16, 128], "int8 product, 768 x 3072"),
    "matmul_768x3072": (lambda: product(16, 768, 3072), [1, 16, 128], "product, 768 x 3072"),
    "matmul_384x384": (lambda: product(384, 384, 384), [1, 384], "product, 384 x 384"),
}
# What the project promises, at the first number of rows.
GOALS = {"bert_base_2x128": 1.1, "mlp_10_64_64_1": 10, "int8_768x3072": 1.0}


def write(folder, model, data, batches, work):
    stored = folder / "test_data_set_0"
    stored.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    # Sums of thousands of terms of either sign: near zero their order shows.
    (folder / "data.json").write_text(json.dumps({"rtol": 1e-3, "atol": 1e-4}) + "\n")
    bench = {"work": work, "batches": batches}
    if folder.name in GOALS:
        bench["goals"] = [GOALS[folder.name]] + [None] * (len(batches) - 1)
    (folder / "bench.json").write_text(json.dumps(bench) + "\n")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(folder / "model.onnx", options,
                                           providers=["CPUExecutionProvider"])
    names = [info.name for info in session.get_inputs()]
    if model.graph.node[-1].op_type == "MatMulInteger":
        weights, zero = (numpy_helper.to_array(i).astype(np.int32) for i in model.graph.initializer)
        outputs = [(data[0].astype(np.int32) - zero) @ weights]
    else:
        outputs = session.run(None, dict(zip(names, data)))
    for kind, arrays, named in (("input", data, names),
                                ("output", outputs, [o.name for o in session.get_outputs()])):
        for index, array in enumerate(arrays):
            tensor = numpy_helper.from_array(np.asarray(array), named[index])
            (stored / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or MODELS:
        make, batches, work = MODELS[name]
        write(folder / name, *make(), batches, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
