# SPDX-License-Identifier: Apache-2.0
"""Measures `serin bench` against ONNX Runtime in rounds that take turns, and writes the table.

    python speed.py --serin BINARY --rival BINARY --work FOLDER [-o TABLE.md] [--rounds 9]
                    [--seconds 0.15] [--threads 1] [--models FOLDER ...] [NAME-PATTERN ...]

Each folder below `WORK/models`, and below each --models, is a model in ONNX's test layout. A `bench.json`
beside the model says what it stands for, and at which batches: {"work": "…", "batches": [1, 16],
"goals": [10, 6], "load": true}; GOALS below has it for the models of this folder, and for any other the
batch of its recorded inputs is taken.

Each pair of processes loads the model once and runs the same inputs: as many sets of rows in turn as the
recorded rows fill, 64 at most, as a processor learns the branches of a row that it sees again and again. In a round each runs for --seconds, one
after the other, the first changing from round to round; the ratio of a round is that of the processor time of
a run (of the time on the clock with more than one thread), and the table has the median of the rounds' ratios
and their quartiles. More than 1 means that Serin is faster.
"""

import argparse
import ctypes
import fnmatch
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

TREES = "boosted trees, 500 trees"
GOALS = {
    "xgb_500_d6": (f"XGBoost, {TREES} of depth 6", {1: 10, 16: 6, 256: 10, 4096: 10}),
    "lgbm_500_31": (f"LightGBM, {TREES} of 31 leaves", {1: 10, 16: 6, 256: 10, 4096: 10}),
    "lgbm_500_63": (f"LightGBM, {TREES} of 63 leaves", {1: 10, 16: 6, 256: 10, 4096: 10}),
    "cat_500_d6": (f"CatBoost, {TREES} of depth 6", {1: 10, 16: 6, 256: 10, 4096: 10}),
    "rf_100": ("random forest, 100 deep trees", {1: 5, 4096: 2.5}),
    "bert_base*": ("transformer encoder, two BERT-base layers, 128 tokens", {1: 1.1}),
    "mobilenet_v2*": ("MobileNetV2, 224 x 224", {1: 1.2}),
    "mobilenetv2*": ("MobileNetV2, 224 x 224", {1: 1.2}),
    "resnet50*": ("ResNet-50, 224 x 224", {1: 1.0}),
    "int8*": ("int8 matrix product", {1: 1.0, 16: 1.0, 384: 1.0}),
}


def inputs_of(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in constants]


def batch_axes(infos, recorded):
    """The axes that count rows; the rule of Sources/serin/BatchAxes.swift."""
    declared = [
        [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in info.type.tensor_type.shape.dim]
        for info in infos
    ]

    def is_open(dim):
        return isinstance(dim, str) or dim < 0

    lead = next((k for k, dims in enumerate(declared) if dims and is_open(dims[0])), None)
    if lead is None:
        return [[] for _ in infos]
    name = declared[lead][0] if isinstance(declared[lead][0], str) else ""
    length = recorded[lead].dims[0]
    return [
        [
            axis
            for axis, dim in enumerate(dims)
            if is_open(dim) and (name and dim == name or axis == 0 and tensor.dims[0] == length)
        ]
        for dims, tensor in zip(declared, recorded)
    ]


def resized(array, axis, rows, start=0):
    return np.take(array, np.arange(start, start + rows) % array.shape[axis], axis=axis)


# Sources/serin/BenchInputs.swift makes as many.
MOST_SETS = 64


