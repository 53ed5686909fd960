# SPDX-License-Identifier: Apache-2.0
"""The training distribution of each feature and output: an artifact's `baseline.json`."""

import numpy as np

from contract import is_missing


def describe(contract, columns, predictions):
    """Describes the rows trained on: what clients send, and what the model answers for it."""
    features = {
        feature["name"]: describe_one(columns[feature["name"]], feature.get("categories"))
        for feature in contract["features"]
    }
    outputs = {}
    for output in contract["outputs"]:
        values, names = predictions[output["name"]], output.get("categories")
        if names and output["datatype"] != "BYTES":
            values = [names[int(value)] for value in values]
        outputs[output["name"]] = describe_one(values, names)
    return {"rows": len(next(iter(columns.values()))), "features": features, "outputs": outputs}


def describe_one(values, categories):
    present = [value for value in values if not is_missing(value)]
    missing = len(values) - len(present)
    if categories:
        counts = {category: present.count(category) for category in categories}
        return {"kind": "categorical", "count": len(present), "missing": missing, "counts": counts}
    # The decimals that clients send, not the float32 next to them.
    numbers = np.array([float(str(value)) for value in present])
    edges = bin_edges(numbers)
    return {
        "kind": "numeric",
        "count": len(present),
        "missing": missing,
        "mean": rounded(numbers.mean()),
        "std": rounded(numbers.std(ddof=1)),
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "quantiles": [rounded(value) for value in np.quantile(numbers, np.linspace(0, 1, 101))],
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in np.histogram(numbers, edges)[0]],
    }


def bin_edges(numbers):
    """Eleven rising edges: deciles; where these coincide, even bins between p1 and p99 with the
    tails outside; where these coincide too, even bins.

    A bin holds its lower edge and not its upper. Values beyond the ends are the end bins'. Inner
    edges lie between values, so that it does not matter whether a value is a float32 or a double.
    """
    low, high = float(numbers.min()), float(numbers.max())
    distinct = np.unique(numbers)
    inner = np.linspace(*np.quantile(numbers, [0.01, 0.99]), 9)
    for edges in (
        np.quantile(numbers, np.linspace(0, 1, 11)),
        np.concatenate([[low], inner, [high]]),
    ):
        above = np.clip(np.searchsorted(distinct, edges), 1, len(distinct) - 1)
        between = (distinct[above - 1] + distinct[above]) / 2
        edges = np.array([rounded(edge) for edge in between])
        edges[0], edges[-1] = low, high
        if np.all(np.diff(edges) > 0):
            return edges
    return np.linspace(low, high, 11)


def rounded(value):
    """Nine significant digits: the last bits of a sum depend on the processor."""
    return float(f"{float(value):.9g}")
