# SPDX-License-Identifier: Apache-2.0
"""Models whose weights lie in a file beside them, as the `onnx` package and PyTorch's exporter save them."""

import json
import os
import sys
import time

import numpy as np
import onnx
import pytest
from daemon import ROOT, Daemon, run
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

DATA = "model.onnx.data"
WIDTH, HIDDEN = 1, 600


def network():
    """x0 through two dense layers to y; large enough to leave its weights outside."""
    random = np.random.default_rng(5)
    weights = {
        "w": random.normal(size=(WIDTH, HIDDEN)).astype(np.float32),
        "b": random.normal(size=HIDDEN).astype(np.float32),
        "v": random.normal(size=(HIDDEN, HIDDEN)).astype(np.float32) / HIDDEN,
        "u": np.abs(random.normal(size=(HIDDEN, 1))).astype(np.float32),
    }
    return helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Gemm", ["x0", "w", "b"], ["h"]),
                helper.make_node("Relu", ["h"], ["i"]),
                helper.make_node("MatMul", ["i", "v"], ["j"]),
                helper.make_node("Relu", ["j"], ["k"]),
                helper.make_node("MatMul", ["k", "u"], ["y"]),
            ],
            "network",
            [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["N", WIDTH])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def answer(model, rows):
    inputs = {"x0": np.array(rows, np.float32).reshape(-1, WIDTH)}
    return [float(y) for y in ReferenceEvaluator(model).run(None, inputs)[0].ravel()]


def save(folder, **options):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        network(), folder / "model.onnx", save_as_external_data=True, location=DATA,
        size_threshold=64, **options,
    )


def artifact(folder):
    """An artifact of the network, its weights beside the model."""
    model = network()
    rows = [float(k) for k in range(8)]
    golden = [{"inputs": {"x0": x}, "outputs": {"y": y}} for x, y in zip(rows, answer(model, rows))]
    fallback = [{"inputs": record["inputs"], "outputs": {"y": broken.MEAN}} for record in golden]
    broken.write_artifact(
        folder, model, broken.controlled_contract(), golden, broken.controlled_baseline(), fallback
    )
    (folder / "model.onnx").unlink()
    save(folder)
    assert (folder / DATA).stat().st_size > 4 * HIDDEN * HIDDEN > (folder / "model.onnx").stat().st_size
    broken.rehash(folder)
    return folder


