# SPDX-License-Identifier: Apache-2.0
"""`serin pack` at its edges: what is nearly right, looks right, or is broken off."""

import csv
import fcntl
import json
import os
import signal
import socket
import subprocess
import time

import numpy as np
import onnx
import pytest
from daemon import Daemon, binary, run, surroundings
from onnx import TensorProto, helper, numpy_helper
from test_first_model import python

ROWS = 120
RANDOM = np.random.default_rng(5)


def linear(path, weights):
    """X times weights, which NumPy can do as well."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "W"], ["y"])],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", len(weights)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.array(weights, np.float32)[:, None], "W")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def write_csv(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


@pytest.fixture
def example(tmp_path):
    """A model of a and b, rows with their true values, and its predictions."""
    linear(tmp_path / "m.onnx", [2, 3])
    a, b = RANDOM.uniform(0, 10, (2, ROWS)).astype(np.float32).round(2)
    answers = 2 * a + 3 * b
    write_csv(tmp_path / "rows.csv", {"a": a, "b": b, "true": (answers + 0.5).round(2)})
    write_csv(tmp_path / "predictions.csv", {"y": answers})
    return tmp_path


def pack(folder, *extra, status=0, **options):
    arguments = ["--model", folder / "m.onnx", "--data", folder / "rows.csv"]
    if (folder / "predictions.csv").exists():
        arguments += ["--predictions", folder / "predictions.csv"]
    out = [] if "--out" in extra else ["--out", folder / "out"]
    result = run("pack", *arguments, *out, *extra, **options)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr if status else result.stdout


def contract(folder, version=1):
    return json.loads((folder / "out" / "m" / str(version) / "contract.json").read_text())


def columns(folder, name="rows.csv"):
    with open(folder / name, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def change(folder, column, row, value, file="rows.csv"):
    table = columns(folder, file)
    table[column][row] = value
    write_csv(folder / file, table)


TARGETS = {
    "a text": ("n/a?", "row 7 (line 9), target 'true': 'n/a?' is no number"),
    "beyond all doubles": ("1e400", "row 7 (line 9), target 'true': inf"),
    "infinite": ("-inf", "row 7 (line 9), target 'true': -inf"),
}


@pytest.mark.parametrize("spoilt", TARGETS)
def test_one_target_that_cannot_be_read_is_named(example, spoilt):
    value, sentence = TARGETS[spoilt]
    assert "from the truth" in pack(example, "--target", "true")
    change(example, "true", 7, value)
    error = pack(example, "--target", "true", "--version", "2", status=1)
    assert sentence in error
    assert not (example / "out" / "m" / "2").exists()


def test_a_target_that_is_missing_here_and_there_is_told(example):
    change(example, "true", 7, "")
    text = pack(example, "--target", "true")
    assert "the target 'true' is missing in 1 of 120 rows" in text and "from the truth" in text


def test_a_target_of_another_kind_is_refused(example):
    table = columns(example)
    table["true"] = ["cheap" if row % 2 else "dear" for row in range(ROWS)]
    write_csv(example / "rows.csv", table)
    error = pack(example, "--target", "true", status=1)
    assert "target 'true' holds texts, and the model answers numbers" in error


def test_one_target_for_two_outputs_is_told(example):
    table = columns(example, "predictions.csv")
    write_csv(example / "predictions.csv", {"y": table["y"], "again": table["y"]})
    text = pack(example, "--target", "true")
    assert "there is one target and 2 outputs" in text


def test_what_stands_in_beyond_the_data_is_refused_unless_rows_bear_it_out(example):
    error = pack(example, "--target", "true", "--missing", "a=1e30", status=1)
    assert "stands in for a missing 'a', and no row of the data lacks it" in error
    assert not (example / "out").exists()
    pack(example, "--target", "true", "--missing", "a=5")
    assert contract(example)["features"][0]["range"][1] < 20
    # Rows that lack it and were answered as for -99.
    table = columns(example)
    answers = columns(example, "predictions.csv")["y"]
    for row in (3, 50):
        answers[row] = 2 * -99 + 3 * float(table["b"][row])
        table["a"][row] = ""
    write_csv(example / "rows.csv", table)
    write_csv(example / "predictions.csv", {"y": answers})
    text = pack(example, "--target", "true", "--missing", "a=-99", "--version", "2")
    assert "-99.0, which stands in for a missing 'a', lies beyond what was seen" in text
    low, high = contract(example, 2)["features"][0]["range"]
    # The range is that of the data and the one value, not a quarter of both more.
    assert low == -99 and high < 20


@pytest.mark.parametrize("count", [1, 2, 99, 100])
def test_few_rows_are_told_to_be_few(example, count):
    for name in ("rows.csv", "predictions.csv"):
        table = columns(example, name)
        write_csv(example / name, {key: values[:count] for key, values in table.items()})
    text = pack(example, "--ignore", "true")
    words = "only one row:" if count == 1 else f"only {count} rows:"
    assert (words in text) == (count < 100)


def test_texts_that_look_alike_stay_two_categories(tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    linear(tmp_path / "m.onnx", [10, 1])
    x = RANDOM.uniform(0, 9, ROWS).astype(np.float32).round(2)
    drinks = [(composed, decomposed, "tea")[row % 3] for row in range(ROWS)]
    order = sorted({*drinks}, key=str.encode)
    assert len(order) == 3
    write_csv(tmp_path / "rows.csv", {"drink": drinks, "x": x})
    answers = [10 * order.index(drink) + value for drink, value in zip(drinks, x)]
    write_csv(tmp_path / "predictions.csv", {"y": answers})
    pack(tmp_path, "--encode", "drink=ordinal")
    assert contract(tmp_path)["features"][0]["categories"] == order
    folder = tmp_path / "out" / "m" / "1"
    assert run("verify", folder).returncode == 0
    counts = json.loads((folder / "baseline.json").read_text())["features"]["drink"]["counts"]
    assert counts == {drink: 40 for drink in order}
    table = contract(tmp_path)["fallback"][0]
    assert table["kind"] == "table" and set(table["values"]) == set(order)
    with Daemon(tmp_path / "out", tmp_path) as daemon:
        body = {
            "inputs": [
                {"name": "drink", "datatype": "BYTES", "shape": [3], "data": order},
                {"name": "x", "datatype": "FP32", "shape": [3], "data": [1, 1, 1]},
            ]
        }
        answer = daemon.post("/v2/models/m/infer", json=body).json()
        assert answer["outputs"][0]["data"] == [1, 11, 21]
        assert answer["parameters"]["serin-served-by"] == "model"
        body["inputs"][0]["data"] = [composed, "cafe\u0300", "tea"]
        refusal = daemon.post("/v2/models/m/infer", json=body)
    assert refusal.status_code == 400 and refusal.json()["code"] == "unknown_category"


def test_column_names_that_look_alike_are_refused(example):
    table = columns(example)
    write_csv(example / "rows.csv", {"\u00e9": table["a"], "e\u0301": table["b"]})
    assert "line 1: two names that differ in their Unicode form alone" in pack(example, status=1)
    np.savez(example / "rows.npz", **{"\u00e9": np.arange(3.0), "e\u0301": np.arange(3.0)})
    refused = run("pack", "--model", example / "m.onnx", "--data", example / "rows.npz", "--predictions-column", "y")
    assert refused.returncode == 1
    assert "rows.npz: two names that differ in their Unicode form alone" in refused.stderr
    write_csv(example / "rows.csv", {"a": table["a"], "b": table["b"], "a ": table["a"]})
    (example / "rows.csv").write_text((example / "rows.csv").read_text().replace("a,b,a ", "a,b,a"))
    assert "line 1: column 'a' twice; expected each once" in pack(example, status=1)
    rows = [{"\u00e9" if row % 2 else "e\u0301": row, "b": row} for row in range(9)]
    (example / "rows.csv").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "another Unicode form" in pack(example, status=1)


def begin(folder, *extra, **environment):
    """A pack that goes on for a while behind the moment in which its folder is there."""
    if not (folder / "many.csv").exists():
        a, b = RANDOM.uniform(0, 10, (2, 12_000)).astype(np.float32).round(2)
        write_csv(folder / "many.csv", {"a": a, "b": b, "y": 2 * a + 3 * b})
    arguments = ["--model", "m.onnx", "--data", "many.csv", "--predictions-column", "y"]
    arguments += ["--golden", "10000", *extra]
    return hearing([binary(), "pack", *arguments], cwd=folder, env={**surroundings(), **environment})


def hearing(command, **settings):
    """Starts a command that no signal passes by, also where the tests run behind `nohup` or `&`."""

    def hear():
        for number, _ in ENDS.values():
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=hear, **settings)


def waits_for(pattern, folder, process):
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)


ENDS = {"interrupt": (signal.SIGINT, 130), "end": (signal.SIGTERM, 143), "hang-up": (1, 129)}


@pytest.mark.parametrize("form", ["real", "dry"])
@pytest.mark.parametrize("ending", ENDS)
def test_a_signal_leaves_nothing_behind(example, ending, form):
    number, status = ENDS[ending]
    temporary = example / "temporary"
    temporary.mkdir()
    extra, place = (["--dry-run"], "temporary/serin-*") if form == "dry" else ([], "Models/m/.*")
    process = begin(example, *extra, TMPDIR=str(temporary))
    waits_for(place, example, process)
    process.send_signal(number)
    assert process.wait(30) == status
    assert b"broken off, nothing was packed" in process.stderr.read()
    assert not (example / "Models").exists() and not list(temporary.iterdir())


def test_what_a_killed_pack_left_is_cleared_and_what_lives_is_not(example):
    process = begin(example, "--out", "out")
    waits_for("out/m/.packing-*", example, process)
    process.kill()
    process.wait(30)
    (left,) = (example / "out" / "m").iterdir()
    alive = example / "out" / "m" / ".packing-1-2"
    alive.mkdir()
    holder = os.open(alive, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    pack(example, "--target", "true")
    assert sorted(path.name for path in (example / "out" / "m").iterdir()) == [alive.name, "1"]
    os.close(holder)
    pack(example, "--target", "true")
    assert sorted(path.name for path in (example / "out" / "m").iterdir()) == ["1", "2"]


@pytest.mark.parametrize("ending", ENDS)
def test_a_signal_leaves_nothing_of_an_edit(example, ending):
    number, status = ENDS[ending]
    process = begin(example, "--out", "out")
    assert process.wait(100) == 0, process.stderr.read()
    source = example / "out" / "m" / "1"
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    process = hearing([binary(), "pack", "--edit", source], env=surroundings())
    waits_for("out/m/.packing-*", example, process)
    process.send_signal(number)
    assert process.wait(30) == status
    assert b"broken off, nothing was packed" in process.stderr.read()
    assert [path.name for path in source.parent.iterdir()] == ["1"]
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_place_that_cannot_be_written_is_told_before_rows_are_run(example):
    (example / "taken").write_text("a file")
    table = columns(example, "predictions.csv")
    write_csv(example / "predictions.csv", {"y": [float(value) + 1 for value in table["y"]]})
    assert "gives other answers" in pack(example, "--target", "true", status=1)
    said = pack(example, "--target", "true", "--out", example / "taken", status=3)
    assert "cannot be written" in said and "gives other answers" not in said


SEPARATORS = {"semicolons": ";", "tabs": "\t", "bars": "|"}


@pytest.mark.parametrize("word", SEPARATORS)
@pytest.mark.parametrize("point", [".", ","])
@pytest.mark.parametrize("name", ["rows.csv", "predictions.csv"])
def test_another_separator_is_named(example, word, point, name):
    table = columns(example, name)
    table.setdefault("b", list(table.values())[0])
    lines = [SEPARATORS[word].join(table)]
    lines += [SEPARATORS[word].join(row).replace(".", point) for row in zip(*table.values())]
    (example / name).write_text("\n".join(lines) + "\n")
    error = pack(example, "--target", "true", status=1)
    assert f"{name}: line 1: {word} between the columns; expected commas, and points in numbers" in error
    assert "to_csv(file, index=False)" in error


def test_one_column_may_have_a_name_with_a_semicolon(example):
    linear(example / "m.onnx", [2])
    a = RANDOM.uniform(0, 10, ROWS).astype(np.float32).round(2)
    write_csv(example / "rows.csv", {"rate; %": a})
    write_csv(example / "predictions.csv", {"y": 2 * a})
    pack(example)
    assert [feature["name"] for feature in contract(example)["features"]] == ["rate; %"]


# A model whose file knows that training stopped early, rows, and answers that are not its own.
STOPPED = """
import numpy, xgboost
rows = numpy.random.default_rng(5).uniform(0, 10, (120, 2)).astype("float32")
matrix = xgboost.DMatrix(rows, rows[:, 0], feature_names=["a", "b"])
other = xgboost.DMatrix(rows, -rows[:, 0], feature_names=["a", "b"])
model = xgboost.train(
    {"eta": 1.0, "nthread": 1}, matrix, 60, evals=[(other, "other")], early_stopping_rounds=3, verbose_eval=False
)
model.save_model("m.ubj")
numpy.savez("rows.npz", a=rows[:, 0], b=rows[:, 1])
numpy.save("predictions.npy", model.predict(matrix) + 1)
"""


def test_what_a_models_file_tells_is_told_with_what_fails_later(tmp_path):
    subprocess.run([python(), "-c", STOPPED], cwd=tmp_path, check=True, timeout=100)
    arguments = ["--model", tmp_path / "m.ubj", "--data", tmp_path / "rows.npz"]
    arguments += ["--predictions", tmp_path / "predictions.npy", "--out", tmp_path / "out"]
    note = "early stopping found iteration"
    plain = run("pack", *arguments)
    assert plain.returncode == 1
    assert "gives other answers" in plain.stderr and f"note: {note}" in plain.stderr
    told = json.loads(run("pack", *arguments, "--json").stdout)
    assert told["verdict"] == "refused" and "gives other answers" in told["problems"][0]
    assert any(text.startswith(note) for text in told["notes"])
    assert not (tmp_path / "out").exists()


def test_packs_at_once_get_a_version_each(example):
    packs = [begin(example, "--out", "out") for _ in range(3)]
    errors = [process.communicate(timeout=100)[1] for process in packs]
    assert [process.returncode for process in packs] == [0, 0, 0], errors
    versions = sorted(path.name for path in (example / "out" / "m").iterdir())
    assert versions == ["1", "2", "3"]
    for version in versions:
        folder = example / "out" / "m" / version
        assert json.loads((folder / "artifact.json").read_text())["version"] == int(version)
        assert run("verify", folder).returncode == 0


def test_a_model_folder_that_is_a_link_is_refused_and_a_repository_may_be_one(example):
    elsewhere = example / "elsewhere"
    (elsewhere / "m").mkdir(parents=True)
    (example / "out").mkdir()
    (example / "out" / "m").symlink_to(elsewhere / "m")
    assert "out/m: a symbolic link" in pack(example, status=1)
    assert not list((elsewhere / "m").iterdir())
    (example / "out" / "m").unlink()
    (example / "out").rmdir()
    (example / "out").symlink_to(elsewhere)
    pack(example, "--target", "true")
    assert (elsewhere / "m" / "1" / "artifact.json").exists()


def test_exit_statuses_are_those_of_the_table(example):
    pack(example, "--name", "a/b", status=2)
    (example / "file").write_text("")
    for place in (example / "file", "/dev/full/m", "/proc/none"):
        error = pack(example, "--target", "true", "--out", place, status=3)
        assert "cannot be written" in error
    for flag in ("--environment", "--predictions-column"):
        status = 3 if flag == "--environment" else 1
        pack(example, flag, example / "none", status=status)
    (example / "rows.csv").rename(example / "other.csv")
    assert "rows.csv: No such file" in pack(example, status=3)


ESCAPE = "\x1b]0;owned\x07\u202e"


def test_no_text_of_a_file_moves_the_terminal(tmp_path):
    linear(tmp_path / "m.onnx", [1, 1])
    x = RANDOM.uniform(0, 9, ROWS).astype(np.float32).round(2)
    evil, name = f"x{ESCAPE}\nnote: y", f"col{ESCAPE}"
    kinds = [("a", evil)[row % 2] for row in range(ROWS)]
    write_csv(tmp_path / "rows.csv", {"kind": kinds, "x": x, name: x, "same": [1] * ROWS})
    answers = [("a", evil).index(kind) + value for kind, value in zip(kinds, x)]
    write_csv(tmp_path / "predictions.csv", {"y": answers})
    texts = [pack(tmp_path, "--encode", "kind=ordinal", "--features", "kind,x", "--name", "m")]
    texts.append(pack(tmp_path, "--encode", "kind=ordinal", status=1))
    folder = tmp_path / "out" / "m" / "1"
    other = pack(tmp_path, "--features", "kind,x", "--encode", "kind=ordinal", "--seed", "9")
    texts.append(other)
    (folder / f"odd{ESCAPE}").write_text("")
    for command in (["inspect", folder], ["diff", folder, folder.parent / "2"], ["verify", folder]):
        result = run(*command)
        texts += [result.stdout, result.stderr]
        result = run(*command, *(["--json"] if command[0] != "verify" else []))
        texts += [result.stdout]
    for text in texts:
        assert not set(text) & {"\x1b", "\x07", "\u202e"}, text
        assert "\nnote: y" not in text
    assert "\\u{1B}" in texts[0]


def test_names_with_commas_and_equals_signs_stand_in_quotes(example):
    table = columns(example)
    write_csv(example / "rows.csv", {"b=c": table["b"], 'x, "y"': table["a"], "z": table["true"]})
    pack(example, "--features", '"x, ""y""",b=c', "--missing", '"b=c"=reject')
    assert [f["name"] for f in contract(example)["features"]] == ['x, "y"', "b=c"]
    for bad in ('"x', "x,,y", 'x"y', "", ","):
        assert "--features" in pack(example, "--features", bad, status=2)


