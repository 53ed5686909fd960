# SPDX-License-Identifier: Apache-2.0
"""Fits models whose steps, rows or names are hard to take over, packs each, and asks it for rows that it has not seen.

    python Tests/python/steps.py OUT SERIN [CASE ...]

Prints, a line a case, the report of `serin pack`, how many new rows the model answered, how far the furthest of
them is from the library's own answer, and which guard turned the others away; or why nothing was packed.
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pandas

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Models" / "python"))
import serin_pack  # noqa: E402

warnings.filterwarnings("ignore")
ROWS = 400
CODES = np.array([1, 2, 3, 5, 8])


def table(seed, rows=ROWS, lost=False):
    random = np.random.default_rng(seed)
    data = pandas.DataFrame({
        "age": random.integers(18, 90, rows), "income": random.uniform(5000, 90000, rows).round(2),
        "city": random.choice(["Bern", "Zürich", "Rom", "São Paulo"], rows, p=[0.5, 0.3, 0.15, 0.05]),
        "member": random.random(rows) < 0.4, "code": random.choice(CODES, rows).astype(float),
    })
    worth = data.income / 1000 + (data.city == "Bern") * 10 + data.age + data.member * 7 + (data.code == 3) * 20
    worth += random.normal(0, 5, rows)
    if lost:
        for name in ("income", "city", "code"):
            data[name] = data[name].where(random.random(rows) > 0.1, np.nan)
    return data, worth.to_numpy()


def pipeline(last, *steps, rest="drop", lost=False, labels=None, new=None, columns=None):
    """Steps for columns, then a model. new: codes that the rows behind have."""
    def make():
        from sklearn.compose import make_column_transformer
        from sklearn.pipeline import make_pipeline

        data, worth = table(1, lost=lost)
        behind, _ = table(2, 60, lost=lost)
        if new:
            behind.loc[:len(new) - 1, "code"] = new
        if columns:
            data, behind = data.rename(columns=columns), behind.rename(columns=columns)
        model = make_pipeline(make_column_transformer(*steps, remainder=rest), last)
        return model.fit(data, worth if labels is None else labels(worth)), data, behind, {}
    return make


def plain(model, columns, labels=None, change=lambda data: data, **options):
    """A model of columns that are changed before."""
    def make():
        data, worth = table(1)
        behind, _ = table(2, 60)
        data, behind = change(data[columns]), change(behind[columns])
        truth = worth if labels is None else labels(worth)
        frame = data.assign(true=truth) if "target" in options else data
        return model.fit(data, truth), frame, behind, options
    return make


def churned(worth):
    return np.where(worth > 95, "yes", "no")


def sized(worth):
    return np.array(["small", "middle", "large"])[np.digitize(worth, [80, 110])]


def swapped():
    """LightGBM writes names without blanks; the rows have them in another order."""
    from lightgbm import LGBMRegressor

    data, worth = table(1)
    names = {"age": "age of it", "income": "its income", "code": "code"}
    data = data[list(names)].rename(columns=names)
    model = LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1).fit(data, worth)
    behind = table(2, 60)[0][list(names)].rename(columns=names)
    return model, data[["its income", "code", "age of it"]], behind, {"renamed": lambda name: name.replace(" ", "_")}


def categories(name, model):
    """A column of pandas' categories."""
    def change(data):
        values = data[name]
        return data.assign(**{name: pandas.Categorical(values, categories=sorted(set(table(1)[0][name])))})
    return plain(model, [name, "income"], change=change)


