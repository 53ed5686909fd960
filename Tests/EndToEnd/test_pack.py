# SPDX-License-Identifier: Apache-2.0
"""`serin pack`: from a model, rows and predictions to an artifact that serves."""

import csv
import json
import shutil

import numpy as np
import pytest
from daemon import MODELS, Daemon, run

DIAMONDS = MODELS / "diamonds-price" / "1"
CUTS = "Fair,Good,Very Good,Premium,Ideal"
CLARITIES = "I1,SI2,SI1,VS2,VS1,VVS2,VVS1,IF"
ENCODE = (
    *("--encode", f"cut=ordinal:{CUTS}"),
    *("--encode", "color=ordinal"),
    *("--encode", f"clarity=ordinal:{CLARITIES}"),
)


def golden(folder):
    with open(folder / "golden.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Rows as CSV, and the model's answers from the training library's own golden records."""
    folder = tmp_path_factory.mktemp("pack")
    records = [record for record in golden(DIAMONDS) if None not in record["inputs"].values()]
    write_csv(folder / "rows.csv", [record["inputs"] for record in records])
    write_csv(folder / "predictions.csv", [record["outputs"] for record in records])
    shutil.copyfile(DIAMONDS / "model.onnx", folder / "model.onnx")
    shutil.copyfile(DIAMONDS / "environment.lock", folder / "requirements.lock")
    return folder


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pack(folder, *extra, model="model.onnx", data="rows.csv", predictions="predictions.csv"):
    arguments = ["pack", "--model", folder / model, "--data", folder / data]
    if predictions:
        arguments += ["--predictions", folder / predictions]
    return run(*arguments, *extra)


def own(example, tmp_path):
    """The example's files in a folder that a test may change."""
    for file in example.iterdir():
        if file.is_file():
            shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


@pytest.fixture(scope="module")
def packed(example):
    out = example / "out"
    result = pack(
        example,
        *ENCODE,
        *("--name", "diamonds", "--out", out, "--environment", example / "requirements.lock"),
        *("--framework", "xgboost 3.2.0"),
    )
    assert result.returncode == 0, result.stderr
    return out, result.stdout


def test_an_artifact_is_whole_and_verifies(packed):
    out, text = packed
    folder = out / "diamonds" / "1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "artifact.json",
        "baseline.json",
        "contract.json",
        "environment.lock",
        "fallback.jsonl",
        "golden.jsonl",
        "model.onnx",
    ]
    assert (folder / "model.onnx").read_bytes() == (DIAMONDS / "model.onnx").read_bytes()
    assert [path.name for path in (out / "diamonds").iterdir()] == ["1"]
    verified = run("verify", folder)
    assert verified.returncode == 0, verified.stderr
    assert "cut      BYTES  X[1] ordinal  Fair, Good, Very Good, Premium, Ideal" in text
    assert "serin pack --edit" in text and "packed, staging" in text


def test_the_contract_is_what_the_data_say(packed, example):
    out, _ = packed
    contract = json.loads((out / "diamonds" / "1" / "contract.json").read_text())
    rows = read_csv(example / "rows.csv")
    for column, feature in enumerate(contract["features"]):
        assert feature["encode"]["column"] == column
        assert feature["missing"] == "reject"
        if "categories" in feature:
            assert {row[feature["name"]] for row in rows} <= set(feature["categories"])
            continue
        values = [float(row[feature["name"]]) for row in rows]
        low, high = feature["range"]
        assert 0 <= low <= min(values) and max(values) <= high <= 2 * max(values)
    (price,) = contract["outputs"]
    answers = [float(row["price"]) for row in read_csv(example / "predictions.csv")]
    assert price["name"] == "price" and price["from"] == "variable"
    assert price["range"][0] >= 0 and price["range"][1] >= max(answers)
    assert price["max_ratio_to_mean"] > max(answers) / np.mean(answers)
    provenance = json.loads((out / "diamonds" / "1" / "artifact.json").read_text())["provenance"]
    assert provenance["parity"]["share"] == 1 and provenance["parity"]["rows"] == len(rows)


