# SPDX-License-Identifier: Apache-2.0
"""What a contract means, a second time and slowly: the oracle for encoding and for fallbacks."""

import numpy as np

GUARDS = {
    "breaker": {
        "window": 100,
        "min_requests": 20,
        "trip_ratio": 0.05,
        "cool_down": "30s",
        "probes": 5,
    },
    "canary": {
        "interval": "30s",
        "tolerance": 0.0001,
        "failures": 1,
        "successes": 2,
        "when_failing": "unready",
    },
    "drift": {
        "window": "5m",
        "min_rows": 500,
        "significance": 0.05,
        "min_effect": {"ks": 0.1, "psi": 0.25, "kl": 0.1},
        "windows": "3 of 4",
        "then": "alert",
    },
}


def is_missing(value):
    return value is None or (isinstance(value, (float, np.floating)) and np.isnan(value))


def check(contract, row):
    """Raises where a daemon would refuse the row."""
    for feature in contract["features"]:
        value = row[feature["name"]]
        if is_missing(value):
            if feature["missing"] == "reject":
                raise ValueError(f"{feature['name']} is missing")
        elif "categories" in feature:
            if value not in feature["categories"]:
                raise ValueError(f"{feature['name']} has no category {value}")
        elif not feature["range"][0] <= value <= feature["range"][1]:
            raise ValueError(f"{feature['name']} {value} is not within {feature['range']}")


def encode(contract, columns):
    """Encodes feature columns into the graph's inputs, {input: array of [rows, width]}.

    A missing value takes its default, and NaN where the default is null.
    """
    parts = {}
    for feature in contract["features"]:
        place = feature["encode"]
        form = place.get("as", "identity")
        values = [stand_in(feature, value) for value in columns[feature["name"]]]
        if form == "identity":
            block = np.array(values, dtype=np.float32)[:, None]
        elif form == "text":
            block = np.array(values, dtype=object)[:, None]
        else:
            index = np.array([feature["categories"].index(value) for value in values])
            width = len(feature["categories"])
            block = index[:, None] if form == "ordinal" else np.eye(width)[index]
            block = block.astype(np.float32)
        parts.setdefault(place["to"], []).append((place.get("column", 0), block))
    return {name: join(blocks) for name, blocks in parts.items()}


def stand_in(feature, value):
    if not is_missing(value):
        return value
    policy = feature.get("missing", "reject")
    if not isinstance(policy, dict):
        raise ValueError(f"{feature['name']} is missing and its policy is {policy}")
    return np.nan if policy["default"] is None else policy["default"]


def join(blocks):
    blocks = sorted(blocks, key=lambda block: block[0])
    end = 0
    for column, block in blocks:
        if column != end:
            raise ValueError(f"column {end} has no feature, or two")
        end += block.shape[1]
    return np.concatenate([block for _, block in blocks], axis=1)


def decode(contract, answers):
    """Takes the contract's outputs from the graph's, {graph output: array}."""
    outputs = {}
    for output in contract["outputs"]:
        values = np.asarray(answers[output["from"]])
        if "column" in output:
            values = values[:, output["column"]]
        outputs[output["name"]] = values.reshape(len(values), -1)[:, 0]
    return outputs


def is_within_bounds(output, value, mean):
    """Whether the contract lets the model's value out."""
    if not np.isfinite(value):
        return False
    low, high = output.get("range", (-np.inf, np.inf))
    return low <= value <= high and value <= output.get("max_ratio_to_mean", np.inf) * mean


def fall_back(contract, row):
    """The answer of the fallback chain for one row: the first link that knows one."""
    only = contract["outputs"][0]["name"]
    for link in contract["fallback"]:
        output = link.get("output", only)
        if link["kind"] == "table":
            value = link["values"].get(row.get(link["by"]), link.get("otherwise"))
            if value is not None:
                return {output: value}
        elif link["kind"] == "linear":
            values = {name: row.get(name) for name in link["coefficients"]}
            if not any(is_missing(value) for value in values.values()):
                terms = (link["coefficients"][name] * values[name] for name in values)
                return {output: link["intercept"] + sum(terms)}
        else:
            return dict(link["values"])
    raise ValueError("the fallback chain has no answer")
