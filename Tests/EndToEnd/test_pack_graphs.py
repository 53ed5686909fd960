# SPDX-License-Identifier: Apache-2.0
"""`serin pack` for graphs of other forms; what they answer is worked out here with NumPy."""

import csv
import json
import resource
import subprocess

import numpy as np
import onnx
import pytest
from daemon import binary, run, surroundings
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
RANDOM = np.random.default_rng(3)
ROWS = 80


def save(path, nodes, inputs, outputs, constants=()):
    """A model; inputs and outputs are (name, type, dimensions behind the row)."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, ["N", *d]) for n, t, d in inputs],
        [helper.make_tensor_value_info(n, t, ["N", *d]) for n, t, d in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_csv(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def pack(folder, *extra, status=0):
    data = next(folder.glob("rows.*"))
    arguments = ["pack", "--model", folder / "m.onnx", "--data", data, "--out", folder / "out"]
    predictions = list(folder.glob("predictions.*"))
    if predictions:
        arguments += ["--predictions", predictions[0]]
    result = run(*arguments, *extra)
    assert result.returncode == status, result.stdout + result.stderr
    if status:
        assert not (folder / "out").exists()
        return result.stderr
    artifact = folder / "out" / "m" / "1"
    assert run("verify", artifact).returncode == 0
    return json.loads((artifact / "contract.json").read_text()), result.stdout


def linear(folder, weights, extra_columns=()):
    """X times weights; rows of floats a, b, c…"""
    weights = np.array(weights, np.float32)
    save(
        folder / "m.onnx",
        [helper.make_node("MatMul", ["X", "W"], ["Y"])],
        [("X", FLOAT, [len(weights)])],
        [("Y", FLOAT, [1])],
        [("W", weights[:, None])],
    )
    return weights


def numbers(count, low=0, high=10):
    return RANDOM.uniform(low, high, (ROWS, count)).astype(np.float32).round(2)


def test_images_become_features_with_a_shape(tmp_path):
    weights = RANDOM.normal(size=(24, 2)).astype(np.float32)
    save(
        tmp_path / "m.onnx",
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "W"], ["score"]),
        ],
        [("image", FLOAT, [2, 3, 4])],
        [("score", FLOAT, [2])],
        [("W", weights)],
    )
    images = RANDOM.normal(size=(ROWS, 2, 3, 4)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", image=images)
    np.save(tmp_path / "predictions.npy", images.reshape(ROWS, -1) @ weights)
    contract, _ = pack(tmp_path, "--tolerance", "1e-4", "--absolute-tolerance", "1e-5")
    (feature,) = contract["features"]
    assert feature["shape"] == [2, 3, 4] and feature["encode"] == {"to": "image"}
    (output,) = contract["outputs"]
    assert output["name"] == "score" and "column" not in output
    assert len(contract["fallback"][0]["values"]["score"]) == 2


def test_an_array_is_a_matrix_of_columns(tmp_path):
    weights = linear(tmp_path, [1, 2, 3])
    X = numbers(3)
    np.savez(tmp_path / "rows.npz", X=X, feature_names=np.array(["a", "b", "c"]))
    np.savetxt(tmp_path / "predictions.txt", X @ weights)
    contract, _ = pack(tmp_path)
    assert [feature["name"] for feature in contract["features"]] == ["a", "b", "c"]
    assert contract["outputs"][0]["name"] == "Y"


def test_an_input_a_column_goes_by_names_and_texts_stay_texts(tmp_path):
    save(
        tmp_path / "m.onnx",
        [
            helper.make_node(
                "LabelEncoder",
                ["zip"],
                ["code"],
                domain="ai.onnx.ml",
                keys_strings=["01", "02", "99"],
                values_floats=[10.0, 20.0, 30.0],
            ),
            helper.make_node("Cast", ["rooms"], ["real"], to=FLOAT),
            helper.make_node("Add", ["code", "real"], ["half"]),
            helper.make_node("Add", ["half", "area"], ["rent"]),
        ],
        [("zip", STRING, [1]), ("rooms", INT64, [1]), ("area", FLOAT, [1])],
        [("rent", FLOAT, [1])],
    )
    codes = RANDOM.integers(0, 3, ROWS)
    area, rooms = numbers(1)[:, 0], RANDOM.integers(1, 6, ROWS)
    zips = np.array(["01", "02", "99"])[codes]
    # The order of the columns does not matter, and one is nobody's.
    write_csv(tmp_path / "rows.csv", {"area": area, "note": zips, "rooms": rooms, "zip": zips})
    write_csv(tmp_path / "predictions.csv", {"rent": (codes + 1) * 10 + rooms + area})
    contract, text = pack(tmp_path)
    assert "not used by the model, and left out: 'note'" in text
    by_name = {feature["name"]: feature for feature in contract["features"]}
    assert sorted(by_name["zip"]["categories"]) == ["01", "02", "99"]
    assert by_name["zip"]["encode"] == {"to": "zip", "column": 0}
    assert by_name["rooms"]["datatype"] == "INT64" and by_name["rooms"]["range"] == [1, 5]

    write_csv(tmp_path / "rows.csv", {"area": area, "room": rooms, "zip": zips})
    result = run(
        *("pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
        *("--predictions", tmp_path / "predictions.csv", "--dry-run"),
    )
    assert result.returncode == 1
    assert "no column 'rooms', which the graph has an input for" in result.stderr
    assert "did you mean 'room'?" in result.stderr
    write_csv(tmp_path / "rows.csv", {"area": area, "rooms": rooms + 0.5, "zip": zips})
    result = run(
        *("pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
        *("--predictions", tmp_path / "predictions.csv", "--dry-run"),
    )
    assert result.returncode == 1
    assert "expected a whole number, because graph input 'rooms' is int64" in result.stderr


@pytest.mark.parametrize("order", ["alphabet", "first"])
def test_the_order_of_categories_is_the_one_that_gives_the_predictions(tmp_path, order):
    weights = linear(tmp_path, [1, 100])
    values = numbers(1)[:, 0]
    texts = np.array(["pear", "apple", "fig"])[np.arange(ROWS) % 3]
    names = ["apple", "fig", "pear"] if order == "alphabet" else ["pear", "apple", "fig"]
    codes = np.array([names.index(text) for text in texts])
    write_csv(tmp_path / "rows.csv", {"v": values, "fruit": texts})
    write_csv(tmp_path / "predictions.csv", {"y": np.float32(values + 100 * codes)})
    contract, text = pack(tmp_path, "--encode", "fruit=ordinal")
    assert contract["features"][1]["categories"] == names
    assert ("as in the alphabet" in text) == (order == "alphabet")


def test_one_hot_columns_are_counted(tmp_path):
    linear(tmp_path, [1, 10, 20, 30])
    values = numbers(1)[:, 0]
    texts = np.array(["a", "b", "c"])[np.arange(ROWS) % 3]
    write_csv(tmp_path / "rows.csv", {"v": values, "t": texts})
    write_csv(tmp_path / "predictions.csv", {"y": values + 10 * (np.arange(ROWS) % 3 + 1)})
    contract, _ = pack(tmp_path, "--encode", "t=one_hot")
    assert contract["features"][1]["encode"] == {"to": "X", "column": 1, "as": "one_hot"}
    assert contract["fallback"][0]["kind"] in ("table", "linear")


def test_a_column_too_many_names_the_flags(tmp_path):
    linear(tmp_path, [1, 2])
    X = numbers(3)
    write_csv(tmp_path / "rows.csv", dict(zip("abc", X.T)))
    write_csv(tmp_path / "predictions.csv", {"y": X[:, 0] + 2 * X[:, 1]})
    error = pack(tmp_path, status=1)
    assert "3 columns for graph input 'X': a, b, c; expected 2" in error
    assert "--target c" in error and "--ignore" in error
    pack(tmp_path, "--target", "c")


def test_features_can_be_named_in_the_models_order(tmp_path):
    linear(tmp_path, [1, 2])
    X = numbers(3)
    write_csv(tmp_path / "rows.csv", dict(zip("abc", X.T)))
    write_csv(tmp_path / "predictions.csv", {"y": X[:, 2] + 2 * X[:, 0]})
    contract, _ = pack(tmp_path, "--features", "c,a")
    assert [feature["name"] for feature in contract["features"]] == ["c", "a"]
    error = run(
        *("pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
        *("--predictions", tmp_path / "predictions.csv", "--features", "c,aa"),
    ).stderr
    assert "no column 'aa', which the model takes" in error


def missing_model(folder):
    """a + b, where a missing b counts 7."""
    save(
        folder / "m.onnx",
        [
            helper.make_node("IsNaN", ["X"], ["gap"]),
            helper.make_node("Where", ["gap", "seven", "X"], ["full"]),
            helper.make_node("ReduceSum", ["full", "axis"], ["Y"]),
        ],
        [("X", FLOAT, [2])],
        [("Y", FLOAT, [1])],
        [("seven", np.float32(7)), ("axis", np.array([1]))],
    )


@pytest.mark.parametrize("way", ["nan", "median", "other"])
def test_what_stands_in_for_a_missing_value_is_what_gives_the_predictions(tmp_path, way):
    missing_model(tmp_path)
    X = numbers(2)
    lacking = np.arange(ROWS) % 9 == 0
    present = np.sort(X[~lacking, 1])
    stand_in = {"nan": 7, "median": present[(len(present) - 1) // 2], "other": 3.21}[way]
    texts = ["" if gap else value for value, gap in zip(X[:, 1], lacking)]
    write_csv(tmp_path / "rows.csv", {"a": X[:, 0], "b": texts})
    answers = X[:, 0] + np.where(lacking, np.float32(stand_in), X[:, 1])
    write_csv(tmp_path / "predictions.csv", {"y": answers})
    if way == "other":
        error = pack(tmp_path, status=1)
        assert f"{ROWS - lacking.sum()} of {ROWS} rows" in error
        contract, _ = pack(tmp_path, "--missing", "b=3.21")
        assert contract["features"][1]["missing"] == {"default": 3.21}
        return
    contract, _ = pack(tmp_path)
    expected = None if way == "nan" else pytest.approx(float(stand_in))
    assert contract["features"][1]["missing"] == {"default": expected}
    assert contract["features"][0]["missing"] == "reject"
    with open(tmp_path / "out" / "m" / "1" / "golden.jsonl", encoding="utf-8") as file:
        assert sum(json.loads(line)["inputs"]["b"] is None for line in file) >= 2


def test_rows_given_to_the_fallback_are_not_compared(tmp_path):
    linear(tmp_path, [1, 2])
    X = numbers(2)
    lacking = np.arange(ROWS) % 8 == 0
    write_csv(tmp_path / "rows.csv", {"a": X[:, 0], "b": np.where(lacking, "", X[:, 1].astype(str))})
    write_csv(tmp_path / "predictions.csv", {"y": np.where(lacking, 1.0, X @ [1, 2])})
    contract, text = pack(tmp_path, "--missing", "b=fallback")
    assert contract["features"][1]["missing"] == "fallback"
    assert f"{ROWS - lacking.sum()} of {ROWS - lacking.sum()} rows within" in text
    assert f"{lacking.sum()} rows never reach the model" in text
    lines = (tmp_path / "out" / "m" / "1" / "fallback.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert any(record["inputs"]["b"] is None for record in records)


def classifier(folder):
    save(
        folder / "m.onnx",
        [
            helper.make_node("Softmax", ["X"], ["probabilities"]),
            helper.make_node("ArgMax", ["X"], ["label"], axis=1, keepdims=0),
        ],
        [("X", FLOAT, [3])],
        [("label", INT64, []), ("probabilities", FLOAT, [3])],
    )
    X = numbers(3, -2, 2)
    e = np.exp(X.astype(np.float64))
    write_csv(folder / "rows.csv", dict(zip("abc", X.T)))
    return e / e.sum(axis=1, keepdims=True), X.argmax(axis=1)


def test_classes_are_columns_found_by_their_values(tmp_path):
    probabilities, label = classifier(tmp_path)
    columns = {"no": probabilities[:, 2], "yes": probabilities[:, 0], "label": label}
    write_csv(tmp_path / "predictions.csv", columns)
    contract, _ = pack(tmp_path)
    places = {output["name"]: (output["from"], output.get("column")) for output in contract["outputs"]}
    assert places == {
        "no": ("probabilities", 2),
        "yes": ("probabilities", 0),
        "label": ("label", None),
    }
    ranges = {output["name"]: output["range"] for output in contract["outputs"]}
    assert ranges["no"] in ([0, 1], [0, 1.00001]) and ranges["label"] == [0, 2]
    constants = contract["fallback"][-1]["values"]
    assert constants["label"] == np.bincount(label).argmax()
    assert constants["no"] == pytest.approx(probabilities[:, 2].mean(), rel=1e-2)


def test_an_output_that_the_graph_does_not_have_is_named(tmp_path):
    _, label = classifier(tmp_path)
    write_csv(tmp_path / "predictions.csv", {"label": np.array(["x", "y", "z"])[label]})
    error = pack(tmp_path, status=1)
    assert "column 'label' holds texts, and the graph gives no such output" in error
    assert "'probabilities' (FP32, 3 a row)" in error


def test_predictions_may_be_columns_of_the_data(tmp_path):
    weights = linear(tmp_path, [1, 2])
    X = numbers(2)
    truth = X @ weights + RANDOM.normal(0, 0.1, ROWS)
    columns = {"id": np.arange(ROWS), "a": X[:, 0], "b": X[:, 1], "t": truth, "y": X @ weights}
    write_csv(tmp_path / "rows.csv", columns)
    contract, text = pack(
        tmp_path, "--predictions-column", "y", "--target", "t", "--ignore", "id"
    )
    assert contract["outputs"][0]["name"] == "y"
    assert "from the truth in the middle, the model by" in text


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    weights = linear(tmp_path, [1, 2])
    X = numbers(2)
    write_csv(tmp_path / "rows.csv", dict(zip("ab", X.T)))
    write_csv(tmp_path / "predictions.csv", {"y": X @ weights})

    # The nearest to a full disk: no file may grow beyond a kilobyte.
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    result = subprocess.run(
        [
            *(binary(), "pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
            *("--predictions", tmp_path / "predictions.csv", "--out", tmp_path / "out"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env=surroundings(),
        preexec_fn=limit,
        restore_signals=False,
    )
    assert result.returncode == 3, result
    assert "cannot be written: File too large" in result.stderr and "nothing was kept" in result.stderr
    assert not (tmp_path / "out").exists()


def test_weights_beside_the_model_are_packed_with_it(tmp_path):
    weights = linear(tmp_path, [1, 2])
    model = onnx.load(tmp_path / "m.onnx")
    onnx.save(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    X = numbers(2)
    write_csv(tmp_path / "rows.csv", dict(zip("ab", X.T)))
    write_csv(tmp_path / "predictions.csv", {"y": X @ weights})
    pack(tmp_path)
    assert (tmp_path / "out" / "m" / "1" / "w.bin").exists()
    (tmp_path / "w.bin").unlink()
    result = run(
        *("pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
        *("--predictions", tmp_path / "predictions.csv", "--out", tmp_path / "out"),
    )
    assert result.returncode == 1 and "lies in 'w.bin'" in result.stderr


def test_a_text_that_stands_in_is_a_text(tmp_path):
    keys = ["01", "02"]
    save(
        tmp_path / "m.onnx",
        [
            helper.make_node(
                "LabelEncoder",
                ["zip"],
                ["y"],
                domain="ai.onnx.ml",
                keys_strings=keys,
                values_floats=[10.0, 20.0],
            )
        ],
        [("zip", STRING, [1])],
        [("y", FLOAT, [1])],
    )
    codes = np.arange(ROWS) % 2
    texts = np.where(np.arange(ROWS) % 10 == 0, "", np.array(keys)[codes])
    write_csv(tmp_path / "rows.csv", {"zip": texts})
    answers = np.where(texts == "", 10.0, np.array([10.0, 20.0])[codes])
    write_csv(tmp_path / "predictions.csv", {"y": answers})
    contract, _ = pack(tmp_path, "--missing", "zip=01")
    assert contract["features"][0]["missing"] == {"default": "01"}
    linear(tmp_path, [1])
    write_csv(tmp_path / "rows.csv", {"a": numbers(1)[:, 0]})
    result = run(
        *("pack", "--model", tmp_path / "m.onnx", "--data", tmp_path / "rows.csv"),
        *("--predictions", tmp_path / "predictions.csv", "--missing", "a=x"),
    )
    assert result.returncode == 1 and "a value that 'a' cannot have" in result.stderr


def test_free_texts_are_no_categories(tmp_path):
    save(
        tmp_path / "m.onnx",
        [
            helper.make_node(
                "LabelEncoder",
                ["note"],
                ["y"],
                domain="ai.onnx.ml",
                keys_strings=["good"],
                values_floats=[1.0],
                default_float=0.5,
            )
        ],
        [("note", STRING, [1])],
        [("y", FLOAT, [1])],
    )
    texts = [f"note {row}" for row in range(ROWS)]
    write_csv(tmp_path / "rows.csv", {"note": texts})
    write_csv(tmp_path / "predictions.csv", {"y": np.full(ROWS, 0.5)})
    contract, _ = pack(tmp_path)
    assert "categories" not in contract["features"][0]
    golden = (tmp_path / "out" / "m" / "1" / "golden.jsonl").read_text().splitlines()
    assert len(golden) == 32


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_or_two_are_enough_to_try(tmp_path, count):
    weights = linear(tmp_path, [1, 2])
    X = numbers(2)[:count]
    write_csv(tmp_path / "rows.csv", dict(zip("ab", X.T)))
    write_csv(tmp_path / "predictions.csv", {"y": X @ weights})
    pack(tmp_path)


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT16, TensorProto.FLOAT16])
def test_an_input_that_no_feature_can_fill_is_refused(tmp_path, kind):
    cast = helper.make_node("Cast", ["k"], ["y"], to=FLOAT)
    save(tmp_path / "m.onnx", [cast], [("k", kind, [1])], [("y", FLOAT, [1])])
    numbers = [index % 7 for index in range(ROWS)]
    write_csv(tmp_path / "rows.csv", {"k": numbers})
    write_csv(tmp_path / "predictions.csv", {"y": numbers})
    assert "graph input 'k' of " in pack(tmp_path, status=1)


def test_an_output_has_the_precision_that_the_graph_computes(tmp_path):
    """Exporters declare one and compute the other: skl2onnx does for probabilities."""
    x = RANDOM.uniform(0, 10, (ROWS, 2)).round(2)
    weights = np.array([[0.1], [0.7]])
    save(
        tmp_path / "m.onnx",
        [helper.make_node("MatMul", ["X", "W"], ["Y"])],
        [("X", TensorProto.DOUBLE, [2])],
        [("Y", TensorProto.DOUBLE, [1])],
        [("W", weights)],
    )
    model = onnx.load(tmp_path / "m.onnx")
    model.graph.output[0].type.tensor_type.elem_type = FLOAT
    onnx.save(model, tmp_path / "m.onnx")
    write_csv(tmp_path / "rows.csv", {"a": x[:, 0], "b": x[:, 1]})
    write_csv(tmp_path / "predictions.csv", {"Y": (x @ weights)[:, 0]})
    contract, _ = pack(tmp_path, "--tolerance", "1e-12")
    assert contract["outputs"][0]["datatype"] == "FP64"


def test_an_input_of_one_value_may_be_another_column(tmp_path):
    save(
        tmp_path / "m.onnx",
        [helper.make_node("Sub", ["a_b", "c"], ["Y"])],
        [("a_b", FLOAT, [1]), ("c", FLOAT, [1])],
        [("Y", FLOAT, [1])],
    )
    x = RANDOM.uniform(0, 10, (ROWS, 2)).astype(np.float32)
    write_csv(tmp_path / "rows.csv", {"c": x[:, 1], "a,b": x[:, 0]})
    write_csv(tmp_path / "predictions.csv", {"Y": x[:, 0] - x[:, 1]})
    error = pack(tmp_path, status=1)
    assert "no column 'a_b', which the graph has an input for" in error and "did you mean 'a,b'?" in error
    assert "no column 'far', which --input a_b names" in pack(tmp_path, "--input", "a_b=far", status=1)
    assert "2 columns for a graph input of one value" in pack(tmp_path, "--input", "a_b=c,d", status=1)
    contract, _ = pack(tmp_path, "--input", 'a_b="a,b"')
    assert [(feature["name"], feature["encode"]["to"]) for feature in contract["features"]] == [("a,b", "a_b"), ("c", "c")]


def test_arrays_go_to_the_matrices_of_their_names(tmp_path):
    save(
        tmp_path / "m.onnx",
        [
            helper.make_node("ReduceSum", ["ids", "axis"], ["one"]),
            helper.make_node("ReduceSum", ["x", "axis"], ["two"]),
            helper.make_node("Cast", ["one"], ["as_float"], to=FLOAT),
            helper.make_node("Sub", ["as_float", "two"], ["Y"]),
        ],
        [("ids", INT64, [3]), ("x", FLOAT, [2])],
        [("Y", FLOAT, [1])],
        [("axis", np.array([1]))],
    )
    ids, x = RANDOM.integers(0, 9, (ROWS, 3)), RANDOM.uniform(0, 10, (ROWS, 2)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x=x, ids=ids)
    np.save(tmp_path / "predictions.npy", (ids.sum(1) - x.sum(1)).astype(np.float32))
    contract, _ = pack(tmp_path)
    assert [feature["name"] for feature in contract["features"]] == ["ids_0", "ids_1", "ids_2", "x_0", "x_1"]
