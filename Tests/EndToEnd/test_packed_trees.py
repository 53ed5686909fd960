# SPDX-License-Identifier: Apache-2.0
"""Models of trees, packed by serin_pack.py with rows that are hard for them, answer as their library does.

Tests/python/trees.py has the models and the rows; `serin pack` held each row against the library's own answer.
"""

import json
import shutil

import pytest
from daemon import Daemon, run
from test_first_model import packed_by

EXACT = (
    "boosting", "boosting-single", "boosting-from-dtype", "boosting-unseen", "boosting-codes", "boosting-binary",
    "gradient", "gradient-zero", "gradient-binary", "gradient-exponential", "forest", "forest-single", "forest-codes",
    "forest-binary", "forest-classes", "forest-targets", "extra", "extra-classes", "bagging",
    "bagging-columns", "bagging-binary", "bagging-classes", "tree", "tree-classes", "tree-leaf",
    "pipeline-forest", "pipeline-boosting", "pipeline-ordinal", "search", "catboost", "catboost-most",
    "catboost-categories", "catboost-binary", "catboost-leaves", "boosting-lost", "lightgbm-lost", "xgboost-lost",
)
# The last place of an exponential is one thing in NumPy and CatBoost and another in the C library.
ROUNDED = (
    "boosting-poisson", "boosting-classes", "gradient-classes", "catboost-classes", "catboost-poisson",
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    out = tmp_path_factory.mktemp("trees") / "own"
    return out, packed_by("trees.py", out)


def test_every_model_is_held_against_its_library(packed):
    assert set(packed[1]) == {*EXACT, *ROUNDED, "catboost-statistics"}


@pytest.mark.parametrize("case", EXACT + ROUNDED)
def test_trees_answer_as_their_library_does(packed, case):
    told = packed[1][case]
    assert "report" in told, told
    parity = told["report"]["parity"]
    assert parity["rows"] == parity["within"] == 1500 and parity["excluded"] == 0
    assert parity["largest_deviation"] <= (0 if case in EXACT else 2e-15)


def test_categories_are_texts_where_the_library_had_texts(packed):
    contract = json.loads((packed[0] / "boosting-from-dtype" / "1" / "contract.json").read_text(encoding="utf-8"))
    features = {feature["name"]: feature for feature in contract["features"]}
    assert sorted(features["cut"]["categories"]) == ["Fair", "Good", "Ideal", "Très bien"]
    assert features["cut"]["encode"] == {"to": "cut", "column": 0}
    assert features["carat"]["missing"] == {"default": None}
    assert run("verify", packed[0] / "boosting-from-dtype" / "1").returncode == 0


@pytest.mark.parametrize("case", ["boosting-lost", "lightgbm-lost", "xgboost-lost"])
def test_a_missing_category_goes_to_the_model_as_none(packed, tmp_path, case):
    folder = packed[0] / case / "1"
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    features = {feature["name"]: feature for feature in contract["features"]}
    assert features["cut"]["missing"] == features["shop"]["missing"] == {"default": None}
    row = next(
        record for record in map(json.loads, (folder / "golden.jsonl").read_text(encoding="utf-8").splitlines())
        if record["inputs"]["cut"] is None
    )
    # What is edited by hand: an unknown category is none either.
    edited = tmp_path / "edit" / case / "1"
    shutil.copytree(folder, edited)
    contract["features"][contract["features"].index(features["cut"])]["unknown"] = {"default": None}
    (edited / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    done = run("pack", "--edit", edited, "--out", tmp_path / "own")
    assert done.returncode == 0, done.stderr
    inputs = {name: value for name, value in row["inputs"].items() if name != "cut"}
    with Daemon(tmp_path / "own", tmp_path / "daemon") as daemon:
        answers = daemon.rows(case, [row["inputs"], inputs, {**inputs, "cut": "Unheard of"}])
        assert answers.status_code == 200, answers.text
        assert answers.headers["serin-served-by"] == "model"
        first, left_out, unknown = answers.json()["predictions"]
    assert first == left_out == unknown == pytest.approx(row["outputs"]["prediction"], rel=1e-7)


def test_statistics_of_categories_are_refused_with_what_to_do(packed):
    assert "one_hot_max_size=255" in packed[1]["catboost-statistics"]["refused"]
    assert not (packed[0] / "catboost-statistics").exists()
