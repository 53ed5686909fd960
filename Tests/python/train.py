# SPDX-License-Identifier: Apache-2.0
"""Trains a small model of one library and packs it with serin_pack, as a data scientist would.

    python Tests/python/train.py LIBRARY OUT KEY SERIN

Prints what clients may send and what the library itself answers: {"path", "rows", "answers"}.
"""

import json
import pathlib
import sys
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Models" / "python"))
import serin_pack  # noqa: E402

warnings.filterwarnings("ignore")
ROWS = 300
SHOPS = ["Oslo", "Turin", "Zürich"]


def table():
    """Stones of a few shops: numbers that are doubles, whole numbers, texts, and some that are missing."""
    random = np.random.default_rng(7)
    carat = random.uniform(0.2, 3, ROWS)
    shop = random.choice(SHOPS, ROWS)
    facets = random.integers(16, 58, ROWS)
    price = carat**1.5 * 3000 + (shop == "Zürich") * 500 + facets * 3 + random.normal(size=ROWS) * 50
    return {"carat": carat, "depth": random.normal(61, 2, ROWS), "facets": facets, "shop": shop, "price": price}


def frame(category=False):
    import pandas

    data = pandas.DataFrame(table())
    if category:
        data["shop"] = data["shop"].astype("category")
    return data


def scikit_learn(pack):
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    data = frame()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([
        ("numbers", numbers, ["carat", "depth", "facets"]), ("texts", OneHotEncoder(), ["shop"]),
    ])
    model = make_pipeline(columns, RandomForestRegressor(30, random_state=7))
    features = data.drop(columns="price")
    model.fit(features, data["price"])
    path = pack(model, data, name="scikit-learn", target="price")
    return path, features, {"price": model.predict(features)}


def xgboost(pack):
    import xgboost

    data = frame(category=True)
    # XGBoost 3.2 keeps names of categories whole only where they are ASCII.
    data["shop"] = data["shop"].cat.rename_categories({"Zürich": "Zurich"})
    data.loc[::9, "depth"] = np.nan
    features = data.drop(columns="price")
    model = xgboost.XGBRegressor(n_estimators=60, max_depth=4, enable_categorical=True, n_jobs=1)
    model.fit(features, data["price"])
    path = pack(model, data, name="xgboost", target="price")
    return path, features, {"price": model.predict(features)}


def lightgbm(pack):
    import lightgbm

    data = frame(category=True)
    data.loc[::9, "depth"] = np.nan
    features = data.drop(columns="price")
    model = lightgbm.LGBMClassifier(n_estimators=40, n_jobs=1, verbose=-1)
    model.fit(features, np.where(data["price"] > 6000, "dear", "cheap"))
    path = pack(model, features, name="lightgbm")
    return path, features, {"probability": model.predict_proba(features)[:, 1]}


def catboost(pack):
    import catboost

    data = frame().drop(columns="shop")
    features = data.drop(columns="price")
    model = catboost.CatBoostRegressor(
        iterations=80, verbose=0, allow_writing_files=False, random_seed=7, thread_count=1
    )
    model.fit(features, data["price"])
    path = pack(model, data, name="catboost", target="price")
    return path, features, {"price": model.predict(features)}


def torch(pack):
    import torch

    data = {name: values.astype(np.float32) for name, values in table().items() if name != "shop"}
    price = torch.from_numpy(data.pop("price"))[:, None] / 1000
    rows = torch.from_numpy(np.column_stack(list(data.values())))
    torch.manual_seed(7)
    model = torch.nn.Sequential(
        torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Dropout(0.1),
        torch.nn.Linear(16, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(rows), price).backward()
        optimizer.step()
    path = pack(model, data, name="torch")
    model.eval()
    with torch.no_grad():
        answers = model(rows)[:, 0].numpy()
    return path, data, {"prediction": answers}


def client_rows(features):
    """Rows as a client writes them: what is missing is null, numbers as the library has them."""
    columns = {name: np.asarray(features[name]) for name in features}
    rows = []
    for index in range(ROWS):
        row = {}
        for name, values in columns.items():
            value = values[index]
            value = value.item() if hasattr(value, "item") else value
            row[name] = None if value != value else value
        rows.append(row)
    return rows


def main():
    library, out, key, serin = sys.argv[1:]
    train = {
        "scikit-learn": scikit_learn, "xgboost": xgboost, "lightgbm": lightgbm, "catboost": catboost, "torch": torch,
    }[library]

    def pack(model, data, **options):
        return serin_pack.pack(model, data, out=out, key=key, serin=serin, **options)

    path, features, answers = train(pack)
    answers = {name: [float(value) for value in values] for name, values in answers.items()}
    print(json.dumps({"path": path, "rows": client_rows(features), "answers": answers}))


if __name__ == "__main__":
    main()
