# SPDX-License-Identifier: Apache-2.0
"""The broken artifacts are broken where they say, and sound elsewhere."""

import math

import onnx
import onnx.reference
import pytest
import numpy as np

import broken_models as broken

SOUND = broken.MODELS / "diamonds-price" / "1"


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return broken.build_all(tmp_path_factory.mktemp("broken"))


def mismatches(folder):
    """The listed files that are not as the manifest says."""
    files = broken.read_json(folder / "artifact.json")["files"]
    return [name for name, entry in files.items() if entry != state(folder / name)]


def state(path):
    return path.is_file() and {"sha256": broken.sha256(path), "bytes": path.stat().st_size}


def answer(folder, value):
    session = onnx.reference.ReferenceEvaluator(str(folder / "model.onnx"))
    with np.errstate(all="ignore"):
        return float(session.run(None, {"x0": np.array([[value]], np.float32)})[0][0, 0])


WRONG_HASH = {
    "flipped-weight-byte": ["model.onnx"],
    "half-copied-model": ["model.onnx"],
    "missing-golden": ["golden.jsonl"],
    "missing-model": ["model.onnx"],
}


@pytest.mark.parametrize("name", broken.REFUSED | broken.LOADED)
def test_hashes_are_wrong_only_where_that_is_the_point(folders, name):
    assert mismatches(folders[name]) == WRONG_HASH.get(name, [])


@pytest.mark.parametrize("name", [n for n, b in broken.REFUSED.items() if "truncated" in n])
def test_a_cut_model_does_not_parse(folders, name):
    with pytest.raises(Exception):
        onnx.load(folders[name] / "model.onnx")


@pytest.mark.parametrize(
    "name", ["unknown-operator", "unknown-domain", "cycle", "undefined-name", "written-twice"]
)
def test_a_bad_graph_parses_and_has_no_meaning(folders, name):
    model = onnx.load(folders[name] / "model.onnx")
    with pytest.raises(Exception):
        onnx.checker.check_model(model, full_check=True)
        onnx.reference.ReferenceEvaluator(model)


@pytest.mark.parametrize("name", ["lying-wire-length", "endless-varint", "not-onnx"])
def test_bad_bytes_do_not_parse(folders, name):
    with pytest.raises(Exception):
        onnx.load_model_from_string((folders[name] / "model.onnx").read_bytes())


def test_a_controlled_model_answers_what_the_test_asks(folders):
    assert answer(folders["controlled"], -0.01) == pytest.approx(-0.01)
    assert answer(folders["controlled"], 5010) == 5010
    assert math.isnan(answer(folders["log"], -1))
    assert math.isinf(answer(folders["reciprocal"], 0))


@pytest.mark.parametrize("name", ["controlled", "log", "reciprocal", "always-negative"])
def test_golden_records_of_controlled_models_are_right(folders, name):
    for record in broken.read_lines(folders[name] / "golden.jsonl"):
        want = record["outputs"]["y"]
        assert answer(folders[name], record["inputs"]["x0"]) == pytest.approx(want, rel=1e-6)


def test_constants_answer_themselves(folders):
    assert math.isnan(answer(folders["always-nan"], 3))
    assert answer(folders["always-infinite"], 3) == math.inf
    assert answer(folders["always-too-high"], 3) == pytest.approx(5010)


@pytest.mark.parametrize(
    ("name", "factor"), [("golden-off-0.011", 1.00011), ("golden-off-0.009", 1.00009)]
)
def test_one_golden_answer_is_off_by_the_factor(folders, name, factor):
    before = broken.read_lines(SOUND / "golden.jsonl")
    after = broken.read_lines(folders[name] / "golden.jsonl")
    assert after[1:] == before[1:]
    assert after[0]["outputs"]["price"] == before[0]["outputs"]["price"] * factor


def test_a_flipped_byte_keeps_the_size(folders):
    before = (SOUND / "model.onnx").read_bytes()
    after = (folders["flipped-weight-byte"] / "model.onnx").read_bytes()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
