# SPDX-License-Identifier: Apache-2.0
"""diamonds-price/1: XGBoost, 300 trees of depth 6; categories encoded by the contract."""

import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

import diamonds
from artifact import Trained
from contract import GUARDS, encode
from price_rows import fallback_rows

MISSING = {
    "depth": {"default": 61.8},
    "table": {"default": 57.0},
    "x": "fallback",
    "y": "fallback",
    "z": "fallback",
}


def train():
    columns, counts = diamonds.load()
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
    model = xgboost.XGBRegressor(
        n_estimators=300,
        max_depth=6,
        learning_rate=0.1,
        min_child_weight=5,
        tree_method="hist",
        objective="reg:squarederror",
        base_score=3933.0,
        n_jobs=1,
        random_state=diamonds.SEED,
    )
    model.fit(encode(contract, train)["X"], train["price"])
    booster = model.get_booster()

    def predict(columns):
        return {"price": booster.predict(xgboost.DMatrix(encode(contract, columns)["X"]))}

    graph = onnxmltools.convert_xgboost(
        model, initial_types=[("X", FloatTensorType([None, 9]))], target_opset=15
    )
    return Trained(
        name="diamonds-price",
        version=1,
        framework=("xgboost", xgboost.__version__),
        model=graph,
        contract=contract,
        train=train,
        heldout=heldout,
        predict=predict,
        metrics=diamonds.price_metrics(heldout["price"], predict(heldout)["price"]),
        provenance={"script": "Models/train/price_xgboost.py"}
        | diamonds.provenance(counts, train, heldout),
        spread=["price", *diamonds.NUMBERS],
        fallback_rows=fallback_rows(),
    )
