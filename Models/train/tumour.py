# SPDX-License-Identifier: Apache-2.0
"""tumour/1: logistic regression on nuclei of breast tumours, scaler in the graph."""

import importlib.resources
import hashlib

import numpy as np
import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from artifact import Trained, shortest
from contract import GUARDS, encode

SEED = 11
# The share of malignant cases in the data, to two digits.
PRIOR = 0.37
CLASSES = ["benign", "malignant"]


def features(names, rows):
    """A feature for each measure, with a range that a fifth of the spread goes beyond the data."""
    result = []
    for column, name in enumerate(names):
        values = rows[:, column].astype(float)
        margin = 0.2 * (values.max() - values.min())
        low = max(0.0, float(f"{values.min() - margin:.3g}"))
        feature = {
            "name": name,
            "datatype": "FP32",
            "range": [low, float(f"{values.max() + margin:.3g}")],
            "missing": "reject",
            "encode": {"to": "X", "column": column},
        }
        if name in ("symmetry_error", "fractal_dimension_error"):
            feature["missing"] = {"default": shortest(np.median(values))}
        if name == "texture_error":
            feature["missing"] = "fallback"
        result.append(feature)
    return result


def train():
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    rows = data.data.astype(np.float32)
    # The data's 0 is malignant; here 1 is.
    malignant = 1 - data.target
    train_rows, heldout_rows, train_labels, heldout_labels = train_test_split(
        rows, malignant, test_size=0.25, random_state=SEED, stratify=malignant
    )
    contract = {
        "features": features(names, rows),
        "outputs": [
            {
                "name": "malignant",
                "from": "probabilities",
                "column": 1,
                "datatype": "FP32",
                "description": "probability that the tumour is malignant",
                "range": [0, 1],
            },
            {
                "name": "label",
                "from": "label",
                "datatype": "INT64",
                "description": "1 where malignant is the likelier class",
                "range": [0, 1],
                "categories": CLASSES,
            },
        ],
        # "Worst" is the mean of the three largest nuclei, so it cannot be below the mean of all.
        "kill_switches": [
            {
                "name": "impossible-nuclei",
                "when": "worst_radius < mean_radius or worst_area < mean_area",
                "then": "fallback",
            }
        ],
        # Without a model the prior is all we know of the probability, and the careful label is the
        # one that makes somebody look.
        "fallback": [{"kind": "constant", "values": {"malignant": PRIOR, "label": 1}}],
        **GUARDS,
    }
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    pipeline.fit(train_rows.astype(np.float64), train_labels)

    def predict(columns):
        matrix = encode(contract, columns)["X"].astype(np.float64)
        return {
            "malignant": pipeline.predict_proba(matrix)[:, 1],
            "label": pipeline.predict(matrix),
        }

    model = pipeline[-1]
    graph = skl2onnx.convert_sklearn(
        pipeline,
        initial_types=[("X", FloatTensorType([None, len(names)]))],
        options={id(model): {"zipmap": False}},
        target_opset=17,
    )
    train = {name: train_rows[:, column] for column, name in enumerate(names)}
    heldout = {name: heldout_rows[:, column] for column, name in enumerate(names)}
    answers = predict(heldout)
    source = importlib.resources.files("sklearn.datasets.data") / "breast_cancer.csv"
    return Trained(
        name="tumour",
        version=1,
        framework=("scikit-learn", sklearn.__version__),
        model=graph,
        contract=contract,
        train=train,
        heldout=heldout,
        predict=predict,
        metrics={
            "auc": round(float(roc_auc_score(heldout_labels, answers["malignant"])), 5),
            "accuracy": round(float(accuracy_score(heldout_labels, answers["label"])), 5),
            "log_loss": round(float(log_loss(heldout_labels, answers["malignant"])), 5),
        },
        provenance={
            "script": "Models/train/tumour.py",
            "data": {
                "source": "breast_cancer.csv of the Python package scikit-learn",
                "package_version": sklearn.__version__,
                "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
                "rows": len(rows),
                "train_rows": len(train_rows),
                "heldout_rows": len(heldout_rows),
            },
            "seed": SEED,
        },
        spread=["malignant", *names[:10]],
        fallback_rows=fallback_rows(heldout, names),
    )


def fallback_rows(columns, names):
    """Five held-out cases, the last three each with something missing or impossible."""
    rows = [{name: shortest(columns[name][row]) for name in names} for row in range(5)]
    rows[2]["texture_error"] = None
    rows[3]["worst_radius"] = rows[3]["mean_radius"] - 1
    rows[3]["worst_radius"] = shortest(rows[3]["worst_radius"])
    rows[4]["worst_area"] = shortest(rows[4]["mean_area"] - 10)
    return rows
