# SPDX-License-Identifier: Apache-2.0
"""Fits small models of trees, and packs each with rows that are hard for it.

    python Tests/python/trees.py OUT SERIN [CASE ...]

Rows hold what trees compare with, its neighbours as doubles, the doubles between which rounding to single
precision changes, what is missing, and categories that were not there in training. Prints, a line a case,
the report of `serin pack`, which has held each row against the library's own answer, or why nothing was packed.
"""

import contextlib
import io
import json
import pathlib
import sys
import warnings

import numpy as np
import pandas

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Models" / "python"))
import serin_pack  # noqa: E402

warnings.filterwarnings("ignore")
ROWS = 1500
NUMBERS, TEXTS = ["carat", "depth", "width"], ["cut", "shop"]


def table(random, holes=True, category="category"):
    """Numbers and categories, and a worth that follows from them."""
    data = pandas.DataFrame({name: random.normal(size=ROWS) for name in NUMBERS})
    data["cut"] = random.choice(["Fair", "Good", "Ideal", "Très bien"], ROWS)
    data["shop"] = random.integers(1, 40, ROWS)
    worth = data.carat * 3 + data.depth**2 + (data.cut == "Ideal") * 2 + (data.shop % 5) + random.normal(size=ROWS)
    if holes:
        for name in NUMBERS:
            data.loc[random.random(ROWS) < 0.1, name] = np.nan
    for name in TEXTS:
        data[name] = data[name].astype("category")
        if category == "codes":
            data[name] = data[name].cat.codes.astype(float)
        elif category == "text":
            data[name] = data[name].astype(str)
    return data, worth.to_numpy()


def classes(worth, count):
    return np.array(["cheap", "fair", "dear", "rare"])[np.digitize(worth, np.quantile(worth, np.linspace(0, 1, count + 1)[1:-1]))]


def thresholds(model):
    """What the model compares with, by column."""
    found = {}
    for step in [step for _, step in getattr(model, "steps", [(None, model)])][-1:]:
        trees = [tree.tree_ for tree in np.ravel(getattr(step, "estimators_", [step])) if hasattr(tree, "tree_")]
        pairs = [zip(tree.feature, tree.threshold) for tree in trees]
        order = np.arange(getattr(step, "n_features_in_", 99))
        if getattr(step, "is_categorical_", None) is not None:
            order = np.concatenate([order[step.is_categorical_], order[~step.is_categorical_]])
        for predictors in getattr(step, "_predictors", ()):
            for predictor in predictors:
                nodes = predictor.nodes[~predictor.nodes["is_leaf"].astype(bool)]
                pairs.append(zip(order[nodes["feature_idx"]], nodes["num_threshold"]))
        for pair in pairs:
            for column, threshold in pair:
                if column >= 0 and np.isfinite(threshold):
                    found.setdefault(column, set()).add(threshold)
        if hasattr(step, "get_borders"):
            found = {column: set(map(float, borders)) for column, borders in step.get_borders().items()}
    return found


def hard(random, data, model, columns):
    """The rows, some of their numbers next to what the model compares with."""
    data, found = data.copy(), thresholds(model)
    for index, name in enumerate(columns):
        if name not in NUMBERS or not found.get(index):
            continue
        known = np.array(sorted(found[index]))
        with np.errstate(over="ignore"):
            below = known.astype(np.float32)
            below = np.where(below > known, np.nextafter(below, np.float32(-9)), below)
            middle = (below.astype(float) + np.nextafter(below, np.float32(9e9)).astype(float)) / 2
        near = np.concatenate([known, middle, below.astype(float)])
        near = np.concatenate([near, np.nextafter(near, -np.inf), np.nextafter(near, np.inf)])
        at = ~data[name].isna() & (random.random(len(data)) < 0.7)
        values = random.choice(near, int(at.sum()))
        data.loc[at, name] = values.astype(data[name].dtype)
    return data


def unseen(random, data):
    """The rows, some of them with a category that was not there in training."""
    data = data.copy()
    for name in TEXTS:
        if data[name].dtype.kind == "f":
            data.loc[random.random(len(data)) < 0.05, name] = 99.0
            data.loc[random.random(len(data)) < 0.05, name] = np.nan
        else:
            data[name] = data[name].astype(object)
            data.loc[random.random(len(data)) < 0.05, name] = "Unheard"
            data[name] = data[name].astype("category")
    return data


