# SPDX-License-Identifier: Apache-2.0
"""Trains the tree ensembles of the benchmark and exports them to ONNX.

    python Tests/benchmarks/models_trees.py FOLDER [NAME...]

One folder a model, in ONNX's test layout: `model.onnx`, and `test_data_set_0` with 4,096 rows and
what the training library itself predicts for them. Data is seeded and synthetic, 50,000 rows of ten
features made like a price list: skewed sizes, correlated measures, ordinal grades, noise.

The thresholds of the exports are 32-bit, so rows are given in 32-bit floats to library and file.
Needs numpy, onnx, onnxmltools, skl2onnx, scikit-learn, xgboost, lightgbm, catboost.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

ROWS, COLUMNS, HELD_OUT = 50_000, 10, 4_096


def table():
    """Rows and prices; the last `HELD_OUT` rows are for testing."""
    random = np.random.default_rng(20)
    count = ROWS + HELD_OUT
    weight = np.round(random.lognormal(-0.4, 0.6, count), 2)
    edge = np.cbrt(weight) * 6.4
    measures = [np.round(edge * random.normal(1, s, count), 2) for s in (0.01, 0.01, 0.02)]
    grades = [random.integers(0, n, count).astype(float) for n in (5, 7, 8)]
    depth = np.round(random.normal(61.7, 1.4, count), 1)
    width = np.round(random.normal(57.5, 2.2, count), 1)
    age = random.uniform(0, 30, count)
    x = np.stack([weight, *grades, depth, width, *measures, age], axis=1).astype(np.float32)
    log_price = (
        7.8
        + 1.7 * np.log(weight)
        + 0.06 * grades[0]
        - 0.08 * grades[1] * (1 + 0.2 * weight)
        + 0.1 * grades[2]
        - 0.01 * np.abs(depth - 61.7) ** 1.5
        - 0.004 * (width - 57.5) ** 2 / 4
        + 0.05 * np.sin(age / 3) * np.log1p(weight)
        + random.normal(0, 0.1, count)
    )
    return x, log_price.astype(np.float32)


def boosters(x, y):
    """Name, training function and exporter of each model."""
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx

    columns = [("x", FloatTensorType([None, COLUMNS]))]

    def xgb(**more):
        import xgboost

        return xgboost.XGBRegressor(
            n_estimators=500, learning_rate=0.05, tree_method="hist", n_jobs=1, **more
        ).fit(x, y)

    def lgb(leaves):
        import lightgbm

        return lightgbm.LGBMRegressor(
            n_estimators=500, num_leaves=leaves, learning_rate=0.05, n_jobs=1, verbose=-1
        ).fit(x, y)

    def cat():
        import catboost

        return catboost.CatBoostRegressor(
            iterations=500, depth=6, thread_count=1, verbose=0, allow_writing_files=False
        ).fit(x, y)

    def forest():
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(100, random_state=3, n_jobs=1).fit(x, y)

    def from_catboost(model):
        file = pathlib.Path(sys.argv[1]) / "catboost.tmp"
        model.save_model(str(file), format="onnx")
        exported = onnx.load(file)
        file.unlink()
        return exported

    def from_xgboost(model):
        return convert_xgboost(model, initial_types=columns)

    def from_lightgbm(model):
        return convert_lightgbm(model, initial_types=columns, zipmap=False)

    return {
        "xgb_500_d6": (lambda: xgb(max_depth=6), from_xgboost),
        "lgbm_500_31": (lambda: lgb(31), from_lightgbm),
        "lgbm_500_63": (lambda: lgb(63), from_lightgbm),
        "cat_500_d6": (cat, from_catboost),
        "rf_100": (forest, lambda model: to_onnx(model, x[:1])),
    }


def save(model, exported, x, folder):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(exported, folder / "model.onnx")
    if hasattr(model, "booster_"):
        model.booster_.save_model(str(folder / "model.txt"))
    inputs = numpy_helper.from_array(x, exported.graph.input[0].name)
    expected = np.asarray(model.predict(x), dtype=np.float32).reshape(-1, 1)
    outputs = numpy_helper.from_array(expected, exported.graph.output[0].name)
    (data / "input_0.pb").write_bytes(inputs.SerializeToString())
    (data / "output_0.pb").write_bytes(outputs.SerializeToString())


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    x, y = table()
    models = boosters(x[:ROWS], y[:ROWS])
    for name in sys.argv[2:] or models:
        train, export = models[name]
        model = train()
        save(model, export(model), x[ROWS:], folder / name)
        print(f"{name}: done")


if __name__ == "__main__":
    main()