def test_it_serves_the_predictions_it_was_packed_with(packed, example, tmp_path):
    out, _ = packed
    models = shutil.copytree(out, tmp_path / "models")
    rows = [
        record["inputs"] for record in golden(DIAMONDS) if None not in record["inputs"].values()
    ]
    with Daemon(models, tmp_path) as daemon:
        answer = daemon.post("/v1/models/diamonds:predict", json={"instances": rows}).json()
    wanted = [float(row["price"]) for row in read_csv(example / "predictions.csv")]
    np.testing.assert_allclose(answer["predictions"], wanted, rtol=1e-5)
    assert answer["parameters"]["serin-served-by"] == "model"


def test_a_second_one_gets_the_next_version_and_no_version_is_overwritten(example, tmp_path):
    folder = own(example, tmp_path)
    for version in (1, 2):
        result = pack(folder, *ENCODE, "--out", folder / "m", "--name", "d")
        assert result.returncode == 0, result.stderr
        assert (folder / "m" / "d" / str(version) / "artifact.json").exists()
    before = (folder / "m" / "d" / "1" / "artifact.json").read_bytes()
    again = pack(folder, *ENCODE, "--out", folder / "m", "--name", "d", "--version", "1")
    assert again.returncode == 1 and "is there already" in again.stderr
    assert (folder / "m" / "d" / "1" / "artifact.json").read_bytes() == before