def fitted(random, model, columns, labels=None, new=False, single=False, **options):
    data, worth = table(random, **options)
    features = data[columns].astype(np.float32) if single else data[columns]
    model.fit(features, worth if labels is None else labels(worth))
    rows = hard(random, features, model, columns)
    return model, unseen(random, rows) if new else rows


def two(worth):
    return classes(worth, 2)


def four(worth):
    return classes(worth, 4)


def boosting(kind, columns=NUMBERS, *, labels=None, new=False, single=False, category="category", **options):
    def make(random):
        import sklearn.ensemble

        model = getattr(sklearn.ensemble, f"HistGradientBoosting{kind}")(max_iter=30, random_state=7, **options)
        return fitted(random, model, columns, labels, new, single, category=category)
    return make


def trees(module, kind, columns=NUMBERS, *, labels=None, holes=True, single=False, category="codes", **options):
    def make(random):
        model = getattr(__import__(f"sklearn.{module}", fromlist=[kind]), kind)(random_state=7, **options)
        return fitted(random, model, columns, labels, single=single, holes=holes, category=category)
    return make


def catboost(kind, columns=NUMBERS, *, labels=None, text=False, holes=True, **options):
    def make(random):
        import catboost

        model = getattr(catboost, kind)(
            iterations=40, verbose=0, allow_writing_files=False, random_seed=7, thread_count=1,
            cat_features=TEXTS if text else None, **options,
        )
        return fitted(random, model, columns, labels, holes=holes, category="text")
    return make


def pipeline(last, *, holes=False, before="one_hot", **options):
    def make(random):
        from sklearn import compose, ensemble, impute, preprocessing
        from sklearn import pipeline as pipelines

        texts = {
            "one_hot": preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
            "ordinal": preprocessing.OrdinalEncoder(),
        }[before]
        numbers = pipelines.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
        columns = compose.ColumnTransformer(
            [("texts", texts, TEXTS), ("numbers", numbers if before == "one_hot" else "passthrough", NUMBERS)]
        )
        model = pipelines.make_pipeline(columns, getattr(ensemble, last)(random_state=7, **options))
        data, worth = table(random, holes=holes, category="text")
        return model.fit(data, worth), data
    return make


def searched(random):
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import GridSearchCV

    data, worth = table(random)
    search = GridSearchCV(HistGradientBoostingRegressor(max_iter=10, random_state=7), {"max_leaf_nodes": [5, 9]}, cv=2)
    return search.fit(data, worth), data


def lost(library, kind, **options):
    """A model of categories of which some are missing, in training and after."""
    def make(random):
        data, worth = table(random)
        for name in TEXTS:
            data.loc[random.random(ROWS) < 0.1, name] = None
        # XGBoost 3.2 keeps names of categories whole only where they are ASCII.
        data["cut"] = data["cut"].cat.rename_categories({"Très bien": "Tres bien"})
        model = getattr(__import__(library, fromlist=[kind]), kind)(**options)
        return model.fit(data, worth), data
    return make


