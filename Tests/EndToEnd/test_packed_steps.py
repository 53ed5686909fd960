# SPDX-License-Identifier: Apache-2.0
"""What stands before a model, and how its columns are called: packed, it answers rows that it has not seen as its
library does, or does not answer.

Tests/python/steps.py has the models and the rows, and the library's own answers for the new ones.
"""

import pytest
from test_first_model import packed_by

# Furthest from the library, relative.
EXACT = {
    "texts-named", "texts-rare", "ordinal-missing", "ordinal-marked", "codes-strict-ordinal",
    "codes-strict-forest", "imputer-indicators", "names-forest", "target-texts", "target-classes", "boolean-categories",
    "blanks", "svc", "lightgbm", "lightgbm-one", "catboost",
}
DOUBLE = {
    "logistic", "logistic-three", "texts-filled", "texts-missing", "texts-dropped", "codes-one-hot", "codes-ordinal", "codes-missing",
    "codes-strict-one-hot", "imputer-constant", "imputer-code", "names", "names-matrix", "calibrated", "voting", "booleans",
}
# Or written as short as single precision allows.
SINGLE = {
    "polynomial", "adaboost", "xgboost", "xgboost-two", "xgboost-strict", "xgboost-search", "xgboost-names",
}
# Six of the new rows have a code that the encoder does not know, for which scikit-learn raises.
STRICT = {"codes-strict-one-hot", "codes-strict-ordinal", "codes-strict-forest", "xgboost-strict"}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return packed_by("steps.py", tmp_path_factory.mktemp("steps") / "own")


def test_every_model_is_held_against_its_library(told):
    assert set(told) == EXACT | DOUBLE | SINGLE


@pytest.mark.parametrize("case", sorted(EXACT | DOUBLE | SINGLE))
def test_new_rows_are_answered_as_the_library_does_or_not_at_all(told, case):
    said = told[case]
    assert "answered" in said, said
    parity = said["report"]["parity"]
    assert parity["rows"] == parity["within"] == 400
    assert said["turned"] == ({"non_finite": 6} if case in STRICT else {})
    assert said["answered"] == (54 if case in STRICT else 60)
    limit = 0 if case in EXACT else 1e-13 if case in DOUBLE else 1e-6
    assert max(said["furthest"], parity["largest_deviation"]) <= limit


@pytest.mark.parametrize("case", ["xgboost", "xgboost-strict", "xgboost-search"])
def test_xgboost_behind_steps_is_equal_bit_for_bit(told, case):
    assert told[case]["report"]["parity"]["largest_deviation"] == 0


def test_columns_that_no_step_takes_are_not_asked_for(told):
    assert told["logistic"]["features"] == ["age", "income", "city"]
    assert "not used by the model, and left out: 'member', 'code'" in told["logistic"]["report"]["notes"]


def test_features_keep_the_names_of_their_columns(told):
    assert told["names"]["features"] == ['a,g"e', "größe=ß", "label"]
    assert told["blanks"]["features"] == ["age_of_it", "its_income", "code"]
