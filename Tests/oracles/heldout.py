# SPDX-License-Identifier: Apache-2.0
"""Writes 1,000 held-out diamonds with the training libraries' own predictions.

    python Tests/oracles/heldout.py [FOLDER]

Trains diamonds-price/1 and /2 again (they come out byte for byte as committed, which is checked)
and writes `diamonds-heldout.jsonl.gz`, a line a stone:

    {"inputs": {feature: value}, "xgboost": price of /1, "lightgbm": price of /2,
     "onnxruntime": {"1": price, "2": price}}

A row where ONNX Runtime is off the library by over 1e-4 of the price is one that the export itself
moved; it has `"moved": ["1"]` with the versions concerned.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import gzip
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "Models" / "train"))

import artifact
import diamonds
import price_lightgbm
import price_xgboost

COUNT = 1000


def main(folder):
    libraries = {"1": price_xgboost, "2": price_lightgbm}
    stones, own, runtime = None, {}, {}
    for version, script in libraries.items():
        trained = script.train()
        with tempfile.TemporaryDirectory() as scratch:
            model = (artifact.write(trained, scratch) / "model.onnx").read_bytes()
        path = ROOT / "Models" / trained.name / version / "model.onnx"
        if path.read_bytes() != model:
            print(f"{path} is not what training gives on this machine", file=sys.stderr)
            return 1
        if stones is None:
            stones = diamonds.take(trained.heldout, slice(0, COUNT))
            stones = {name: stones[name] for name in diamonds.FEATURES}
        own[version] = trained.predict(stones)
        runtime[version] = artifact.run(path, trained.contract, stones)
    off = {version: artifact.deviation(own[version], runtime[version]) for version in libraries}

    records = []
    for row in range(COUNT):
        record = {
            "inputs": {name: artifact.client_value(stones[name][row]) for name in stones},
            "xgboost": float(own["1"]["price"][row]),
            "lightgbm": float(own["2"]["price"][row]),
            "onnxruntime": {version: float(runtime[version]["price"][row]) for version in runtime},
        }
        moved = [version for version in libraries if off[version][row] > 1e-4]
        if moved:
            record["moved"] = moved
            print(f"row {row} was moved by the export: {record}")
        records.append(record)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "diamonds-heldout.jsonl.gz"
    lines = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))
    largest = {version: f"{off[version].max():.1e}" for version in off}
    print(f"{path}: {path.stat().st_size:,} bytes; ONNX Runtime off by at most {largest}")
    return 0


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else ROOT / "Tests" / "EndToEnd" / "data"
    sys.exit(main(Path(target)))
