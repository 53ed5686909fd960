# SPDX-License-Identifier: Apache-2.0
"""Artifacts that are wrong in one way each, and models whose output a test controls.

A library for the tests, and a command that builds everything:

    python Tests/oracles/broken_models.py OUT [--artifact Models/diamonds-price/1]

writes `OUT/<variant>/<name>/<version>/`, so that `OUT/<variant>` is a model repository. Needs the
`onnx` package only. A variant is rehashed unless a wrong hash is the point, so that the reader and
not the hash check has to find what is wrong.
"""

import argparse
import hashlib
import json
import math
import shutil
import sys
from pathlib import Path

from onnx import TensorProto, helper

MEAN = 1000.0
MODELS = Path(__file__).parents[2] / "Models"

# What a controlled model answers for x0, as nodes from "x0" to "y", and the same in Python.
FORMS = {
    "identity": ([("Identity", ["x0"], ["y"])], lambda x: x),
    "log": ([("Log", ["x0"], ["y"])], lambda x: math.log(x) if x > 0 else math.nan),
    "reciprocal": ([("Reciprocal", ["x0"], ["y"])], lambda x: 1 / x if x else math.inf),
    "sqrt": ([("Sqrt", ["x0"], ["y"])], lambda x: math.sqrt(x) if x >= 0 else math.nan),
}


# Whole artifacts


def write_artifact(folder, model, contract, golden, baseline, fallback=()):
    """Writes an artifact from its parts; name and version are the folder's last two names."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    write_json(folder / "contract.json", contract)
    write_json(folder / "baseline.json", baseline)
    write_lines(folder / "golden.jsonl", golden)
    write_lines(folder / "fallback.jsonl", fallback)
    (folder / "environment.lock").write_text(f"onnx==1.23.2 --hash=sha256:{'0' * 64}\n")
    write_json(
        folder / "artifact.json",
        {
            "name": folder.parent.name,
            "version": int(folder.name),
            "stage": "staging",
            "created": "2026-11-01T00:00:00Z",
            "framework": {"name": "onnx", "version": "1.23.2"},
            "files": {},
            "environment": {"lock": "environment.lock", "sha256": ""},
            "provenance": {"script": "Tests/oracles/broken_models.py"},
        },
    )
    return rehash(folder)


def rehash(folder):
    """Writes sizes and digests anew for the files that are there."""
    folder = Path(folder)
    manifest = read_json(folder / "artifact.json")
    manifest["files"] = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name not in ("artifact.json", "artifact.sig")
    }
    manifest["environment"]["sha256"] = sha256(folder / manifest["environment"]["lock"])
    write_json(folder / "artifact.json", manifest)
    return folder


def copy_artifact(artifact, out):
    """Copies an artifact to `out/<name>/<version>`; returns the copy's folder."""
    artifact = Path(artifact)
    manifest = read_json(artifact / "artifact.json")
    folder = Path(out) / manifest["name"] / str(manifest["version"])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(artifact, folder)
    return folder


# Models whose output a test controls


def controlled_contract(bounds=(0, 25000), ratio=5.0, fallback=MEAN, **sections):
    output = {"name": "y", "from": "y", "datatype": "FP32"}
    if bounds is not None:
        output["range"] = list(bounds)
    if ratio is not None:
        output["max_ratio_to_mean"] = ratio
    feature = {"name": "x0", "datatype": "FP32", "range": [-1e9, 1e9], "missing": "reject"}
    feature["encode"] = {"to": "x0"}
    return {
        "features": [feature],
        "outputs": [output],
        "kill_switches": [],
        "fallback": [{"kind": "constant", "values": {"y": fallback}}],
        **sections,
    }


def controlled_baseline(mean=MEAN):
    """A baseline of 1,000 rows spread evenly over 0 to twice the mean."""
    top = 2 * mean
    even = {
        "kind": "numeric",
        "count": 1000,
        "missing": 0,
        "mean": mean,
        "std": top / math.sqrt(12),
        "min": 0.0,
        "max": top,
        "quantiles": [top * step / 100 for step in range(101)],
        "edges": [top * step / 10 for step in range(11)],
        "counts": [100] * 10,
    }
    return {"rows": 1000, "features": {"x0": even}, "outputs": {"y": even}}


