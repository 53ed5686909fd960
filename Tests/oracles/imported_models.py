# SPDX-License-Identifier: Apache-2.0
"""Trains small models of XGBoost and LightGBM and writes them with the libraries' own answers.

    python Tests/oracles/imported_models.py [--large N] Tests/ServingTests/Fixtures/Imported

For each case the model file as the library saves it, and `NAME.rows`: a line `rows columns answers
width`, then the rows and the answers (width of them a row) as doubles, lowest byte first. Rows hold
the thresholds of the trees, their neighbours, zeros of both signs, numbers that LightGBM takes for
zero, denormals, what is missing, and codes that are no category. Needs what
Models/train/requirements.lock pins.
"""

import argparse
import json
import re
import struct
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb

warnings.filterwarnings("ignore")
SEED = 7


def random():
    return np.random.default_rng(SEED)


class Writer:
    def __init__(self, folder, rows):
        self.folder, self.rows = Path(folder), rows
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()

    def write(self, name, rows, answers):
        answers = np.asarray(answers, dtype=np.float64).reshape(len(rows), -1)
        head = f"{rows.shape[0]} {rows.shape[1]} {answers.shape[1]}\n".encode()
        (self.folder / f"{name}.rows").write_bytes(
            head + rows.astype("<f8").tobytes() + answers.astype("<f8").tobytes()
        )


def probes(rng, columns, thresholds, dtype, count, missing=True, infinite=False):
    """Rows whose columns hold thresholds, their neighbours and other hard numbers."""
    least = np.nextafter(dtype(0), dtype(1))
    zero = dtype(np.float32(1e-35))
    common = [
        0.0, -0.0, least, -least, zero, -zero, np.nextafter(zero, dtype(1)),
        -np.nextafter(zero, dtype(1)), np.nextafter(zero, dtype(0)), 1e-36, -1e-36, 1e30, -1e30,
    ]
    if missing:
        common += [np.nan] * 3
    if infinite:
        common += [np.inf, -np.inf]
    rows = np.empty((count, columns), dtype=dtype)
    for column in range(columns):
        own = np.asarray(sorted(set(thresholds.get(column, []))), dtype=dtype)
        hard = np.concatenate([
            own, np.nextafter(own, dtype(np.inf)), np.nextafter(own, dtype(-np.inf)),
            np.asarray(common, dtype=dtype), rng.normal(size=max(8, len(own))).astype(dtype),
        ])
        rows[:, column] = rng.choice(hard, size=count)
    return rows


# MARK: XGBoost


def xgboost_thresholds(booster):
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = model.get("gbtree", model)["model"]
    found = {}
    for tree in model["trees"]:
        for node, left in enumerate(tree["left_children"]):
            if left != -1 and not tree["split_type"][node]:
                found.setdefault(tree["split_indices"][node], []).append(
                    np.float32(tree["split_conditions"][node])
                )
    return found


def codes(rng, rows, columns, most):
    """Puts categories and what is none into `columns`."""
    odd = [-1.0, -0.5, -0.0, 0.25, 0.999, 1.5, float(most), most + 5.0, 1e6, 3e9, np.nan]
    for column in columns:
        rows[:, column] = rng.choice(list(range(most)) * 3 + odd, size=len(rows))


