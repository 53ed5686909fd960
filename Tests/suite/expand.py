# SPDX-License-Identifier: Apache-2.0
"""Writes the ONNX back-end suite of the installed `onnx` package out in ONNX's test layout.

    python expand.py FOLDER

makes FOLDER/{node,simple,light,pytorch-converted,pytorch-operator}/CASE/ with model.onnx,
test_data_set_N/{input,output}_K.pb, and a data.json where the tolerance is not the usual one.

The wheel carries the node cases as scripts that draw from NumPy's generator; it is seeded first, so
that two expansions hold the same bytes. The nets of `light` get their weights from nodes and their
input from the rule of the suite's own runner.
"""

import json
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

RELATIVE, ABSOLUTE = 1e-3, 1e-7
# What the suite's runner allows bfloat16: two units in the last place.
BFLOAT16_RELATIVE = 2.0**-6


def message(value, info):
    """A test value as the message its declared type asks for."""
    if isinstance(value, TensorProto):
        return value
    kind = info.type.WhichOneof("value")
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    return numpy_helper.from_array(np.asarray(value), info.name)


def has_bfloat16(model):
    return any(
        output.type.tensor_type.elem_type == TensorProto.BFLOAT16 for output in model.graph.output
    )


def write_tolerance(folder, relative, absolute):
    if (relative, absolute) != (RELATIVE, ABSOLUTE):
        text = json.dumps({"atol": absolute, "rtol": relative}, sort_keys=True)
        (folder / "data.json").write_text(text + "\n")


def write_scripted(case, folder):
    """A case that a script made: model and values are in memory."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for kind, values, declared in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for index, value in enumerate(values):
                written = message(value, declared[index]).SerializeToString()
                (data / f"{kind}_{index}.pb").write_bytes(written)
    relative = max(case.rtol, BFLOAT16_RELATIVE) if has_bfloat16(case.model) else case.rtol
    write_tolerance(folder, relative, case.atol)


def write_light(source, folder, relative):
    """A whole net: the input rises evenly from 0 to 1, the output is stored beside the model."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    shutil.copyfile(source, folder / "model.onnx")
    graph = onnx.load(source).graph
    initialised = {tensor.name for tensor in graph.initializer}
    asked = [info for info in graph.input if info.name not in initialised]
    for index, info in enumerate(asked):
        shape = [axis.dim_value or 1 for axis in info.type.tensor_type.shape.dim]
        count = int(np.prod(shape))
        value = (np.arange(count).reshape(shape) / count).astype(np.float32)
        written = numpy_helper.from_array(value, info.name).SerializeToString()
        (data / f"input_{index}.pb").write_bytes(written)
    for index in range(len(graph.output)):
        stored = source.with_name(f"{source.stem}_output_{index}.pb")
        shutil.copyfile(stored, data / f"output_{index}.pb")
    write_tolerance(folder, relative, ABSOLUTE)


def expand(target):
    warnings.simplefilter("ignore")
    np.random.seed(0)
    from onnx.backend.test.case import model as simple_cases
    from onnx.backend.test.case import node as node_cases

    for case in node_cases.collect_testcases():
        write_scripted(case, target / "node" / case.name)
    light = {}
    for case in simple_cases.collect_testcases():
        if case.kind == "simple":
            write_scripted(case, target / "simple" / case.name)
        else:
            light[case.model_name] = case
    stored = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for source in sorted((stored / "light").glob("light_*.onnx")):
        case = light[source.stem.removeprefix("light_")]
        write_light(source, target / "light" / case.name, case.rtol)
    for group in ("pytorch-converted", "pytorch-operator"):
        for folder in sorted((stored / group).glob("test_*")):
            shutil.copytree(folder, target / group / folder.name)


def main():
    target = Path(sys.argv[1]).resolve()
    # Expanded beside the target and moved there whole: a folder that is there is complete.
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
    try:
        expand(fresh)
        os.chmod(fresh, 0o755)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    for group in sorted(target.iterdir()):
        print(f"{group.name}: {len(list(group.iterdir()))} cases")


if __name__ == "__main__":
    main()
