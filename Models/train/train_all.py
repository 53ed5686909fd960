# SPDX-License-Identifier: Apache-2.0
"""Trains the example models and writes their artifacts.

    python Models/train/train_all.py [--only NAME] [--out DIR]
"""

import os

# One thread, so that no sum depends on how work was divided. Before NumPy reads them.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import collections
import importlib
import sys
from pathlib import Path

SCRIPTS = {
    "diamonds-price/1": "price_xgboost",
    "diamonds-price/2": "price_lightgbm",
    "diamonds-network/1": "network",
    "diamonds-pipeline/1": "pipeline",
    "tumour/1": "tumour",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAME", help=f"one of {', '.join(SCRIPTS)}")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1])
    arguments = parser.parse_args()
    chosen = [
        name for name in SCRIPTS if arguments.only in (None, name, name.rpartition("/")[0])
    ]
    if not chosen:
        parser.error(f"no model {arguments.only}; there are {', '.join(SCRIPTS)}")

    import artifact

    for name in chosen:
        print(name, flush=True)
        trained = importlib.import_module(SCRIPTS[name]).train()
        folder = artifact.write(trained, arguments.out)
        operators = collections.Counter(
            f"{node.domain or 'ai.onnx'}:{node.op_type}" for node in trained.model.graph.node
        )
        size = sum(path.stat().st_size for path in folder.iterdir())
        print("  operators:", ", ".join(f"{k} x{v}" for k, v in sorted(operators.items())))
        print("  opsets:", {entry.domain: entry.version for entry in trained.model.opset_import})
        print("  held out:", trained.metrics)
        print(f"  {folder}: {size:,} bytes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
