# SPDX-License-Identifier: Apache-2.0
"""Writes what the tests of packing compare with: NumPy's files, and numbers by NumPy and SciPy.

    python Tests/oracles/packing.py Tests/ArtifactsTests/Fixtures/packing

Run with the packages of Models/train/requirements.lock.
"""

import importlib.util
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

TRAIN = Path(__file__).resolve().parents[2] / "Models" / "train"
sys.path.insert(0, str(TRAIN))
spec = importlib.util.spec_from_file_location("baseline", TRAIN / "baseline.py")
baseline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(baseline)


def arrays():
    """One array of each kind that is read."""
    return {
        "f2": np.array([0.5, -1.25, np.nan], "<f2"),
        "f4": np.array([0.1, -2.5, np.nan], "<f4"),
        "f8": np.array([0.1, 1e300, -0.0], "<f8"),
        "i1": np.array([-128, 0, 127], "i1"),
        "i2": np.array([-32768, 1, 32767], "<i2"),
        "i4": np.array([-(2**31), 2, 2**31 - 1], "<i4"),
        "i8": np.array([-(2**63), 3, 2**63 - 1], "<i8"),
        "u1": np.array([0, 200, 255], "u1"),
        "u2": np.array([0, 40000, 65535], "<u2"),
        "u4": np.array([0, 3000000000, 2**32 - 1], "<u4"),
        "u8": np.array([0, 5, 2**63 - 1], "<u8"),
        "b1": np.array([True, False, True]),
        "U": np.array(["Ideal", "", "Grün 🙂"]),
        "S": np.array([b"a\0b", b"", b"xyz"]),
        "matrix": np.arange(6, dtype="<f4").reshape(3, 2),
        "turned": np.asfortranarray(np.arange(12, dtype="<f8").reshape(3, 4)),
        "image": np.arange(3 * 2 * 2 * 3, dtype="u1").reshape(3, 2, 2, 3),
        "words": np.array([["a", "b"], ["c", "d"], ["a", "e"]]),
    }


def write_arrays(folder):
    np.savez(folder / "stored.npz", **arrays())
    np.savez_compressed(folder / "deflated.npz", **arrays())
    np.save(folder / "one.npy", arrays()["f8"])
    np.savez(folder / "objects.npz", names=np.array(["a", None], object))
    np.savez(folder / "structured.npz", t=np.zeros(2, [("a", "<f4"), ("b", "<i8")]))
    np.savez(folder / "big.npz", x=np.zeros(2, ">f4"))
    np.savez(folder / "dates.npz", x=np.zeros(2, "<M8[D]"))
    np.savez(folder / "uneven.npz", a=np.zeros(3), b=np.zeros(4))
    # A member that is larger than a piece of what is unpacked, packed hard.
    np.savez_compressed(folder / "long.npz", x=np.arange(100_000, dtype="<f8") % 7)
    plain = io.BytesIO()
    np.save(plain, np.arange(3.0))
    with zipfile.ZipFile(folder / "packed_other.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", plain.getvalue())


def columns():
    random = np.random.default_rng(5)
    return {
        "normal": random.normal(3, 2, 500).round(3),
        "skewed": random.exponential(1, 501).round(4),
        "ties": random.integers(0, 4, 300).astype(float),
        "two": np.array([0.0, 1.0] * 20 + [1.0] * 7),
        "mostly_zero": np.where(random.random(400) < 0.7, 0, random.normal(0, 1, 400)).round(2),
        "three": np.array([1.5, 2.5, 9.0]),
        "float32": random.normal(0, 1, 200).astype(np.float32),
    }


def describe():
    described = {}
    for name, values in columns().items():
        described[name] = {
            "values": [float(str(value)) for value in values],
            "expected": baseline.describe_one(values, None),
        }
    return described


def huber_objective(rule, matrix, target, limit):
    size = np.abs(target - matrix @ rule)
    return np.where(size <= limit, size**2 / 2, limit * (size - limit / 2)).sum()


def huber(columns, target):
    """Huber's M-estimate by SciPy's optimiser: the scale and the rule in turns, until both stand."""
    matrix = np.column_stack([np.ones(len(target)), *columns])
    rule = np.linalg.lstsq(matrix, target, rcond=None)[0]
    for _ in range(200):
        scale = np.median(np.abs(target - matrix @ rule)) / 0.6745
        found = minimize(
            huber_objective, rule, (matrix, target, 1.345 * scale), method="BFGS",
            options={"gtol": 1e-12, "maxiter": 10_000},
        ).x
        step, rule = np.abs(found - rule).max(), found
        if step < 1e-9:
            break
    return rule


def lines():
    random = np.random.default_rng(11)
    cases = []
    for count, outliers in ((1, 0), (1, 10), (2, 15), (3, 20)):
        x = [random.normal(index, 1 + index, 120).round(3) for index in range(count)]
        noise = random.normal(0, 0.5, 120)
        y = 2 + sum((index + 1) * column for index, column in enumerate(x)) + noise
        y[:outliers] += 60
        y = y.round(3)
        rule = huber(x, y)
        cases.append(
            {"columns": [c.tolist() for c in x], "target": y.tolist(), "rule": rule.tolist()}
        )
    return cases


def main(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder)
    (folder / "distributions.json").write_text(json.dumps(describe()))
    (folder / "lines.json").write_text(json.dumps(lines()))


if __name__ == "__main__":
    main(sys.argv[1])
