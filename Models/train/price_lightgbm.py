# SPDX-License-Identifier: Apache-2.0
"""diamonds-price/2: LightGBM, 300 trees; learns what to do without a depth."""

import lightgbm
import numpy as np
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType

import diamonds
from artifact import Trained
from contract import GUARDS, encode
from price_rows import fallback_rows

MISSING = {
    "depth": {"default": None},
    "table": {"default": 57.0},
    "x": "fallback",
    "y": "fallback",
    "z": "fallback",
}
# The share of rows whose depth is hidden, so that the trees learn where a NaN goes.
HIDDEN_SHARE = 0.05


def train():
    columns, counts = diamonds.load()
    generator = np.random.default_rng(diamonds.SEED)
    hidden = generator.random(len(columns["depth"])) < HIDDEN_SHARE
    columns["depth"] = np.where(hidden, np.float32(np.nan), columns["depth"])
    train, heldout = diamonds.split(columns)
    contract = {
        "features": diamonds.ordinal_features(MISSING),
        "outputs": [diamonds.PRICE],
        "kill_switches": diamonds.KILL_SWITCHES,
        "fallback": [
            {**diamonds.median_by(train, "cut"), "otherwise": diamonds.median_price(train)},
            {"kind": "constant", "values": {"price": diamonds.median_price(train)}},
        ],
        **GUARDS,
    }
    matrix = encode(contract, train)["X"]
    booster = lightgbm.train(
        {
            "objective": "regression",
            "num_leaves": 31,
            "learning_rate": 0.1,
            "min_data_in_leaf": 20,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": diamonds.SEED,
            "verbosity": -1,
        },
        lightgbm.Dataset(matrix, train["price"]),
        num_boost_round=300,
    )

    def predict(columns):
        return {"price": booster.predict(encode(contract, columns)["X"], num_threads=1)}

    graph = onnxmltools.convert_lightgbm(
        booster, initial_types=[("X", FloatTensorType([None, 9]))], target_opset=15
    )
    return Trained(
        name="diamonds-price",
        version=2,
        framework=("lightgbm", lightgbm.__version__),
        model=graph,
        contract=contract,
        train=train,
        heldout=heldout,
        predict=predict,
        metrics=diamonds.price_metrics(heldout["price"], predict(heldout)["price"]),
        provenance={"script": "Models/train/price_lightgbm.py"}
        | diamonds.provenance(counts, train, heldout)
        | {"depth_hidden_share": HIDDEN_SHARE},
        spread=["price", *diamonds.NUMBERS],
        fallback_rows=fallback_rows(),
    )