def make_controlled_regressor(folder, form="identity", mean=MEAN, **contract):
    """Writes a model with one feature, `x0`, and one output, `y`, which follows from it by `form`.

    `identity` lets a test choose the output: -0.01, or 5.01 times the mean. `log` and `sqrt` give
    NaN below zero, `reciprocal` infinity at zero, without anything odd in the request. The golden
    records are sound. Further arguments go to `controlled_contract`: `bounds`, `ratio`,
    `fallback`, and whole sections such as `breaker={…}` or `canary={…}`.
    """
    nodes, answer = FORMS[form]
    model = graph_model([helper.make_node(*node) for node in nodes])
    golden = [
        {"inputs": {"x0": value}, "outputs": {"y": answer(value)}}
        for value in (1.0, 2.0, 4.0, 10.0, 64.0, 250.0, 1024.0, 4096.0)
    ]
    settings = controlled_contract(**contract)
    return write_artifact(
        folder, model, settings, golden, controlled_baseline(mean), fallback_of(settings)
    )


def make_constant_regressor(folder, value, mean=MEAN, golden=None, **contract):
    """Writes a model that answers `value` whatever comes; NaN and infinities too.

    Its golden records say `golden`, or the value where that is finite, or else the mean: then the
    canary has to fail.
    """
    constant = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    nodes = [
        helper.make_node("Mul", ["x0", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "value"], ["y"]),
    ]
    want = golden if golden is not None else value if math.isfinite(value) else mean
    records = [{"inputs": {"x0": float(x)}, "outputs": {"y": want}} for x in range(8)]
    settings = controlled_contract(**contract)
    return write_artifact(
        folder,
        graph_model(nodes, [constant, zero]),
        settings,
        records,
        controlled_baseline(mean),
        fallback_of(settings),
    )


def fallback_of(contract):
    values = contract["fallback"][-1]["values"]
    return [{"inputs": {"x0": float(x)}, "outputs": values} for x in range(5)]


def graph_model(nodes, initializers=(), shape=("N", 1), output_shape=("N", 1)):
    graph = helper.make_graph(
        nodes,
        "controlled",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
        initializers,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests"
    )


def make_graph_artifact(folder, model):
    """Writes an artifact around a graph that must be refused; the rest of it is sound."""
    golden = [{"inputs": {"x0": float(x)}, "outputs": {"y": float(x)}} for x in range(8)]
    settings = controlled_contract()
    return write_artifact(
        folder, model, settings, golden, controlled_baseline(), fallback_of(settings)
    )


# Sound artifacts made wrong


def tamper_golden(artifact, out, factor, record=0):
    """Multiplies the numbers of one golden record's outputs; 1.00011 is off by 0.011 %."""
    folder = copy_artifact(artifact, out)
    records = read_lines(folder / "golden.jsonl")
    outputs = records[record]["outputs"]
    records[record]["outputs"] = {
        name: value * factor if isinstance(value, float) else value
        for name, value in outputs.items()
    }
    write_lines(folder / "golden.jsonl", records)
    return rehash(folder)


def exact_golden(artifact, out, factor, answers, record=0):
    """As `tamper_golden`, but off the given answer of the daemon itself, {output: value}.

    At a tolerance of 0.01 % a change of 0.009 % or 0.011 % leaves one part in 100,000 for what the
    engine differs from the training library; from the daemon's own answer the whole is left.
    """
    folder = copy_artifact(artifact, out)
    records = read_lines(folder / "golden.jsonl")
    records[record]["outputs"] = {name: value * factor for name, value in answers.items()}
    write_lines(folder / "golden.jsonl", records)
    return rehash(folder)


def misspell_contract(artifact, out, key="categories", wrong="catagories"):
    """Renames the first member called `key` in the contract."""
    folder = copy_artifact(artifact, out)
    path = folder / "contract.json"
    text = path.read_text(encoding="utf-8")
    if f'"{key}"' not in text:
        raise ValueError(f"{path} has no key {key}")
    path.write_text(text.replace(f'"{key}"', f'"{wrong}"', 1), encoding="utf-8")
    return rehash(folder)