CONTRADICTIONS = {
    "a passphrase without a key": (["--passphrase-file", "x"], 2, "--key is missing"),
    "nothing to ignore": (["--ignore", "tru"], 1, "no column 'tru' in data or predictions"),
    "an encoding twice": (["--encode", "a=ordinal", "--encode", "a=one_hot"], 2, "twice for 'a'"),
    "a stand-in twice": (["--missing", "a=1", "--missing", "a=2"], 2, "twice for 'a'"),
    "an input twice": (["--input", "X=a,b", "--input", "X=b,a"], 2, "twice for 'X'"),
    "two orders": (["--input", "X=a,b", "--features", "b,a"], 2, "say the same"),
    "single precision of ONNX": (["--float32"], 2, "an ONNX graph computes as it says"),
    "a stand-in for what is no feature": (
        ["--features", "a,b", "--missing", "true=1"], 1, "is no feature of the model"
    ),
    "an ignored target": (["--ignore", "true", "--target", "true"], 1, "no column 'true'"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_flags_that_contradict_are_named(example, case):
    flags, status, sentence = CONTRADICTIONS[case]
    extra = [] if "--target" in flags or "--features" in flags else ["--target", "true"]
    assert sentence in pack(example, *flags, *extra, status=status)
    assert not (example / "out").exists()


def odd_file(folder, kind):
    path = folder / "odd"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(bytes(RANDOM.integers(0, 256, 5000, dtype=np.uint8)))
    return path


@pytest.mark.parametrize("flag", ["--model", "--data", "--predictions", "--environment", "--key"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "empty", "junk"])
def test_what_is_no_such_file_is_told_at_once(example, flag, kind):
    path = odd_file(example, kind)
    given = {"--model": "m.onnx", "--data": "rows.csv", "--predictions": "predictions.csv"}
    given |= {"--target": "true", "--out": "out", flag: path}
    words = [str(word) for pair in given.items() for word in pair]
    result = run("pack", *words, cwd=example, timeout=20)
    assert result.returncode in (1, 2, 3) and str(path) in result.stderr, result.stderr
    assert "mmap" not in result.stderr and "Invalid argument" not in result.stderr
    assert not (example / "out").exists()


@pytest.mark.parametrize("order", ["le", "be"])
def test_text_in_utf_16_is_called_so(example, order):
    text = "\ufeff" + (example / "rows.csv").read_text()
    (example / "rows.csv").write_bytes(text.encode(f"utf-16-{order}"))
    assert "rows.csv: text in UTF-16" in pack(example, status=1)
