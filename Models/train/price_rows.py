# SPDX-License-Identifier: Apache-2.0
"""Rows that the fallbacks of the price models must answer."""

import diamonds


def fallback_rows(lacking=None, implausible=True):
    """One stone a cut, two that the kill switches refuse, one without the feature `lacking`."""
    stone = {
        "carat": 0.9,
        "cut": "Ideal",
        "color": "G",
        "clarity": "VS2",
        "depth": 61.8,
        "table": 57.0,
        "x": 6.2,
        "y": 6.21,
        "z": 3.83,
    }
    rows = [{**stone, "cut": cut} for cut in diamonds.CUTS]
    if implausible:
        rows.append({**stone, "carat": 4.5, "cut": "Premium", "x": 0.5})
        rows.append({**stone, "carat": 0.2, "x": 0.0, "y": 0.0, "z": 0.0})
    if lacking:
        rows.append({**stone, lacking: None})
    return rows