def test_the_same_again_is_the_same_bytes(example, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    folder = own(example, tmp_path)
    for out in ("one", "two"):
        assert pack(folder, *ENCODE, "--out", folder / out, "--name", "d").returncode == 0
    for file in (folder / "one" / "d" / "1").iterdir():
        assert file.read_bytes() == (folder / "two" / "d" / "1" / file.name).read_bytes()


def test_a_dry_run_writes_nothing_and_says_the_same_for_machines(example, tmp_path):
    folder = own(example, tmp_path)
    before = sorted(path.name for path in folder.iterdir())
    result = pack(folder, *ENCODE, "--out", folder / "m", "--dry-run", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["dry_run"] and report["parity"]["share"] == 1
    assert [feature["name"] for feature in report["features"]][:2] == ["carat", "cut"]
    assert report["contract"]["outputs"][0]["name"] == "price"
    assert "artifact.sig is missing: nobody signed it" in report["missing_for_production"]
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_key_signs_and_all_of_it_makes_production(example, tmp_path):
    folder = own(example, tmp_path)
    assert run("sign", "--new-key", folder / "release.pem").returncode == 0
    result = pack(
        folder,
        *ENCODE,
        *("--out", folder / "m", "--name", "d", "--key", folder / "release.pem"),
        *("--stage", "production", "--environment", folder / "requirements.lock"),
    )
    assert result.returncode == 0, result.stderr
    assert "packed, production" in result.stdout
    keys = folder / "keys"
    keys.mkdir()
    shutil.copyfile(folder / "release.pub.pem", keys / "release.pem")
    verified = run("verify", folder / "m" / "d" / "1", "--trusted-keys", keys)
    assert verified.returncode == 0 and "verified, production" in verified.stdout


@pytest.mark.parametrize("form", ["json", "jsonl", "npz"])
def test_other_forms_of_rows_make_the_same_artifact(example, tmp_path, form):
    folder = own(example, tmp_path)
    rows = [
        record["inputs"] for record in golden(DIAMONDS) if None not in record["inputs"].values()
    ]
    answers = [float(row["price"]) for row in read_csv(folder / "predictions.csv")]
    if form == "json":
        (folder / "rows.json").write_text(json.dumps(rows))
        (folder / "p.json").write_text(json.dumps([{"price": answer} for answer in answers]))
    elif form == "jsonl":
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "p.jsonl").write_text(
            "".join(json.dumps({"price": answer}) + "\n" for answer in answers)
        )
    else:
        np.savez_compressed(
            folder / "rows.npz", **{name: np.array([row[name] for row in rows]) for name in rows[0]}
        )
        np.savez(folder / "p.npz", price=np.array(answers))
    for data, predictions, out in (
        ("rows.csv", "predictions.csv", "a"),
        (f"rows.{form}", f"p.{form}", "b"),
    ):
        result = pack(
            folder, *ENCODE, "--out", folder / out, "--name", "d", data=data, predictions=predictions
        )
        assert result.returncode == 0, result.stderr
    for name in ("contract.json", "golden.jsonl", "fallback.jsonl", "baseline.json"):
        one, two = (folder / out / "d" / "1" / name for out in "ab")
        assert one.read_text() == two.read_text(), name


def refused(result, status=1):
    assert result.returncode == status, result.stdout + result.stderr
    assert "nothing was packed" in result.stderr
    return result.stderr


def test_a_graph_that_answers_otherwise_is_refused(example, tmp_path):
    folder = own(example, tmp_path)
    rows = read_csv(folder / "predictions.csv")
    rows[3]["price"] = str(float(rows[3]["price"]) * 1.001)
    write_csv(folder / "predictions.csv", rows)
    error = refused(pack(folder, *ENCODE, "--out", folder / "m"))
    assert f"{len(rows) - 1} of {len(rows)} rows" in error
    assert f"row 3 (line 5): price" in error and f"expected {rows[3]['price'][:6]}" in error
    assert '"carat":' in error
    assert not (folder / "m").exists()
    allowed = pack(folder, *ENCODE, "--out", folder / "m", "--least-share", "0.9")
    assert allowed.returncode == 0, allowed.stderr
    # The row that is off is no golden record.
    wanted = [record["outputs"]["price"] for record in golden(folder / "m" / "model" / "1")]
    assert float(rows[3]["price"]) not in wanted


def test_another_order_of_categories_is_refused(example, tmp_path):
    folder = own(example, tmp_path)
    error = refused(
        pack(folder, *ENCODE[2:], "--encode", "cut=ordinal:Ideal,Premium,Very Good,Good,Fair")
    )
    assert "gives other answers than the training side" in error
    assert "look at the order of the columns" in error or "threshold" in error


def change(folder, row, column, value):
    rows = read_csv(folder / "rows.csv")
    rows[row][column] = value
    write_csv(folder / "rows.csv", rows)


def drop_column(folder):
    rows = read_csv(folder / "rows.csv")
    for row in rows:
        del row["table"]
    write_csv(folder / "rows.csv", rows)


def drop_row(folder):
    write_csv(folder / "predictions.csv", read_csv(folder / "predictions.csv")[:-1])


def spoil_prediction(folder):
    rows = read_csv(folder / "predictions.csv")
    rows[2]["price"] = "NaN"
    write_csv(folder / "predictions.csv", rows)


def double_column(folder):
    lines = (folder / "rows.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(line + "," + line.split(",")[0] for line in lines))


def empty(folder):
    (folder / "rows.csv").write_bytes(b"")


def no_rows(folder):
    (folder / "rows.csv").write_text((folder / "rows.csv").read_text().splitlines()[0] + "\n")


def objects(folder):
    np.savez(folder / "o.npz", a=np.array(["x", None], object))
    shutil.move(folder / "o.npz", folder / "rows.csv")


def break_model(folder):
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:1000])


def no_model(folder):
    (folder / "model.onnx").write_text("hello")