class Case:
    """A model at one batch: a folder for Serin and a file for the rival, with the same inputs."""

    def __init__(self, folder, batch, work):
        self.name, self.batch = folder.name, batch
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        infos = inputs_of(model)
        data = folder / "test_data_set_0"
        recorded = [
            onnx.TensorProto.FromString((data / f"input_{k}.pb").read_bytes()) for k in range(len(infos))
        ]
        axes = batch_axes(infos, recorded)
        self.has_batch = any(axes)
        self.folder = work / "cases" / f"{folder.parent.name}-{folder.name}-{batch}"
        target = self.folder / "test_data_set_0"
        target.mkdir(parents=True, exist_ok=True)
        link = self.folder / "model.onnx"
        link.unlink(missing_ok=True)
        link.symlink_to((folder / "model.onnx").resolve())
        for extra in folder.glob("*.data"):
            (self.folder / extra.name).unlink(missing_ok=True)
            (self.folder / extra.name).symlink_to(extra.resolve())
        lengths = [tensor.dims[axis] for k, tensor in enumerate(recorded) for axis in axes[k]]
        sets = max(1, min(MOST_SETS, min(lengths, default=0) // batch))
        blob = bytearray(np.uint32(sets).tobytes() + np.uint32(len(infos)).tobytes())
        for k, (info, tensor) in enumerate(zip(infos, recorded)):
            whole = numpy_helper.to_array(tensor)
            blob += text(info.name)
            array = whole
            for axis in axes[k]:
                array = resized(array, axis, sets * batch)
            written = numpy_helper.from_array(array, info.name)
            (target / f"input_{k}.pb").write_bytes(written.SerializeToString())
            for number in range(sets):
                array = whole
                for axis in axes[k]:
                    array = resized(array, axis, batch, number * batch)
                blob += raw(written, array)
        blob += np.uint32(len(model.graph.output)).tobytes()
        for info in model.graph.output:
            blob += text(info.name)
        self.blob = self.folder / "inputs.bin"
        self.blob.write_bytes(blob)


def text(value):
    encoded = value.encode()
    return np.uint32(len(encoded)).tobytes() + encoded


def raw(tensor, array):
    if tensor.data_type == onnx.TensorProto.STRING:
        parts = (value if isinstance(value, bytes) else str(value).encode() for value in array.reshape(-1))
        content = b"".join(part + b"\0" for part in parts)
    else:
        content = np.ascontiguousarray(array).tobytes()
    head = np.int32(tensor.data_type).tobytes() + np.uint32(array.ndim).tobytes()
    return head + np.array(array.shape, np.int64).tobytes() + np.uint64(len(content)).tobytes() + content


class Engine:
    """A process that answers each line with a round; `load` is the line it began with."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.load = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            problem = self.process.stderr.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(problem[-1] if problem else f"exit {self.process.wait()}")
        return json.loads(line)

    def round(self, seconds):
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Lleaves:
    """The tree compiler, in this process but past its Python: LightGBM models only."""

    def __init__(self, model_text, rows, batch, loop):
        import lleaves

        # The model owns the code that is called.
        self.model = lleaves.Model(model_file=str(model_text))
        self.model.compile(cache=str(model_text.with_suffix(".lleaves")))
        rows = np.ascontiguousarray(rows, np.float64)
        self.rows, self.answers = rows, np.zeros(len(rows), np.float64)
        pointer = ctypes.c_void_p
        self.time = ctypes.CDLL(str(Path(loop).resolve())).time_ensemble
        self.time.argtypes = [pointer, pointer, pointer, ctypes.c_int, ctypes.c_int, ctypes.c_double]
        self.time.restype = ctypes.c_double
        entry = ctypes.cast(self.model._c_entry_func, pointer)
        self.arguments = entry, self.rows.ctypes.data, self.answers.ctypes.data, batch, len(rows)

    def round(self, seconds):
        return {"cpu_us": self.time(*self.arguments, seconds)}


def take_turns(ours, theirs, rounds, seconds, key):
    """Ratios (theirs over ours) of each round, and the median of what a run of each took."""
    ratios, times = [], ([], [])
    for number in range(rounds + 1):
        pair = [None, None]
        for side in (0, 1) if number % 2 else (1, 0):
            pair[side] = (ours, theirs)[side].round(seconds)[key]
        if number == 0:
            continue  # warming up
        ratios.append(pair[1] / pair[0])
        times[0].append(pair[0])
        times[1].append(pair[1])
    return ratios, statistics.median(times[0]), statistics.median(times[1])


def described(folder):
    """What a model stands for, and the goal at each batch (None where there is none)."""
    said = folder / "bench.json"
    if said.exists():
        document = json.loads(said.read_text())
        batches = document.get("batches", [1])
        goals = document.get("goals", [None] * len(batches))
        return document.get("work", folder.name), dict(zip(batches, goals)), document.get("load")
    for pattern, (work, goals) in GOALS.items():
        if fnmatch.fnmatchcase(folder.name, pattern):
            return work, goals, None
    return folder.name, None, None


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{low:.2f} – {high:.2f}"


def row(work, batch, threads, goal, ratios, ours, theirs, rival):
    middle = statistics.median(ratios)
    aim = "" if goal is None else f"{goal:g}"
    verdict = "" if goal is None else ("yes" if middle >= goal else "no")
    return (
        f"| {work} | {batch} | {threads} | {rival} | {ours:.2f} | {theirs:.2f} | {aim} | **{middle:.2f}** "
        f"| {quartiles(ratios)} | {verdict} |"
    )


HEAD = (
    "| work | batch | threads | against | Serin, µs | rival, µs | goal | ratio | quartiles | met |\n"
    "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def first_answers(arguments, library, case):
    """Load ratios of a model: each round starts both processes anew.

    They differ more than other rounds do, as some wait for the machine's memory.
    """
    ratios, times = [], ([], [])
    for _ in range(max(9, arguments.rounds)):
        pair = []
        for command in commands(arguments, library, case, 1):
            engine = Engine(command)
            pair.append(engine.load["load_cpu_us"])
            engine.close()
        ratios.append(pair[1] / pair[0])
        times[0].append(pair[0])
        times[1].append(pair[1])
    return ratios, statistics.median(times[0]), statistics.median(times[1])


def commands(arguments, library, case, threads):
    ours = [arguments.serin, "bench", case.folder, "--batch", case.batch, "--threads", threads, "--rounds"]
    theirs = [arguments.rival, library, case.folder / "model.onnx", case.blob, threads, 1]
    return ours, theirs


def measure(arguments, library, folder, emit):
    work, goals, is_load = described(folder)
    batches = arguments.batches or (list(goals) if goals else [recorded_rows(folder)])
    for batch in batches:
        goal = (goals or {}).get(batch)
        try:
            case = Case(folder, batch, arguments.work)
            if not case.has_batch and batch != batches[0]:
                continue
            if is_load:
                result = first_answers(arguments, library, case)
                emit(row(f"{work}: load to first answer", batch, 1, goal, *result, "ONNX Runtime"))
                continue
            ours, theirs = (Engine(command) for command in commands(arguments, library, case, arguments.threads))
            key = "cpu_us" if arguments.threads == 1 else "us"
            result = take_turns(ours, theirs, arguments.rounds, arguments.seconds, key)
            emit(row(work, batch, arguments.threads, goal, *result, "ONNX Runtime"))
            if (folder / "model.txt").exists() and arguments.threads == 1:
                compare_with_lleaves(arguments, folder, case, work, ours, emit)
            ours.close()
            theirs.close()
        except Exception as problem:  # a model that does not run leaves the others their turn
            emit(f"| {work} | {batch} | {arguments.threads} | | | | | | {str(problem)[:160]} | |")


def compare_with_lleaves(arguments, folder, case, work, ours, emit):
    try:
        rows = numpy_helper.to_array(
            onnx.TensorProto.FromString((case.folder / "test_data_set_0" / "input_0.pb").read_bytes())
        )
        rival = Lleaves(folder / "model.txt", rows, case.batch, Path(arguments.rival).with_name("compiled.so"))
    except ImportError:
        return
    result = take_turns(ours, rival, arguments.rounds, arguments.seconds, "cpu_us")
    goal = {1: 3, 4096: 5}.get(case.batch)
    emit(row(work, case.batch, 1, goal, *result, "lleaves"))


def recorded_rows(folder):
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    infos = inputs_of(model)
    data = folder / "test_data_set_0"
    recorded = [onnx.TensorProto.FromString((data / f"input_{k}.pb").read_bytes()) for k in range(len(infos))]
    for axes, tensor in zip(batch_axes(infos, recorded), recorded):
        if axes:
            return tensor.dims[axes[0]]
    return 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serin", required=True)
    parser.add_argument("--rival", required=True)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", type=int, nargs="*", help="these, whatever the models say")
    parser.add_argument("--models", type=Path, action="append", default=[])
    parser.add_argument("patterns", nargs="*")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
    places = arguments.models or [arguments.work / "models"]
    folders = sorted(file.parent for place in places for file in place.glob("**/model.onnx"))
    if arguments.patterns:
        folders = [f for f in folders if any(fnmatch.fnmatchcase(f.name, p) for p in arguments.patterns)]
    lines = [HEAD]
    print(HEAD)

    def emit(line):
        lines.append(line)
        print(line, flush=True)
        if arguments.output:
            arguments.output.write_text("\n".join(lines) + "\n")

    for folder in folders:
        if folder.parent.name != "cases":
            measure(arguments, library, folder, emit)
    sys.exit(0 if len(lines) > 1 else 1)


if __name__ == "__main__":
    main()
