# SPDX-License-Identifier: Apache-2.0
"""Trains small pipelines and networks, and makes a model of 100 MB, for the benchmark.

    models_small.py FOLDER

Each goes to FOLDER/NAME: model.onnx, test_data_set_0 with rows that were not trained on, and bench.json
with what it stands for, the batches to run and the goals. Data is seeded and synthetic.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skl2onnx import to_onnx

ROWS, HELD_OUT = 4_000, 256
plain_attribute = helper.make_attribute


def attribute_without_booleans(key, value, *args, **more):
    """skl2onnx hands booleans to attributes; newer protobuf takes integers only."""
    return plain_attribute(key, int(value) if isinstance(value, (bool, np.bool_)) else value, *args, **more)


helper.make_attribute = onnx.helper.make_attribute = attribute_without_booleans


def write(folder, model, arrays, work, batches, goals, load=False):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for index, (info, array) in enumerate(zip(model.graph.input, arrays)):
        written = numpy_helper.from_array(np.asarray(array), info.name)
        (data / f"input_{index}.pb").write_bytes(written.SerializeToString())
    said = {"work": work, "batches": batches, "goals": goals, "load": load}
    (folder / "bench.json").write_text(json.dumps(said) + "\n")


def numbers(random, columns):
    x = random.normal(size=(ROWS + HELD_OUT, columns)).astype(np.float32)
    y = x[:, 0] * 2 - np.abs(x[:, 1]) + np.sin(x[:, 2] * 2) + random.normal(0, 0.1, len(x))
    return x[:ROWS], y[:ROWS], x[ROWS:]


def pipelines(target):
    random = np.random.default_rng(31)
    x, y, held = numbers(random, 10)
    for name, layers in (("mlp_10_64_64", (64, 64)), ("mlp_10_128_64_32", (128, 64, 32))):
        model = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=layers, max_iter=15, random_state=0)).fit(x, y)
        write(target / name, to_onnx(model, x[:1]), [held], f"scaled MLP 10-{'-'.join(map(str, layers))}-1",
              [1, 16, 256], [10, None, None])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y > 0)
    exported = to_onnx(model, x[:1], options={"zipmap": False})
    write(target / "logistic", exported, [held], "scaled logistic regression", [1, 16, 256], [10, None, None])
    model = IsolationForest(n_estimators=50, random_state=0).fit(x[:1000])
    exported = to_onnx(model, x[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    write(target / "isolation_forest", exported, [held], "isolation forest, 50 trees", [1, 256], [None, None])


def mixed_columns(target):
    random = np.random.default_rng(32)
    count = ROWS + HELD_OUT
    frame = pandas.DataFrame({
        "age": random.uniform(18, 90, count).astype(np.float32),
        "income": random.lognormal(10, 0.5, count).astype(np.float32),
        "city": random.choice(["Aachen", "Bonn", "Celle", "Dachau", "Emden"], count).astype(object),
        "job": random.choice(["baker", "clerk", "diver"], count).astype(object),
    })
    target_value = (frame.age > 40) ^ (frame.city == "Bonn")
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["city", "job"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame[:ROWS], target_value[:ROWS])
    exported = to_onnx(model, frame[:1], options={"zipmap": False})
    arrays = [frame[name].to_numpy()[ROWS:, None] for name in frame]
    write(target / "columns_logistic", exported, arrays, "scaler, one-hot of strings, logistic regression",
          [1, 256], [10, None])


def heavy(target):
    """Six dense layers of 2048 x 2048: 100 MB of weights in raw form."""
    random = np.random.default_rng(33)
    nodes, weights, value = [], [], "x"
    for layer in range(6):
        array = (random.standard_normal((2048, 2048), dtype=np.float32) * 0.02).astype(np.float32)
        weights.append(numpy_helper.from_array(array, f"w{layer}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}"], [f"g{layer}"]))
        nodes.append(helper.make_node("Relu", [f"g{layer}"], [f"r{layer}"]))
        value = f"r{layer}"
    graph = helper.make_graph(
        nodes, "heavy", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2048])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", 2048])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    row = random.standard_normal((1, 2048), dtype=np.float32)
    write(target / "heavy_100mb", model, [row], "100 MB of dense layers", [1], [5], load=True)


def main():
    target = Path(sys.argv[1])
    heavy(target)
    pipelines(target)
    mixed_columns(target)


if __name__ == "__main__":
    main()