MISTAKES = {
    "a missing column": (drop_column, "8 columns for graph input 'X'"),
    "fewer predictions than rows": (drop_row, "expected 2"),
    "a NaN prediction": (spoil_prediction, "row 2, column 'price': no value, or NaN"),
    "text among numbers": (
        lambda folder: change(folder, 4, "depth", "n/a?"),
        "row 4 (line 6), column 'depth': 'n/a?' is no number",
    ),
    "an infinite value": (
        lambda folder: change(folder, 1, "x", "inf"),
        "row 1 (line 3), column 'x': inf",
    ),
    "an unknown category": (
        lambda folder: change(folder, 0, "cut", "Idael"),
        "column 'cut' has 'Idael'; expected one of the model's categories",
    ),
    "a column twice": (double_column, "column 'carat' twice"),
    "an empty file": (empty, "rows.csv: an empty file"),
    "no rows": (no_rows, "rows.csv: no rows"),
    "Python objects": (objects, "Python objects, which only Python can read"),
    "a broken model": (break_model, "model.onnx"),
    "no model": (no_model, "no field of a protocol buffer"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_and_leaves_nothing_behind(example, tmp_path, mistake):
    folder = own(example, tmp_path)
    spoil, sentence = MISTAKES[mistake]
    spoil(folder)
    error = refused(pack(folder, *ENCODE, "--out", folder / "m"))
    assert sentence in error, error
    assert not (folder / "m").exists()


def test_what_is_ambiguous_names_the_flag(example, tmp_path):
    folder = own(example, tmp_path)
    error = refused(pack(folder, "--out", folder / "m"))
    for name in ("cut", "color", "clarity"):
        assert f"--encode {name}=ordinal" in error
    assert "3 problems" in error
    error = refused(pack(folder, *ENCODE, predictions=None))
    assert "--predictions" in error
    error = refused(pack(folder, *ENCODE, "--target", "prise"))
    assert "no column 'prise', which --target names" in error
    assert run("pack", "--data", "x.csv").returncode == 2
    assert run("pack", "--model", "x.onnx", "--data", "y", "--stage", "pro").returncode == 2


def test_a_folder_that_cannot_be_written_is_told(example, tmp_path):
    folder = own(example, tmp_path)
    (folder / "m").write_text("a file")
    error = refused(pack(folder, *ENCODE, "--out", folder / "m"), 3)
    assert "cannot be written" in error
    full = refused(pack(folder, *ENCODE, "--out", "/dev/full/m"), 3)
    assert "cannot be written" in full


def edit(folder, *extra):
    return run("pack", "--edit", folder, *extra)


def edit_contract(folder, change):
    path = folder / "contract.json"
    contract = json.loads(path.read_text())
    change(contract)
    path.write_text(json.dumps(contract, indent=1))


@pytest.fixture
def version(packed, tmp_path):
    """An artifact that a test may edit."""
    return shutil.copytree(packed[0], tmp_path / "models") / "diamonds" / "1"


def test_an_edit_makes_a_new_version_and_leaves_the_old_one(version):
    edit_contract(version, lambda contract: contract["features"][0].update(unit="ct"))
    before = {path.name: path.read_bytes() for path in version.iterdir()}
    result = edit(version)
    assert result.returncode == 0, result.stderr
    assert "diamonds/1 → diamonds/2" in result.stdout
    assert "changed: contract.json" in result.stdout
    assert {path.name: path.read_bytes() for path in version.iterdir()} == before
    new = version.parent / "2"
    assert run("verify", new).returncode == 0
    assert json.loads((new / "contract.json").read_text())["features"][0]["unit"] == "ct"
    provenance = json.loads((new / "artifact.json").read_text())["provenance"]
    assert provenance["edited"]["from"] == "diamonds/1"
    assert provenance["edited"]["changed"] == ["contract.json"]
    assert provenance["parity"]["share"] == 1


def test_an_edited_fallback_gets_its_answers_again(version):
    def change(contract):
        contract["fallback"][-1]["values"]["price"] = 1234.0
        contract["fallback"] = contract["fallback"][-1:]

    edit_contract(version, change)
    result = edit(version)
    assert result.returncode == 0, result.stderr
    assert "records of the fallback got the answers of the chain as it is now" in result.stdout
    lines = (version.parent / "2" / "fallback.jsonl").read_text().splitlines()
    assert {json.loads(line)["outputs"]["price"] for line in lines} == {1234.0}


def test_an_edit_that_is_wrong_is_refused_in_the_daemons_words(version):
    def narrow(contract):
        contract["outputs"][0]["range"] = [0, 600]

    edit_contract(version, narrow)
    result = edit(version)
    assert result.returncode == 1
    assert "outside" in result.stderr and "'price'" in result.stderr

    edit_contract(version, lambda contract: contract["outputs"][0].update(range=[0, 1e6]))
    edit_contract(version, lambda contract: contract["features"][0].update(catagories=["a"]))
    result = edit(version)
    assert result.returncode == 1 and "did you mean 'categories'?" in result.stderr

    edit_contract(version, lambda contract: contract["features"][0].pop("catagories"))
    edit_contract(version, lambda contract: contract["outputs"][0].update({"from": "Y"}))
    result = edit(version)
    assert result.returncode == 1 and "expected a graph output: variable" in result.stderr
    assert [path.name for path in version.parent.iterdir()] == ["1"]


def test_a_golden_record_that_is_wrong_is_named(version):
    lines = (version / "golden.jsonl").read_text().splitlines()
    record = json.loads(lines[2])
    record["outputs"]["price"] *= 1.01
    lines[2] = json.dumps(record)
    (version / "golden.jsonl").write_text("\n".join(lines) + "\n")
    result = edit(version)
    assert result.returncode == 1
    assert "golden.jsonl: line 3" in result.stderr, result.stderr


def test_a_signature_does_not_outlive_an_edit(version, tmp_path):
    assert run("sign", "--new-key", tmp_path / "k.pem").returncode == 0
    assert run("sign", version, "--key", tmp_path / "k.pem").returncode == 0
    edit_contract(version, lambda contract: contract["features"][0].update(unit="ct"))
    result = edit(version)
    assert result.returncode == 0 and "the signature was over the old version" in result.stdout
    assert not (version.parent / "2" / "artifact.sig").exists()
    result = edit(version, "--stage", "production", "--key", tmp_path / "k.pem")
    assert result.returncode == 0 and "packed, production" in result.stdout
    again = edit(version, "--version", "3")
    assert again.returncode == 1 and "nothing is edited in place" in again.stderr
    assert edit(version, "--model", "x.onnx").returncode == 2


FLAGS = {
    "a folder as rows": (["--data", "/tmp"], "/tmp: a folder, pipe, socket or device; expected a file of rows"),
    "a folder as model": (["--model", "/tmp"], "/tmp: a folder; expected a model's file"),
    "no such input": (["--input", "Z=carat"], "no graph input 'Z', which --input names; expected one of X"),
    "a feature twice": (["--features", "carat,carat"], "column 'carat' twice"),
    "no name": (["--name", "a b"], "expected a letter or digit"),
    "a lock that is none": (["--environment", "rows.csv"], "is not pinned to one version"),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_cannot_be_is_named(example, tmp_path, flag):
    folder = own(example, tmp_path)
    extra, sentence = FLAGS[flag]
    given = {"--model": "model.onnx", "--data": "rows.csv", "--predictions": "predictions.csv"}
    given |= dict(zip(extra[::2], extra[1::2]))
    arguments = [word for pair in given.items() for word in pair]
    result = run("pack", *arguments, *ENCODE, "--out", "m", cwd=folder)
    assert sentence in refused(result, 2 if flag == "no name" else 1)
    assert not (folder / "m").exists()


def test_an_unset_variable_of_a_shell_is_no_folder(example, tmp_path):
    folder = own(example, tmp_path)
    result = run(
        "pack", "--model", "model.onnx", "--data", "rows.csv", "--predictions", "predictions.csv", *ENCODE, "--out", "",
        cwd=folder,
    )
    assert result.returncode == 2 and "--out: the value is empty" in result.stderr
