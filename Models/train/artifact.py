# SPDX-License-Identifier: Apache-2.0
"""Writes a complete artifact from a fitted model and the rows it was made from."""

import datetime
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from baseline import describe
from contract import check, decode, encode, fall_back, is_missing, is_within_bounds

# A rerun must write the same bytes, so the time of writing is not in them.
CREATED = "2026-11-01T00:00:00Z"
GOLDEN_COUNT = 28
# The export may move a golden row by this share at most; the canary allows twenty times as much.
GOLDEN_AGREEMENT = 5e-6
LOCK = Path(__file__).with_name("requirements.lock")


@dataclass
class Trained:
    """A fitted model with all that its artifact says about it."""

    name: str
    version: int
    framework: tuple[str, str]
    model: onnx.ModelProto
    contract: dict
    # Feature columns, {feature: array}, of the rows trained on and of those held out.
    train: dict
    heldout: dict
    # The training library's own predictions for feature columns, {output: array}.
    predict: object
    metrics: dict
    provenance: dict
    # Columns whose extremes the golden records cover; categories are always covered.
    spread: list
    # Rows that the fallback must answer.
    fallback_rows: list = field(default_factory=list)


def write(trained, root):
    """Writes `root/name/version` and returns the folder."""
    folder = Path(root) / trained.name / str(trained.version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    features = [feature["name"] for feature in trained.contract["features"]]
    train = {name: trained.train[name] for name in features}
    heldout = {name: trained.heldout[name] for name in features}

    settle(trained.model, f"{trained.name}-{trained.version}")
    (folder / "model.onnx").write_bytes(trained.model.SerializeToString(deterministic=True))
    write_json(folder / "contract.json", trained.contract)
    baseline = describe(trained.contract, train, trained.predict(train))
    write_json(folder / "baseline.json", baseline)
    golden = golden_records(trained, folder / "model.onnx", heldout, baseline)
    write_lines(folder / "golden.jsonl", golden)
    for row in [record["inputs"] for record in golden] + trained.fallback_rows:
        check(trained.contract, row)
    fallback = [
        {"inputs": row, "outputs": fall_back(trained.contract, row)}
        for row in trained.fallback_rows
    ]
    write_lines(folder / "fallback.jsonl", fallback)
    shutil.copyfile(LOCK, folder / "environment.lock")

    files = sorted(path for path in folder.iterdir())
    write_json(
        folder / "artifact.json",
        {
            "name": trained.name,
            "version": trained.version,
            "stage": "staging",
            "created": created(),
            "framework": {"name": trained.framework[0], "version": trained.framework[1]},
            "files": {
                path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in files
            },
            "environment": {"lock": "environment.lock", "sha256": sha256(LOCK)},
            "provenance": {**trained.provenance, "heldout_metrics": trained.metrics},
        },
    )
    return folder


def settle(model, name):
    """Replaces what converters draw at random: the graph's name and the order of imports."""
    model.graph.name = name
    imports = sorted(model.opset_import, key=lambda entry: entry.domain)
    del model.opset_import[:]
    model.opset_import.extend(imports)
    model.doc_string = model.graph.doc_string = ""
    onnx.checker.check_model(model)


def run(path, contract, columns):
    """ONNX Runtime's answers for feature columns, {output: array}."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        Path(path).read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, encode(contract, columns))
    return decode(contract, dict(zip(names, answers)))


def deviation(wanted, got):
    """The largest relative deviation of each row over the outputs."""
    rows = 0.0
    for name, values in wanted.items():
        want, have = np.asarray(values, float), np.asarray(got[name], float)
        rows = np.maximum(rows, np.abs(have - want) / np.maximum(np.abs(want), 1e-9))
    return rows


def golden_records(trained, path, columns, baseline):
    """Picks held-out rows: extremes, each category, a row without what may lack, then seeded ones.

    A row that the ONNX export itself moved is never golden.
    """
    wanted = trained.predict(columns)
    moved = deviation(wanted, run(path, trained.contract, columns))
    print(
        f"  ONNX Runtime against {trained.framework[0]}, {len(moved)} held-out rows: at most "
        f"{moved.max():.1e} relative; moved by over {GOLDEN_AGREEMENT:.0e}: "
        f"{np.flatnonzero(moved > GOLDEN_AGREEMENT).tolist()}"
    )
    usable = moved <= GOLDEN_AGREEMENT
    for output in trained.contract["outputs"]:
        mean = baseline["outputs"][output["name"]].get("mean", np.inf)
        bounded = [is_within_bounds(output, value, mean) for value in wanted[output["name"]]]
        print(f"  {output['name']}: {bounded.count(False)} held-out rows out of bounds")
        usable &= bounded
    records = []
    for row in sorted(choose(trained, columns, wanted, np.flatnonzero(usable))):
        inputs = {name: client_value(values[row]) for name, values in columns.items()}
        outputs = {name: plain(values[row]) for name, values in wanted.items()}
        records.append({"inputs": inputs, "outputs": outputs})
    return records


def choose(trained, columns, wanted, usable):
    """The rows among `usable` that become golden."""
    shuffled = np.random.default_rng(7).permutation(usable).tolist()
    chosen = []
    for name in trained.spread:
        values = np.asarray(columns[name] if name in columns else wanted[name], float)
        order = sorted(usable.tolist(), key=values.__getitem__)
        order = [row for row in order if not np.isnan(values[row]) and row not in chosen]
        chosen += [order[0], order[-1]]
    for feature in trained.contract["features"]:
        values = columns[feature["name"]]
        for category in feature.get("categories", []):
            if not any(values[row] == category for row in chosen):
                chosen.append(next(row for row in shuffled if values[row] == category))
        lacking = [row for row in shuffled if is_missing(values[row]) and row not in chosen]
        chosen += lacking[:2]
    rest = [row for row in shuffled if row not in chosen]
    return chosen + rest[: max(0, GOLDEN_COUNT - len(chosen))]


def client_value(value):
    """A value as a client would send it: text, null, or the shortest decimal of the float32."""
    if isinstance(value, str):
        return value
    return None if is_missing(value) else shortest(value)


def shortest(value):
    """The float whose decimal is the shortest that reads back as the same float32."""
    return float(str(np.float32(value)))


def plain(value):
    return int(value) if isinstance(value, (int, np.integer)) else float(value)


def created():
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return CREATED
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_lines(path, records):
    lines = [json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records]
    Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_json(path, value):
    Path(path).write_text(pretty(value) + "\n", encoding="utf-8")


def pretty(value, indent=0):
    """JSON with a line for each member, but with small objects and arrays on one line."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(flat) + indent <= 110 or not isinstance(value, (dict, list)) or not value:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(k)}: {pretty(v, indent + 2)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    if all(isinstance(item, (int, float, str)) for item in value):
        return flat
    lines = [inner + pretty(item, indent + 2) for item in value]
    return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"