def edit_contract(artifact, out, edit):
    """Copies an artifact, lets `edit` change the contract in place, and rehashes."""
    folder = copy_artifact(artifact, out)
    contract = read_json(folder / "contract.json")
    edit(contract)
    write_json(folder / "contract.json", contract)
    return rehash(folder)


def flip_byte(path, offset=None, mask=0x01):
    """Flips bits of one byte of a file in place, as a failing disk would: size and inode stay.

    The default offset is the middle of the file, which in these models is within the weights.
    Returns the offset.
    """
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        offset = size // 2 if offset is None else offset
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))
    return offset


def flip_weight_byte(artifact, out, offset=None):
    folder = copy_artifact(artifact, out)
    flip_byte(folder / "model.onnx", offset)
    return folder


def truncate_model(artifact, out, share=0.5, hashed=True):
    """Cuts model.onnx; `hashed` false leaves the manifest as it was, like an interrupted copy."""
    folder = copy_artifact(artifact, out)
    path = folder / "model.onnx"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return rehash(folder) if hashed else folder


def remove_file(artifact, out, name):
    folder = copy_artifact(artifact, out)
    (folder / name).unlink()
    return folder


def add_file(artifact, out, name="notes.txt"):
    folder = copy_artifact(artifact, out)
    (folder / name).write_text("not in the manifest\n")
    return folder


def swap_model(artifact, out, other):
    """Puts another artifact's model.onnx in place, hashed: contract and graph no longer agree."""
    folder = copy_artifact(artifact, out)
    shutil.copyfile(Path(other) / "model.onnx", folder / "model.onnx")
    return rehash(folder)


def link_model_out(artifact, out):
    """Replaces model.onnx by a symbolic link to the same bytes outside the folder."""
    folder = copy_artifact(artifact, out)
    outside = Path(out) / "outside.onnx"
    shutil.move(folder / "model.onnx", outside)
    (folder / "model.onnx").symlink_to(outside.resolve())
    return folder


def escape_manifest(artifact, out):
    """Lists a file by a path that leaves the folder."""
    folder = copy_artifact(artifact, out)
    outside = folder.parent / "outside.txt"
    outside.write_text("outside\n")
    manifest = read_json(folder / "artifact.json")
    entry = {"sha256": sha256(outside), "bytes": outside.stat().st_size}
    manifest["files"]["../outside.txt"] = entry
    write_json(folder / "artifact.json", manifest)
    return folder


# Graphs that must be refused


def unknown_operator():
    return graph_model([helper.make_node("Frobnicate", ["x0"], ["y"])])


