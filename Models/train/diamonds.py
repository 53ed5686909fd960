# SPDX-License-Identifier: Apache-2.0
"""The diamonds table: read, cleaned, split, and described for contracts."""

import csv
import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np

CUTS = ["Fair", "Good", "Very Good", "Premium", "Ideal"]
COLORS = ["D", "E", "F", "G", "H", "I", "J"]
CLARITIES = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]
CATEGORIES = {"cut": CUTS, "color": COLORS, "clarity": CLARITIES}
NUMBERS = ["carat", "depth", "table", "x", "y", "z"]
FEATURES = ["carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"]
SEED = 20240607
HELDOUT_SHARE = 0.1

# Both ends included; a little beyond what the table holds, so that an honest stone is never
# refused and a slip of the keyboard (y = 58.9 mm, z = 31.8 mm; the table has three) always is.
# x, y and z start at 0 because a source that could not measure a stone writes 0: the kill switch
# below answers those, the client's request stays valid.
RANGES = {
    "carat": [0.1, 6.0],
    "depth": [40.0, 82.0],
    "table": [40.0, 100.0],
    "x": [0.0, 12.0],
    "y": [0.0, 12.0],
    "z": [0.0, 8.0],
}
UNITS = {"carat": "ct", "depth": "%", "table": "%", "x": "mm", "y": "mm", "z": "mm"}
DESCRIPTIONS = {
    "carat": "weight of the stone",
    "cut": "quality of the cut, worst to best",
    "color": "colour, D (best) to J",
    "clarity": "clarity, I1 (worst) to IF (flawless)",
    "depth": "total depth, 2 z / (x + y)",
    "table": "width of the top relative to the widest point",
    "x": "length",
    "y": "width",
    "z": "depth",
}
KILL_SWITCHES = [
    {"name": "implausible-stone", "when": "carat > 4 and x < 1", "then": "fallback"},
    {"name": "unmeasured-stone", "when": "x < 1 or y < 1 or z < 1", "then": "fallback"},
]
PRICE = {
    "name": "price",
    "from": "variable",
    "datatype": "FP32",
    "unit": "USD",
    "description": "price of the stone",
    "range": [0, 25000],
    "max_ratio_to_mean": 5.0,
}


def table_path():
    """Finds the table in the installed plotnine without importing plotnine."""
    places = importlib.util.find_spec("plotnine").submodule_search_locations
    return Path(places[0]) / "data" / "diamonds.csv"


def load():
    """Reads and cleans the table.

    Left out: exact duplicates (they would sit on both sides of the split), and stones whose x, y
    or z is 0 (not measured) or beyond its range (a slip).

    Returns columns by name (numbers as float32, categories as text, price as float64), and what
    happened to the rows.
    """
    with open(table_path(), newline="", encoding="utf-8") as file:
        rows = [tuple(row.items()) for row in csv.DictReader(file)]
    distinct = [dict(row) for row in dict.fromkeys(rows)]
    measured = [row for row in distinct if all(float(row[axis]) > 0 for axis in "xyz")]
    kept = [
        row for row in measured if all(float(row[name]) <= RANGES[name][1] for name in NUMBERS)
    ]
    columns = {name: np.array([np.float32(row[name]) for row in kept]) for name in NUMBERS}
    columns |= {name: np.array([row[name] for row in kept], dtype=object) for name in CATEGORIES}
    columns = {name: columns[name] for name in FEATURES}
    columns["price"] = np.array([float(row["price"]) for row in kept])
    counts = {
        "rows": len(rows),
        "duplicates_left_out": len(rows) - len(distinct),
        "unmeasured_left_out": len(distinct) - len(measured),
        "out_of_range_left_out": len(measured) - len(kept),
    }
    return columns, counts


def split(columns):
    """Splits seeded: nine parts in ten to train on, the rest held out."""
    order = np.random.default_rng(SEED).permutation(len(columns["price"]))
    heldout = round(len(order) * HELDOUT_SHARE)
    return take(columns, order[heldout:]), take(columns, order[:heldout])


def take(columns, indices):
    return {name: values[indices] for name, values in columns.items()}


def provenance(counts, train, heldout):
    return {
        "data": {
            "source": "table 'diamonds' of the Python package plotnine",
            "package_version": importlib.metadata.version("plotnine"),
            "sha256": hashlib.sha256(table_path().read_bytes()).hexdigest(),
            **counts,
            "train_rows": len(train["price"]),
            "heldout_rows": len(heldout["price"]),
        },
        "seed": SEED,
    }


def number(name, encode, missing="reject", **more):
    return {
        "name": name,
        "datatype": "FP32",
        "unit": UNITS[name],
        "description": DESCRIPTIONS[name],
        "range": RANGES[name],
        "missing": missing,
        "encode": encode,
        **more,
    }


def category(name, encode, missing="reject", unknown="reject"):
    return {
        "name": name,
        "datatype": "BYTES",
        "description": DESCRIPTIONS[name],
        "categories": CATEGORIES[name],
        "missing": missing,
        "unknown": unknown,
        "encode": encode,
    }


def ordinal_features(missing):
    """The nine features as one row of X, categories as their index."""
    return [
        category(name, {"to": "X", "column": column, "as": "ordinal"})
        if name in CATEGORIES
        else number(name, {"to": "X", "column": column}, missing.get(name, "reject"))
        for column, name in enumerate(FEATURES)
    ]


def median_by(train, name):
    """The table link of a fallback: the median price of each category, to the dollar."""
    prices = {
        value: round(float(np.median(train["price"][train[name] == value])))
        for value in CATEGORIES[name]
    }
    return {"kind": "table", "by": name, "values": {k: float(v) for k, v in prices.items()}}


def median_price(train):
    return float(round(float(np.median(train["price"]))))


def price_metrics(wanted, got):
    wanted, got = np.asarray(wanted, float), np.asarray(got, float)
    error = wanted - got
    return {
        "r2": round(1 - float(error @ error / ((wanted - wanted.mean()) ** 2).sum()), 5),
        "mae": round(float(np.abs(error).mean()), 2),
        "median_absolute_percentage_error": round(
            float(np.median(np.abs(error) / wanted)) * 100, 2
        ),
    }
