# SPDX-License-Identifier: Apache-2.0
"""Thresholds of trees, made fit for ONNX, which holds them as float32.

A library that learns from float32 features but keeps its thresholds as doubles puts them between
two features' values. Rounded to the nearest float32, as converters do, a threshold may land on the
upper value, and `value <= threshold` then sends that value the other way: the export answers
otherwise than the library. Rounded down it stays at or above the lower value, and nothing changes.
"""

import re

import numpy as np


def floor32(values):
    """The largest float32 not above each value, as float64."""
    values = np.asarray(values, dtype=np.float64)
    near = values.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > values, below, near).astype(np.float64)


def round_down(model):
    """Rounds the thresholds in the text of a LightGBM model down to float32."""

    def line(match):
        values = floor32([float(text) for text in match[1].split()])
        return "threshold=" + " ".join(repr(float(value)) for value in values)

    # LightGBM reads by the sizes of the trees in the header, and by looking for them without it.
    model = re.sub(r"^tree_sizes=.*\n", "", model, flags=re.MULTILINE)
    return re.sub(r"^threshold=(.*)$", line, model, flags=re.MULTILINE)
