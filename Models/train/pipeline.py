# SPDX-License-Identifier: Apache-2.0
"""diamonds-pipeline/1: a scikit-learn pipeline whose graph takes text and one-hot encodes it."""

import pandas
import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

import diamonds
from artifact import Trained
from contract import GUARDS
from price_rows import fallback_rows

MISSING = {"depth": {"default": 61.8}, "table": {"default": 57.0}}


def features():
    return [
        diamonds.category(
            name, {"to": name, "as": "text"}, missing="fallback" if name == "cut" else "reject"
        )
        if name in diamonds.CATEGORIES
        else diamonds.number(name, {"to": name}, MISSING.get(name, "reject"))
        for name in diamonds.FEATURES
    ]


def frame(columns):
    return pandas.DataFrame({name: columns[name] for name in diamonds.FEATURES})


def train():
    columns, counts = diamonds.load()
    train, heldout = diamonds.split(columns)
    contract = {
        "features": features(),
        "outputs": [diamonds.PRICE],
        "kill_switches": diamonds.KILL_SWITCHES,
        # Without `otherwise`, so that a row without a cut is the constant's.
        "fallback": [
            diamonds.median_by(train, "cut"),
            {"kind": "constant", "values": {"price": diamonds.median_price(train)}},
        ],
        **GUARDS,
    }
    # As tutorials write it, an unknown category is silently no category at all: it is the contract
    # that refuses it.
    one_hot = OneHotEncoder(
        categories=list(diamonds.CATEGORIES.values()), handle_unknown="ignore", sparse_output=False
    )
    trees = GradientBoostingRegressor(
        n_estimators=150,
        max_depth=6,
        learning_rate=0.1,
        subsample=0.5,
        min_samples_leaf=5,
        random_state=diamonds.SEED,
    )
    pipeline = Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("text", one_hot, list(diamonds.CATEGORIES)),
                        ("numbers", "passthrough", diamonds.NUMBERS),
                    ]
                ),
            ),
            ("trees", trees),
        ]
    )
    pipeline.fit(frame(train), train["price"])

    def predict(columns):
        return {"price": pipeline.predict(frame(columns))}

    types = [
        (name, (StringTensorType if name in diamonds.CATEGORIES else FloatTensorType)([None, 1]))
        for name in diamonds.FEATURES
    ]
    graph = skl2onnx.convert_sklearn(pipeline, initial_types=types, target_opset=17)
    return Trained(
        name="diamonds-pipeline",
        version=1,
        framework=("scikit-learn", sklearn.__version__),
        model=graph,
        contract=contract,
        train=train,
        heldout=heldout,
        predict=predict,
        metrics=diamonds.price_metrics(heldout["price"], predict(heldout)["price"]),
        provenance={"script": "Models/train/pipeline.py"}
        | diamonds.provenance(counts, train, heldout),
        spread=["price", *diamonds.NUMBERS],
        fallback_rows=fallback_rows(lacking="cut"),
    )
