# SPDX-License-Identifier: Apache-2.0
"""The daemon does with every request of the conformance suite what RFC 9110, 9112 and 3986 let it do.

Where it is stricter than they ask (`house` in the cases), it is so every time.
"""

import pytest
from conformance import judge
from conformance.table import SUBJECTS
from conformance.wire import Target, observe

CASES = [(subject, case) for subject, cases in SUBJECTS.items() for case in cases]
NAMES = [f"{subject}: {case.name}" for subject, case in CASES]


@pytest.fixture(scope="module")
def target(serin):
    target = Target("127.0.0.1", serin.port, "/v2", "/v1/models/diamonds-price:predict", patience=10)
    judge.learn(target)
    return target


def test_cases_are_many_and_each_is_told_from_the_others():
    assert len(CASES) >= 170 and len(set(NAMES)) == len(NAMES)
    # The house chooses among what is allowed.
    for _, case in CASES:
        assert case.allowed and case.section.startswith("RFC ")


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=NAMES)
def test_a_request_gets_what_is_allowed(target, case):
    observed = observe(target, case, case.judged)
    assert not judge.faults(target, case, observed, case.judged), case.section
    assert not judge.faults(target, case, observed, case.allowed), "the house rule is none that is allowed"


@pytest.mark.parametrize(
    "case", [case for _, case in CASES if case.splits], ids=[n for n, (_, c) in zip(NAMES, CASES) if c.splits]
)
def test_a_request_that_comes_byte_by_byte_gets_the_same(target, case):
    observed = observe(target, case, case.judged, one_by_one=True)
    assert not judge.faults(target, case, observed, case.judged), case.section


def test_every_refusal_explains_itself(target):
    """RFC 9110 section 15.5: an error has a representation that says why, but to HEAD."""
    for _, case in CASES:
        if case.heads or case.house is None or not case.house.startswith("4"):
            continue
        for answer in observe(target, case, case.judged).answers:
            assert answer.status < 400 or b'"error"' in answer.body, case.name