def unknown_domain():
    model = graph_model([helper.make_node("Identity", ["x0"], ["y"], domain="com.example")])
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def cycle():
    nodes = [
        helper.make_node("Add", ["x0", "b"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Identity", ["b"], ["y"]),
    ]
    return graph_model(nodes)


def undefined_name():
    return graph_model([helper.make_node("Add", ["x0", "nowhere"], ["y"])])


def written_twice():
    nodes = [helper.make_node(name, ["x0"], ["y"]) for name in ("Identity", "Neg")]
    return graph_model(nodes)


def lying_tensor(dims, byte_count):
    """An initialiser whose dimensions do not agree with its bytes."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, raw_data=bytes(byte_count))
    tensor.dims.extend(dims)
    return graph_model([helper.make_node("Add", ["x0", "w"], ["y"])], [tensor])


def lying_wire_length():
    """The graph's length says 2^40 bytes, and the file ends long before."""
    data = graph_model([helper.make_node("Identity", ["x0"], ["y"])]).SerializeToString()
    graph = graph_model([helper.make_node("Identity", ["x0"], ["y"])]).graph.SerializeToString()
    start = data.index(graph)
    # Field 7 of ModelProto, wire type 2, with a length of one byte: two bytes before the graph.
    if len(graph) >= 128 or data[start - 2] != 0x3A:
        raise ValueError("the graph's header is not where it was thought to be")
    return data[: start - 1] + varint(2**40) + data[start:]


def endless_varint():
    return b"\x08" + b"\xff" * 64


def absurd_input_shape():
    shape = (2**62, 9)
    return graph_model([helper.make_node("Identity", ["x0"], ["y"])], (), shape, shape)


def deep_nesting(depth=5000):
    """Subgraphs within subgraphs, written as bytes: an If in an If in an If."""
    graph = b""
    for _ in range(depth):
        attribute = field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"
        node = field(1, b"x0") + field(2, b"y") + field(4, b"If") + field(5, attribute)
        graph = field(1, node) + field(2, b"g")
    opset = field(8, field(1, b"") + b"\x10\x11")
    return b"\x08\x08" + field(7, graph) + opset


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


# The whole collection: variant -> builder from (sound artifact, folder of the variant)


def of_graph(build):
    return lambda artifact, out: make_graph_artifact(Path(out) / "broken" / "1", build())


# Refused at load.
REFUSED = {
    "misspelt-key": misspell_contract,
    "flipped-weight-byte": flip_weight_byte,
    "truncated-model": truncate_model,
    "half-copied-model": lambda a, out: truncate_model(a, out, 0.9, hashed=False),
    "empty-model": lambda a, out: truncate_model(a, out, 0),
    "missing-golden": lambda a, out: remove_file(a, out, "golden.jsonl"),
    "missing-model": lambda a, out: remove_file(a, out, "model.onnx"),
    "unlisted-file": add_file,
    "swapped-model": lambda a, out: swap_model(a, out, MODELS / "tumour" / "1"),
    "link-out": link_model_out,
    "path-out": escape_manifest,
    "unknown-operator": of_graph(unknown_operator),
    "unknown-domain": of_graph(unknown_domain),
    "cycle": of_graph(cycle),
    "undefined-name": of_graph(undefined_name),
    "written-twice": of_graph(written_twice),
    "lying-tensor-length": of_graph(lambda: lying_tensor([1000], 8)),
    "absurd-tensor-shape": of_graph(lambda: lying_tensor([2**62, 9], 8)),
    "overflowing-tensor-shape": of_graph(lambda: lying_tensor([2**32, 2**32], 0)),
    "negative-tensor-shape": of_graph(lambda: lying_tensor([-1, 4], 16)),
    "lying-wire-length": of_graph(lying_wire_length),
    "endless-varint": of_graph(endless_varint),
    "absurd-input-shape": of_graph(absurd_input_shape),
    "deep-nesting": of_graph(deep_nesting),
    "not-onnx": of_graph(lambda: b"<!DOCTYPE html><title>404</title>"),
}

# Loaded, and wrong (or, for golden-off-0.009, right enough) when run.
LOADED = {
    "golden-off-0.011": lambda a, out: tamper_golden(a, out, 1.00011),
    "golden-off-0.009": lambda a, out: tamper_golden(a, out, 1.00009),
    "controlled": lambda a, out: make_controlled_regressor(Path(out) / "controlled" / "1"),
    "log": lambda a, out: make_controlled_regressor(Path(out) / "log" / "1", "log"),
    "reciprocal": lambda a, out: make_controlled_regressor(
        Path(out) / "reciprocal" / "1", "reciprocal"
    ),
    "always-nan": lambda a, out: make_constant_regressor(Path(out) / "constant" / "1", math.nan),
    "always-infinite": lambda a, out: make_constant_regressor(
        Path(out) / "constant" / "1", math.inf
    ),
    "always-negative": lambda a, out: make_constant_regressor(Path(out) / "constant" / "1", -0.01),
    "always-too-high": lambda a, out: make_constant_regressor(
        Path(out) / "constant" / "1", 5.01 * MEAN
    ),
}


def build_all(out, artifact=MODELS / "diamonds-price" / "1"):
    """Builds every variant; returns {variant: the artifact's folder}."""
    return {
        name: build(artifact, Path(out) / name) for name, build in (REFUSED | LOADED).items()
    }


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(path, value):
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def write_lines(path, records):
    lines = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)
    Path(path).write_text("".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--artifact", type=Path, default=MODELS / "diamonds-price" / "1")
    arguments = parser.parse_args()
    for name, folder in build_all(arguments.out, arguments.artifact).items():
        print(f"{name}\t{'refused' if name in REFUSED else 'loaded'}\t{folder}")


if __name__ == "__main__":
    sys.exit(main())