def cases():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import (
        AdaBoostClassifier, HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor, VotingClassifier,
    )
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
    from sklearn.svm import LinearSVC
    from catboost import CatBoostRegressor
    from lightgbm import LGBMRegressor
    from sklearn.model_selection import GridSearchCV
    from xgboost import XGBClassifier, XGBRegressor

    def forest():
        return RandomForestRegressor(10, random_state=1)

    def boosting(**options):
        return HistGradientBoostingRegressor(max_iter=10, random_state=1, **options)

    def ordinal(unknown, **options):
        return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown, **options)

    numbers = ["age", "income"]
    one_hot = OneHotEncoder(handle_unknown="ignore")
    holes = [1.5, 2.999, 4, 6, 7, 2.00000001]
    odd = {"age": 'a,g"e', "income": "größe=ß", "city": "label", "code": "serin_1", "member": "probabilities"}
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot)
    named = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), one_hot)
    def behind(last, **options):
        dense = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        return pipeline(last, (dense, ["city"]), (StandardScaler(), numbers), **options)

    boosted = XGBRegressor(n_estimators=10, n_jobs=1)
    return {
        "xgboost": behind(boosted),
        "xgboost-two": behind(XGBClassifier(n_estimators=10, n_jobs=1), labels=lambda worth: (worth > 95).astype(int)),
        "xgboost-strict": pipeline(boosted, (OrdinalEncoder(), ["code"]), ("passthrough", numbers), new=holes),
        "xgboost-search": plain(GridSearchCV(boosted, {"max_depth": [2, 3]}, cv=2), numbers),
        "lightgbm": behind(LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1)),
        "lightgbm-one": pipeline(LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1), (one_hot, ["city"])),
        "catboost": behind(CatBoostRegressor(iterations=10, verbose=0, allow_writing_files=False, thread_count=1)),
        "logistic": pipeline(LogisticRegression(), (one_hot, ["city"]), (StandardScaler(), numbers), labels=churned),
        "logistic-three": pipeline(LogisticRegression(), (StandardScaler(), numbers), labels=sized),
        "texts-filled": pipeline(Ridge(), (filled, ["city"]), (SimpleImputer(), numbers), lost=True),
        "texts-named": pipeline(forest(), (named, ["city"]), (SimpleImputer(), numbers), lost=True),
        "texts-missing": pipeline(Ridge(), (one_hot, ["city"]), (SimpleImputer(), numbers), lost=True),
        "texts-dropped": pipeline(Ridge(), (OneHotEncoder(drop="first"), ["city"]), (SimpleImputer(), numbers), lost=True),
        "texts-rare": pipeline(
            forest(), (OneHotEncoder(min_frequency=50, handle_unknown="infrequent_if_exist"), ["city"]), (StandardScaler(), numbers)
        ),
        "ordinal-missing": pipeline(boosting(), (ordinal(-1), ["city"]), rest="passthrough", lost=True),
        "ordinal-marked": pipeline(boosting(), (ordinal(-1, encoded_missing_value=-2), ["city", "code"]), lost=True),
        "codes-one-hot": pipeline(Ridge(), (one_hot, ["code"]), ("passthrough", numbers), new=holes),
        "codes-ordinal": pipeline(Ridge(), (ordinal(-1), ["code"]), ("passthrough", numbers), new=holes),
        "codes-missing": pipeline(Ridge(), (one_hot, ["code"]), (SimpleImputer(), numbers), lost=True),
        "codes-strict-one-hot": pipeline(Ridge(), (OneHotEncoder(), ["code"]), ("passthrough", numbers), new=holes),
        "codes-strict-ordinal": pipeline(boosting(), (OrdinalEncoder(), ["code"]), ("passthrough", numbers), new=holes),
        "codes-strict-forest": pipeline(forest(), (OrdinalEncoder(), ["code"]), ("passthrough", numbers), new=holes),
        "imputer-indicators": pipeline(forest(), (SimpleImputer(add_indicator=True), ["income", "code"]), lost=True),
        "imputer-constant": pipeline(
            Ridge(), (SimpleImputer(strategy="constant", fill_value=-7.1), ["income", "code"]), lost=True
        ),
        "imputer-code": pipeline(Ridge(), (SimpleImputer(missing_values=3), ["code"]), ("passthrough", numbers)),
        "names": pipeline(LogisticRegression(), (StandardScaler(), ['a,g"e', "größe=ß"]), (one_hot, ["label"]),
                          labels=churned, columns=odd),
        "names-forest": pipeline(forest(), (StandardScaler(), ['a,g"e', "serin_1"]), (one_hot, ["label"]), columns=odd),
        "names-matrix": plain(Ridge(), ["age", "income"], change=lambda data: data.rename(columns=odd)),
        "polynomial": pipeline(Ridge(), (make_pipeline(PolynomialFeatures(2), StandardScaler()), numbers)),
        "calibrated": plain(CalibratedClassifierCV(LogisticRegression(), cv=3), numbers, churned),
        "voting": plain(
            VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], voting="soft"), numbers, churned
        ),
        "adaboost": plain(AdaBoostClassifier(n_estimators=4, random_state=1), numbers, churned),
        "svc": plain(LinearSVC(random_state=1), numbers, sized),
        "target-texts": plain(RandomForestClassifier(5, random_state=1), numbers, churned, target="true"),
        "target-classes": plain(RandomForestClassifier(5, random_state=1), numbers, sized, target="true"),
        "booleans": plain(Ridge(), ["age", "member"], change=lambda data: data.astype({"member": object})),
        "boolean-categories": categories("member", boosting(categorical_features="from_dtype")),
        "blanks": swapped,
        "xgboost-names": categories("city", XGBRegressor(n_estimators=10, n_jobs=1, enable_categorical=True)),
    }