def xgboost_case(out, name, parameters, labels, *, rounds=6, columns=5, categories=(), most=9,
                 forms=("json",), holes=True, rows=None, sklearn=False, data=None):
    rng = random()
    train = rng.normal(size=(400, columns)).astype(np.float32)
    train[rng.random(train.shape) < 0.1] = 0
    if holes:
        train[rng.random(train.shape) < 0.1] = np.nan
    for column in categories:
        train[:, column] = rng.integers(0, most, len(train))
    types = ["c" if column in categories else "float" for column in range(columns)]
    label = labels(rng, train)
    matrix = xgb.DMatrix(train, label=label, feature_types=types, enable_categorical=True)
    if parameters["objective"].startswith("rank"):
        matrix.set_group([20] * (len(train) // 20))
    if parameters["objective"] == "survival:aft":
        matrix.set_float_info("label_lower_bound", label)
        matrix.set_float_info("label_upper_bound", label)
    if parameters["objective"] == "reg:quantileerror":
        matrix = xgb.QuantileDMatrix(train, label=label, feature_types=types, enable_categorical=True)
    booster = xgb.train(
        {"max_depth": 4, "seed": SEED, "nthread": 1, "tree_method": "hist", **parameters},
        matrix, num_boost_round=rounds,
    )
    test = probes(rng, columns, xgboost_thresholds(booster), np.float32, out.rows)
    codes(rng, test, categories, most)
    answers = booster.predict(xgb.DMatrix(test, feature_types=types, enable_categorical=True))
    for form in forms:
        booster.save_model(out.folder / f"{name}.{form}")
    out.write(name, test, answers)


def gaussian(rng, x):
    return np.nan_to_num(x[:, 0]) * 2 + np.nan_to_num(x[:, 1]) ** 2 + rng.normal(size=len(x)) * 0.1


def positive(rng, x):
    return np.exp(np.nan_to_num(x[:, 0]) * 0.5) + rng.random(len(x)) * 0.1


def binary(rng, x):
    return (gaussian(rng, x) > 1).astype(float)


def share(rng, x):
    return 1 / (1 + np.exp(-gaussian(rng, x)))


def counts(rng, x):
    return rng.poisson(np.exp(np.clip(np.nan_to_num(x[:, 0]), -2, 2)))


def classes(count):
    def label(rng, x):
        return np.digitize(gaussian(rng, x), np.quantile(gaussian(rng, x), np.linspace(0, 1, count + 1)[1:-1]))
    return label


def grades(rng, x):
    return np.clip(np.round(gaussian(rng, x)), 0, 3)


def several(rng, x):
    return np.stack([gaussian(rng, x), positive(rng, x), binary(rng, x)], axis=1)


def flags(rng, x):
    return np.stack([binary(rng, x), (np.nan_to_num(x[:, 2]) > 0).astype(float)], axis=1)


def by_category(rng, x):
    return np.nan_to_num(x[:, 0]) + (x[:, 1] % 3) * 2 + (x[:, 2] % 2) * 1.5


def xgboost_cases(out):
    both = ("json", "ubj")
    simple = {
        "reg:squarederror": gaussian, "reg:squaredlogerror": positive,
        "reg:pseudohubererror": gaussian, "reg:absoluteerror": gaussian, "reg:logistic": share,
        "reg:gamma": positive, "reg:tweedie": counts, "count:poisson": counts,
        "binary:logistic": binary, "binary:logitraw": binary, "binary:hinge": binary,
        "rank:pairwise": grades, "rank:ndcg": grades, "rank:map": binary,
        "survival:cox": positive, "survival:aft": positive,
    }
    for objective, labels in simple.items():
        xgboost_case(out, "xgb-" + objective.replace(":", "-"), {"objective": objective}, labels,
                     forms=both if objective == "reg:squarederror" else ("json",))
    xgboost_case(out, "xgb-quantiles", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]},
                 gaussian)
    xgboost_case(out, "xgb-base-score", {"objective": "binary:logistic", "base_score": 0.125}, binary)
    for kind in ("softprob", "softmax"):
        xgboost_case(out, f"xgb-multi-{kind}", {"objective": f"multi:{kind}", "num_class": 7, "max_depth": 3},
                     classes(7), rounds=4)
    xgboost_case(out, "xgb-targets", {"objective": "reg:squarederror"}, several)
    xgboost_case(out, "xgb-flags", {"objective": "binary:logistic"}, flags)
    xgboost_case(out, "xgb-vector-leaf",
                 {"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"}, several,
                 forms=both)
    xgboost_case(out, "xgb-dart", {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5},
                 gaussian, rounds=12, forms=both)
    xgboost_case(out, "xgb-parallel", {"objective": "reg:squarederror", "num_parallel_tree": 3,
                                       "subsample": 0.5}, gaussian, rounds=3)
    xgboost_case(out, "xgb-categories", {"objective": "reg:squarederror", "max_cat_to_onehot": 1}, by_category,
                 categories=(1, 2), forms=both)
    xgboost_case(out, "xgb-one-hot", {"objective": "reg:squarederror", "max_cat_to_onehot": 99}, by_category,
                 categories=(1, 2))
    xgboost_case(out, "xgb-deep", {"objective": "reg:squarederror", "max_depth": 0, "max_leaves": 300,
                                   "grow_policy": "lossguide", "min_child_weight": 0}, gaussian, rounds=2)
    xgboost_case(out, "xgb-stump", {"objective": "reg:squarederror", "gamma": 1e9}, gaussian)
    xgboost_case(out, "xgb-many", {"objective": "reg:squarederror", "max_depth": 2}, gaussian, rounds=40)
    xgboost_names(out)
    xgboost_stopped(out)