ALL = NUMBERS + TEXTS
CODES = {"category": "codes", "categorical_features": TEXTS}
CASES = {
    "boosting": boosting("Regressor"),
    "boosting-single": boosting("Regressor", single=True),
    "boosting-from-dtype": boosting("Regressor", ALL),
    "boosting-unseen": boosting("Regressor", ALL, new=True),
    "boosting-codes": boosting("Regressor", ALL, new=True, **CODES),
    "boosting-lost": lost("sklearn.ensemble", "HistGradientBoostingRegressor", max_iter=30, random_state=7),
    "lightgbm-lost": lost("lightgbm", "LGBMRegressor", n_estimators=30, n_jobs=1, verbose=-1),
    "boosting-poisson": boosting("Regressor", loss="poisson", labels=np.abs),
    "boosting-binary": boosting("Classifier", ALL, labels=two, new=True),
    "boosting-classes": boosting("Classifier", ALL, labels=four, new=True),
    "gradient": trees("ensemble", "GradientBoostingRegressor", holes=False, n_estimators=40),
    "gradient-zero": trees("ensemble", "GradientBoostingRegressor", holes=False, n_estimators=9, init="zero"),
    "gradient-binary": trees("ensemble", "GradientBoostingClassifier", holes=False, labels=two, n_estimators=40),
    "gradient-exponential": trees(
        "ensemble", "GradientBoostingClassifier", holes=False, labels=two, n_estimators=40, loss="exponential"
    ),
    "gradient-classes": trees("ensemble", "GradientBoostingClassifier", holes=False, labels=four, n_estimators=20),
    "forest": trees("ensemble", "RandomForestRegressor", n_estimators=30),
    "forest-single": trees("ensemble", "RandomForestRegressor", n_estimators=10, single=True),
    "forest-codes": trees("ensemble", "RandomForestRegressor", ALL, n_estimators=30),
    "forest-binary": trees("ensemble", "RandomForestClassifier", ALL, labels=two, n_estimators=30),
    "forest-classes": trees("ensemble", "RandomForestClassifier", ALL, labels=four, n_estimators=30),
    "forest-targets": trees(
        "ensemble", "RandomForestRegressor", labels=lambda y: np.stack([y, np.sqrt(np.abs(y))], axis=1), n_estimators=9
    ),
    "extra": trees("ensemble", "ExtraTreesRegressor", ALL, n_estimators=30),
    "extra-classes": trees("ensemble", "ExtraTreesClassifier", ALL, labels=four, n_estimators=30),
    "bagging": trees("ensemble", "BaggingRegressor", n_estimators=20),
    "bagging-columns": trees(
        "ensemble", "BaggingRegressor", ALL, n_estimators=20, max_features=0.6, bootstrap_features=True
    ),
    "bagging-binary": trees("ensemble", "BaggingClassifier", labels=two, n_estimators=20),
    "bagging-classes": trees("ensemble", "BaggingClassifier", ALL, labels=four, n_estimators=20, max_features=3),
    "tree": trees("tree", "DecisionTreeRegressor", ALL),
    "tree-classes": trees("tree", "DecisionTreeClassifier", ALL, labels=four),
    "tree-leaf": trees("tree", "DecisionTreeRegressor", max_leaf_nodes=None, max_depth=1, min_samples_leaf=ROWS // 2 + 9),
    "pipeline-forest": pipeline("RandomForestRegressor", n_estimators=20, holes=True),
    "pipeline-boosting": pipeline("HistGradientBoostingRegressor", max_iter=30),
    "pipeline-ordinal": pipeline(
        "HistGradientBoostingRegressor", max_iter=30, before="ordinal", categorical_features=[0, 1], holes=True
    ),
    "search": searched,
    "xgboost-lost": lost("xgboost", "XGBRegressor", n_estimators=30, n_jobs=1, enable_categorical=True),
    "catboost": catboost("CatBoostRegressor"),
    "catboost-most": catboost("CatBoostRegressor", nan_mode="Max"),
    "catboost-categories": catboost("CatBoostRegressor", ALL, text=True, one_hot_max_size=255),
    "catboost-binary": catboost("CatBoostClassifier", ALL, text=True, one_hot_max_size=255, labels=two),
    "catboost-classes": catboost("CatBoostClassifier", ALL, text=True, one_hot_max_size=255, labels=four),
    "catboost-poisson": catboost("CatBoostRegressor", loss_function="Poisson", labels=np.abs),
    "catboost-leaves": catboost("CatBoostRegressor", ALL, text=True, one_hot_max_size=255, grow_policy="Lossguide"),
    "catboost-statistics": catboost("CatBoostRegressor", ALL, text=True),
}


def main():
    out, serin, *names = sys.argv[1:]
    for name in names or CASES:
        model, rows = CASES[name](np.random.default_rng(7))
        told = io.StringIO()
        try:
            with contextlib.redirect_stdout(told):
                serin_pack.pack(
                    model, rows, name=name, out=out, serin=serin,
                    flags=["--json", "--tolerance", "1e-12", "--absolute-tolerance", "0"],
                )
            answer = {"report": json.loads(told.getvalue())}
        except serin_pack.PackError as problem:
            answer = {"refused": str(problem)}
        print(json.dumps({"case": name, **answer}), flush=True)


if __name__ == "__main__":
    main()