def json_value(value, datatype):
    if value is None or value != value:
        return None
    return str(value) if datatype == "BYTES" else value.item() if hasattr(value, "item") else value


def own_answers(model, rows):
    """What the library answers, a row at a time; NaN where it refuses."""
    answers = []
    for index in range(len(rows)):
        part = rows.iloc[index:index + 1]
        try:
            if hasattr(model, "predict_proba"):
                row = np.ravel(model.predict_proba(part)).tolist()
                answers.append(row[1:] if len(row) == 2 else row)
            else:
                answers.append(np.ravel(model.predict(part)).tolist())
        except ValueError:
            answers.append([np.nan])
    return answers


def ask(path, model, rows, serin, renamed):
    features = json.loads((path / "contract.json").read_text("utf-8"))["features"]
    kinds = {feature["name"]: feature["datatype"] for feature in features}
    asked = []
    for row in rows.astype(object).to_numpy().tolist():
        named = {renamed(column): value for column, value in zip(rows.columns, row)}
        asked.append({name: json_value(named[name], kind) for name, kind in kinds.items()})
    done = subprocess.run([serin, "predict", path, "-", "--json"], input=json.dumps(asked), capture_output=True, text=True)
    if done.returncode != 0:
        return {"problem": done.stdout + done.stderr}
    answer = json.loads(done.stdout)

    def listed(name):
        value = answer["parameters"][name]
        return value if isinstance(value, list) else [value] * len(rows)

    answered, furthest, turned = 0, 0.0, {}
    sources = zip(listed("serin-served-by"), listed("serin-decision"), answer["predictions"], own_answers(model, rows))
    for source, decision, got, want in sources:
        if source != "model":
            turned[decision] = turned.get(decision, 0) + 1
            continue
        answered += 1
        for one, other in zip(got.values() if isinstance(got, dict) else [got], want, strict=True):
            if isinstance(other, str):
                furthest = max(furthest, float(one != other))
            else:
                # What the library refuses is infinitely far from any answer.
                distance = abs(one - other) / max(abs(other), 1e-9)
                furthest = max(furthest, distance if distance == distance else float("inf"))
    return {"answered": answered, "furthest": furthest, "turned": turned, "features": list(kinds)}


def main():
    out, serin, *names = sys.argv[1:]
    for name, make in cases().items():
        if names and name not in names:
            continue
        model, frame, behind, options = make()
        renamed = options.pop("renamed", str)
        told = io.StringIO()
        try:
            with contextlib.redirect_stdout(told):
                path = serin_pack.pack(model, frame, name=name, out=out, serin=serin, flags=["--json"], **options)
            said = {"report": json.loads(told.getvalue()), **ask(pathlib.Path(path), model, behind, serin, renamed)}
        except serin_pack.PackError as problem:
            said = {"refused": str(problem)}
        print(json.dumps({"case": name, **said}), flush=True)


if __name__ == "__main__":
    main()