def frame(rng, count):
    return pd.DataFrame({
        "carat": rng.normal(size=count).astype(np.float32),
        "cut": pd.Categorical(rng.choice(["Fair", "Very Good", "Ideal"], count)),
        "year": pd.Categorical(rng.integers(2019, 2024, count)),
        "shop": pd.Categorical(rng.choice(["Oslo", "Zürich", "São Paulo"], count)),
    })


def worth(rows):
    return rows.carat + (rows.cut == "Ideal") * 2 + rows.year.cat.codes + (rows.shop == "Oslo") * 3


def coded(data):
    rows = data.copy()
    for column in ("cut", "year", "shop"):
        rows[column] = rows[column].cat.codes
    return rows.to_numpy(dtype=np.float64)


def xgboost_names(out):
    """Categories with names, which the file keeps."""
    rng = random()
    train, test = frame(rng, 300), frame(rng, out.rows)
    y = worth(train)
    model = xgb.XGBRegressor(n_estimators=6, max_depth=4, enable_categorical=True, n_jobs=1)
    model.fit(train, y)
    for form in ("json", "ubj"):
        model.save_model(out.folder / f"xgb-names.{form}")
    out.write("xgb-names", coded(test), model.predict(test))


def xgboost_stopped(out):
    """Early stopping, by scikit-learn's interface, which stops, and by the other, which does not."""
    rng = random()
    x, noise = rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=300)
    model = xgb.XGBRegressor(n_estimators=40, early_stopping_rounds=3, learning_rate=1.0, n_jobs=1)
    model.fit(x[:150], noise[:150], eval_set=[(x[150:], noise[150:])], verbose=0)
    model.save_model(out.folder / "xgb-stopped.json")
    test = x[:out.rows]
    out.write("xgb-stopped", test, model.predict(test))
    booster = xgb.train(
        {"objective": "reg:squarederror", "eta": 1.0, "nthread": 1}, xgb.DMatrix(x[:150], noise[:150]),
        40, evals=[(xgb.DMatrix(x[150:], noise[150:]), "other")], early_stopping_rounds=3, verbose_eval=False,
    )
    booster.save_model(out.folder / "xgb-stopped-whole.json")
    out.write("xgb-stopped-whole", test, booster.predict(xgb.DMatrix(test)))


# MARK: LightGBM


def lightgbm_thresholds(text):
    found = {}
    for tree in text.split("Tree=")[1:]:
        lines = dict(line.split("=", 1) for line in tree.splitlines() if "=" in line)
        if int(lines["num_leaves"]) < 2:
            continue
        for feature, threshold, decision in zip(
            lines["split_feature"].split(), lines["threshold"].split(), lines["decision_type"].split(),
        ):
            if not int(decision) & 1:
                found.setdefault(int(feature), []).append(float(threshold))
    return found


def single_sums(booster, rows):
    """What trees in single precision add up to, by the leaves that LightGBM finds for the rows."""
    leaves = booster.predict(rows, pred_leaf=True).reshape(len(rows), -1)
    classes = booster.num_model_per_iteration()
    sums = np.zeros((len(rows), classes), dtype=np.float32)
    for tree in range(booster.num_trees()):
        values = [np.float32(booster.get_leaf_output(tree, leaf)) for leaf in range(leaves[:, tree].max() + 1)]
        sums[:, tree % classes] += np.asarray(values, dtype=np.float32)[leaves[:, tree]]
    return sums


