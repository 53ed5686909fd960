# SPDX-License-Identifier: Apache-2.0
"""Time from the start of a process to its first right answer, with a model of 200 MB, beside FastAPI + ONNX Runtime.

Serin is measured twice: at a restart, which recognises what an earlier start has hashed and sealed in the state
directory, and at a first start, whose state directory is empty.

    python3.11 -m venv .venv && .venv/bin/pip install -r Benchmarks/rival/requirements.txt
    .venv/bin/pip install onnx==1.23.2
    .venv/bin/python Benchmarks/startup.py --serin .build/release/serin

The model is a network of dense layers over the features of the diamonds example, with random weights; its golden records
are ONNX Runtime's answers, and `serin pack --edit` makes the artifact. Serin checks every byte, plans and runs the golden records
before it answers; weights are packed behind the first answers. The servers take turns, and
every file is in the page cache before the first. Printed are medians.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from servers import Server

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "Models" / "diamonds-price" / "1"


def network(layers, width):
    """A graph from X [N, 9] to variable [N, 1]; its answers stay near 4,000."""
    random = np.random.default_rng(7)
    nodes, weights, value, size = [], [], "X", 9
    for layer in range(layers + 1):
        out = width if layer < layers else 1
        scale = np.sqrt(2 / size) if layer < layers else 30 / np.sqrt(size)
        matrix = (random.standard_normal((size, out)) * scale).astype(np.float32)
        bias = np.full(out, 0 if layer < layers else 4000, np.float32)
        weights += [numpy_helper.from_array(matrix, f"w{layer}"), numpy_helper.from_array(bias, f"b{layer}")]
        name = "variable" if layer == layers else f"h{layer}"
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}", f"b{layer}"], [name]))
        if layer < layers:
            nodes.append(helper.make_node("Relu", [name], [f"r{layer}"]))
        value, size = f"r{layer}", out
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 9])],
        [helper.make_tensor_value_info("variable", TensorProto.FLOAT, ["N", 1])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def artifact(folder, layers, width):
    """The diamonds artifact with another model, and with that model's answers."""
    shutil.copytree(SOURCE, folder)
    (folder / "model.onnx").write_bytes(network(layers, width).SerializeToString())
    contract = json.loads((folder / "contract.json").read_text())
    columns = {feature["name"]: feature.get("categories") for feature in contract["features"]}
    for output in contract["outputs"]:
        output["range"] = [-1e6, 1e6]
        output.pop("max_ratio_to_mean", None)
    contract["kill_switches"] = []
    records = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    rows = np.array(
        [
            [kinds.index(row["inputs"][name]) if kinds else row["inputs"][name] for name, kinds in columns.items()]
            for row in records
        ],
        np.float32,
    )
    session = onnxruntime.InferenceSession((folder / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    for record, answer in zip(records, session.run(None, {"X": rows})[0][:, 0]):
        record["outputs"] = {"price": float(answer)}
    (folder / "golden.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "contract.json").write_text(json.dumps(contract))
    return records


def wait_for_seals(state):
    end = time.monotonic() + 60
    while not (state / "seals.json").exists() or not json.loads((state / "seals.json").read_text()):
        if time.monotonic() > end:
            raise RuntimeError("the model's file was not sealed within a minute")
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=Path, default=ROOT / ".build" / "release" / "serin")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=3200)
    parser.add_argument("--port", type=int, default=28080)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        draft = scratch / "draft" / "diamonds-price" / "1"
        records = artifact(draft, arguments.layers, arguments.width)
        serin = str(arguments.serin.resolve())
        subprocess.run([serin, "pack", "--edit", str(draft), "--out", str(scratch / "models")], check=True, stdout=subprocess.DEVNULL)
        folder = scratch / "models" / "diamonds-price" / "1"
        size = (folder / "model.onnx").stat().st_size
        path = "/v1/models/diamonds-price:predict"
        first, again = scratch / "first", scratch / "again"

        def serve(state):
            return [
                serin, "serve", "--models", str(scratch / "models"), "--limits-rows", "64",
                "--port", str(arguments.port), "--operations-port", str(arguments.port + 1),
                "--state-directory", str(state), "--deadlines-request", "10s",
            ]

        rival = [
            sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(ROOT / "Benchmarks" / "rival"), "--workers", "1",
            "--host", "127.0.0.1", "--port", str(arguments.port + 2), "--no-access-log", "--log-level", "warning",
        ]
        servers = [
            Server("restart", serve(again), {}, arguments.port, path, "v1", log=scratch / "serin.log"),
            Server("first", serve(first), {}, arguments.port, path, "v1", log=scratch / "serin.log"),
            Server(
                "fastapi", rival, {"RIVAL_MODEL": str(folder / "model.onnx")}, arguments.port + 2, path, "v1",
                log=scratch / "rival.log",
            ),
        ]
        times = {server.name: [] for server in servers}
        servers[0].start(None, records[0])
        wait_for_seals(again)
        servers[0].stop()
        for turn in range(arguments.rounds):
            for server in servers if turn % 2 else servers[::-1]:
                shutil.rmtree(first, ignore_errors=True)
                times[server.name].append(server.start(None, records[0]))
                server.stop()
        medians = {name: statistics.median(found) for name, found in times.items()}
        print(f"model {size / 1e6:.0f} MB, {arguments.rounds} rounds, seconds to the first right answer")
        for name, found in times.items():
            print(f"  {name:8} {medians[name]:.3f}   ({min(found):.3f} to {max(found):.3f})")
        for name in ("restart", "first"):
            print(f"  ratio    {medians['fastapi'] / medians[name]:.1f}x, {name}")


if __name__ == "__main__":
    main()
