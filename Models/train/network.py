# SPDX-License-Identifier: Apache-2.0
"""diamonds-network/1: a network of two hidden layers; the contract one-hot encodes categories."""

import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import numpy as np

import diamonds
from artifact import Trained
from contract import GUARDS, encode
from price_rows import fallback_rows

MISSING = {"carat": "fallback", "depth": {"default": 61.8}, "table": {"default": 57.0}}
# Prices are learned in thousands; the factor is folded into the last layer afterwards.
SCALE = 1000.0
# The fallback is linear in carat; beyond this weight it would leave the contract's bounds.
MAXIMUM_CARAT = 5.5
# Weights of the stones that the fallback is tried on: the bounds, and some between.
CARATS = [0.1, 0.31, 1.0, 2.25, 5.5]


def features():
    column, result = 0, []
    for name in diamonds.NUMBERS:
        place = {"to": "X", "column": column}
        result.append(diamonds.number(name, place, MISSING.get(name, "reject")))
        column += 1
    result[0]["range"] = [diamonds.RANGES["carat"][0], MAXIMUM_CARAT]
    for name, categories in diamonds.CATEGORIES.items():
        place = {"to": "X", "column": column, "as": "one_hot"}
        unknown = "fallback" if name == "color" else "reject"
        result.append(diamonds.category(name, place, unknown=unknown))
        column += len(categories)
    return result


def weighed(rows):
    return [{**row, "carat": carat} for row, carat in zip(rows, CARATS)] + rows[len(CARATS) :]


def train():
    columns, counts = diamonds.load()
    train, heldout = diamonds.split(columns)
    per_carat = float(round(float(np.median(train["price"] / train["carat"]))))
    contract = {
        "features": features(),
        "outputs": [diamonds.PRICE],
        "kill_switches": [
            diamonds.KILL_SWITCHES[0],
            {**diamonds.KILL_SWITCHES[1], "then": "reject"},
        ],
        "fallback": [
            {"kind": "linear", "intercept": 0.0, "coefficients": {"carat": per_carat}},
            {"kind": "constant", "values": {"price": diamonds.median_price(train)}},
        ],
        **GUARDS,
    }
    network = MLPRegressor(
        hidden_layer_sizes=(64, 64),
        batch_size=256,
        learning_rate_init=0.003,
        alpha=1e-4,
        max_iter=60,
        early_stopping=True,
        n_iter_no_change=8,
        random_state=diamonds.SEED,
    )
    pipeline = make_pipeline(StandardScaler(), network)
    pipeline.fit(encode(contract, train)["X"].astype(np.float64), train["price"] / SCALE)
    network.coefs_[-1] = network.coefs_[-1] * SCALE
    network.intercepts_[-1] = network.intercepts_[-1] * SCALE

    def predict(columns):
        return {"price": pipeline.predict(encode(contract, columns)["X"].astype(np.float64))}

    graph = skl2onnx.convert_sklearn(
        pipeline, initial_types=[("X", FloatTensorType([None, 26]))], target_opset=17
    )
    return Trained(
        name="diamonds-network",
        version=1,
        framework=("scikit-learn", sklearn.__version__),
        model=graph,
        contract=contract,
        train=train,
        heldout=heldout,
        predict=predict,
        metrics=diamonds.price_metrics(heldout["price"], predict(heldout)["price"]),
        provenance={"script": "Models/train/network.py"}
        | diamonds.provenance(counts, train, heldout),
        spread=["price", *diamonds.NUMBERS],
        fallback_rows=weighed(fallback_rows(lacking="carat", implausible=False)),
    )