def lightgbm_case(out, name, parameters, labels, *, rounds=6, columns=5, categories=(), most=40,
                  holes=True, tiny=False, single=True):
    rng = random()
    train = rng.normal(size=(500, columns))
    train[rng.random(train.shape) < 0.15] = 0
    if tiny:
        # Thresholds right beside zero.
        near = rng.random(train.shape) < 0.3
        train[near] = rng.choice([-2e-35, -1.1e-35, 1.1e-35, 2e-35, 1e-36, -1e-36], size=near.sum())
    if holes:
        train[rng.random(train.shape) < 0.1] = np.nan
    for column in categories:
        train[:, column] = rng.integers(0, most, len(train))
    label = labels(rng, train)
    group = [20] * (len(train) // 20) if parameters["objective"] in ("lambdarank", "rank_xendcg") else None
    booster = lgb.train(
        {"num_leaves": 15, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1, "seed": SEED,
         "verbose": -1, "num_threads": 1, "deterministic": True, **parameters},
        lgb.Dataset(train, label, group=group, categorical_feature=list(categories), params={"verbose": -1}),
        num_boost_round=rounds,
    )
    booster.save_model(out.folder / f"{name}.txt")
    thresholds = lightgbm_thresholds((out.folder / f"{name}.txt").read_text())
    test = probes(rng, columns, thresholds, np.float64, out.rows, infinite=True)
    codes(rng, test, categories, most)
    out.write(name, test, booster.predict(test))
    if single:
        nearest = {
            column: [np.nextafter(np.float32(t), np.float32(s)) for t in own for s in (-np.inf, t, np.inf)]
            for column, own in thresholds.items()
        }
        test = probes(rng, columns, nearest, np.float32, out.rows)
        codes(rng, test, categories, most)
        out.write(f"{name}.float32", test, single_sums(booster, test))


def lightgbm_cases(out):
    simple = {
        "regression": gaussian, "regression_l1": gaussian, "huber": gaussian, "fair": gaussian,
        "quantile": gaussian, "mape": positive, "poisson": counts, "gamma": positive,
        "tweedie": counts, "binary": binary, "cross_entropy": share,
        "cross_entropy_lambda": share, "lambdarank": grades, "rank_xendcg": grades,
    }
    for objective, labels in simple.items():
        lightgbm_case(out, "lgb-" + objective.replace("_", "-"), {"objective": objective}, labels,
                      rounds=4, single=objective == "regression")
    lightgbm_case(out, "lgb-sqrt", {"objective": "regression", "reg_sqrt": True}, gaussian, single=False)
    lightgbm_case(out, "lgb-sigmoid", {"objective": "binary", "sigmoid": 1.7}, binary, single=False)
    for kind in ("multiclass", "multiclassova"):
        lightgbm_case(out, f"lgb-{kind}", {"objective": kind, "num_class": 6, "num_leaves": 7}, classes(6),
                      rounds=3, single=False)
    forest = {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    lightgbm_case(out, "lgb-rf", forest, gaussian, rounds=7, single=False)
    lightgbm_case(out, "lgb-rf-classes", {**forest, "objective": "multiclass", "num_class": 3, "num_leaves": 7},
                  classes(3), rounds=4, single=False)
    lightgbm_case(out, "lgb-dart", {"objective": "regression", "boosting": "dart"}, gaussian, rounds=12, single=False)
    lightgbm_case(out, "lgb-no-missing", {"objective": "regression", "use_missing": False}, gaussian)
    lightgbm_case(out, "lgb-zero-missing", {"objective": "regression", "zero_as_missing": True}, gaussian, rounds=12)
    lightgbm_case(out, "lgb-zero-missing-tiny", {"objective": "regression", "zero_as_missing": True}, gaussian,
                  tiny=True)
    lightgbm_case(out, "lgb-tiny", {"objective": "regression"}, gaussian, tiny=True, holes=False)
    lightgbm_case(out, "lgb-tiny-missing", {"objective": "regression"}, gaussian, tiny=True)
    lightgbm_case(out, "lgb-categories", {"objective": "regression"}, by_category, categories=(1, 2))
    lightgbm_case(out, "lgb-categories-many", {"objective": "regression", "max_cat_to_onehot": 1}, by_category,
                  categories=(1, 2), most=200, single=False)
    lightgbm_case(out, "lgb-deep", {"objective": "regression", "num_leaves": 300, "min_data_in_leaf": 1}, gaussian,
                  rounds=2)
    lightgbm_case(out, "lgb-stump", {"objective": "regression", "min_data_in_leaf": 400}, gaussian, single=False)
    lightgbm_case(out, "lgb-many", {"objective": "regression", "num_leaves": 4}, gaussian, rounds=40)
    lightgbm_names(out)


def lightgbm_names(out):
    rng = random()
    train, test = frame(rng, 300), frame(rng, out.rows)
    y = worth(train)
    model = lgb.LGBMRegressor(n_estimators=6, min_child_samples=5, min_data_per_group=5, n_jobs=1, verbose=-1)
    model.fit(train, y)
    model.booster_.save_model(out.folder / "lgb-names.txt")
    out.write("lgb-names", coded(test), model.predict(test))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=60, help="rows of each case")
    options = parser.parse_args()
    out = Writer(options.folder, options.rows)
    xgboost_cases(out)
    lightgbm_cases(out)


if __name__ == "__main__":
    main()