def test_folder(folder, rows=3):
    """The network in ONNX's test layout."""
    save(folder)
    sets = folder / "test_data_set_0"
    sets.mkdir()
    given = [float(k) for k in range(rows)]
    expected = np.array(answer(network(), given), np.float32).reshape(-1, 1)
    given = np.array(given, np.float32).reshape(-1, WIDTH)
    for name, value in (("input_0", given), ("output_0", expected)):
        (sets / f"{name}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())
    return folder


test_folder.__test__ = False


def test_an_artifact_serves_weights_from_beside_the_model(tmp_path):
    folder = artifact(tmp_path / "models" / "network" / "1")
    for command in (["verify", folder], ["plan", folder]):
        done = run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([{"x0": 2.5}]))
    done = run("predict", folder, rows, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = answer(network(), [2.5, 7.25])
    assert json.loads(done.stdout)["predictions"] == [pytest.approx(expected[0], rel=1e-5)]
    with Daemon(tmp_path / "models", tmp_path, {"integrity": {"interval": "10ms"}}) as daemon:
        got = daemon.rows("network", [{"x0": 2.5}, {"x0": 7.25}])
        assert got.headers["serin-served-by"] == "model"
        assert got.json()["predictions"] == pytest.approx(expected, rel=1e-5)
        broken.flip_byte(folder / DATA)
        assert DATA in daemon.wait_for("/readyz", 503, seconds=20).text
        got = daemon.rows("network", [{"x0": 2.5}])
        assert got.headers["serin-decision"] == "integrity"
        assert DATA in json.dumps(daemon.events("integrity.failed"))


def test_weights_are_packed_behind_the_first_answers_and_the_file_no_longer_read(tmp_path):
    models = tmp_path / "models"
    folder = artifact(models / "network" / "1")
    rows = [{"x0": float(k)} for k in range(5)]
    expected = answer(network(), [row["x0"] for row in rows])
    with Daemon(models, tmp_path, {"integrity": {"interval": "1h"}}) as daemon:
        assert daemon.rows("network", rows).json()["predictions"] == pytest.approx(expected, rel=1e-5)
        daemon.wait_for_log('"weights.packed"')
        told = next(json.loads(line) for line in daemon.log().splitlines() if '"weights.packed"' in line)
        assert (told["model"], told["version"]) == ("network", 1)
        assert told["bytes"] >= 4 * HIDDEN * HIDDEN
        plan = json.loads(run("plan", folder, "--json").stdout)
        assert daemon.events("model.loaded")[0]["fields"]["arena_bytes"] == plan["arena_bytes"]
        assert json.loads(run("inspect", folder, "--json").stdout)["plan"]["arena_bytes"] == plan["arena_bytes"]
        before = daemon.rows("network", rows).json()["predictions"]
        assert before == pytest.approx(expected, rel=1e-5)
        # Cut off, the mapping reads as zeros: who still read it would answer otherwise.
        os.truncate(folder / DATA, 0)
        assert daemon.rows("network", rows).json()["predictions"] == before


def test_a_file_written_to_before_its_weights_are_packed_gives_no_answer_until_it_is_put_back(tmp_path):
    models = tmp_path / "models"
    folder = artifact(models / "network" / "1")
    kept = (folder / DATA).read_bytes()
    # Loaded after the other one, whose weights are packed when all is loaded.
    slow = artifact(models / "slow" / "1")
    records = (slow / "golden.jsonl").read_text()
    (slow / "golden.jsonl").write_text(records * 1200)
    broken.rehash(slow)
    expected = answer(network(), [2.5])
    settings = {"integrity": {"interval": "1h"}, "versions": {"settle": "100ms"}}
    with Daemon(models, tmp_path, settings, wait=None) as daemon:

        def until(is_there):
            deadline = time.monotonic() + 30
            while not (found := is_there()):
                assert time.monotonic() < deadline, daemon.log()
                time.sleep(0.005)
            return found

        def served_by_model():
            got = daemon.rows("network", [{"x0": 2.5}])
            return got.headers.get("serin-served-by") == "model" and got.json()["predictions"]

        until(lambda: '"swap.activated"' in daemon.log_path.read_text())
        with open(folder / DATA, "r+b") as file:
            file.write(bytes(len(kept)))
        got = daemon.rows("network", [{"x0": 2.5}])
        assert got.headers["serin-served-by"] == "fallback", got.text
        assert '"daemon.loaded"' not in daemon.log_path.read_text(), "the file was written to too late"
        until(lambda: '"integrity.failed"' in daemon.log_path.read_text())
        assert not served_by_model()
        (folder / DATA).write_bytes(kept)
        assert until(served_by_model) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("change", ["flipped", "cut", "not listed", "missing"])
def test_an_artifact_with_other_weights_is_refused(tmp_path, change):
    folder = artifact(tmp_path / "network" / "1")
    if change == "flipped":
        broken.flip_byte(folder / DATA)
    elif change == "cut":
        os.truncate(folder / DATA, 100)
        broken.rehash(folder)
    elif change == "not listed":
        kept = (folder / DATA).read_bytes()
        (folder / DATA).unlink()
        broken.rehash(folder)
        (folder / DATA).write_bytes(kept)
    else:
        (folder / DATA).unlink()
        broken.rehash(folder)
    done = run("verify", folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert DATA in done.stdout + done.stderr


def test_a_folder_in_the_test_layout_is_verified_and_timed(tmp_path):
    folder = test_folder(tmp_path / "network")
    done = run("verify", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("bench", folder / "model.onnx", "--seconds", "0.1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["runs"] > 0
    done = run("bench", folder / "model.onnx", "--rounds", "--json", input="0.05\n")
    assert done.returncode == 0 and "load_us" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("change", ["missing", "link", "folder link", "pipe", "folder", "above", "absolute", "cut"])
def test_weights_that_are_not_there_name_tensor_location_and_remedy(tmp_path, change):
    folder = test_folder(tmp_path / "network")
    location = DATA
    kept = tmp_path / "kept.data"
    (folder / DATA).rename(kept)
    if change == "link":
        (folder / DATA).symlink_to(kept)
    elif change == "folder link":
        (tmp_path / "elsewhere").mkdir()
        kept.rename(tmp_path / "elsewhere" / DATA)
        (folder / "here").symlink_to(tmp_path / "elsewhere")
        location = f"here/{DATA}"
    elif change == "pipe":
        os.mkfifo(folder / DATA)
    elif change == "folder":
        (folder / DATA).mkdir()
    elif change == "above":
        location = "../kept.data"
    elif change == "absolute":
        location = str(kept)
    elif change == "cut":
        (folder / DATA).write_bytes(b"few")
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for command in ("verify", "bench"):
        done = run(command, folder)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "tensor '" in said and location in said and ";" in said, said
