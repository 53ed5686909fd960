# SPDX-License-Identifier: Apache-2.0
"""A new version comes to traffic step by step, and goes back by itself where a gate fails."""

import json
import re
import shutil
import time

import pytest
from daemon import MODELS, Daemon, golden
from test_versions import (
    NAME, ROW, Load, bring, command, labels, prices, quick, rehash, renumber, served, version,  # noqa: F401
    wait_until,
)

FAST = {
    "mode": "gradual", "shadow_share": 1, "shadow_for": "1s", "steps": "20 50", "step_for": "1s",
    "min_rows": 60,
}
ROWS = [record["inputs"] for record in golden(f"{NAME}/1")]


def gradual(**more):
    # Both versions are right about prices, and differ by more than their tolerance.
    return quick(rollout={**FAST, **more})


def rollout(daemon):
    return daemon.operations("GET", f"/v1/models/{NAME}/rollout").json()["rollout"]


def ask(daemon, key=None, rows=1):
    headers = {"serin-sticky-key": key} if key else {}
    answer = daemon.rows(NAME, ROWS[:rows], headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["serin-model-version"]


def changed(tmp_path, **changes):
    """Version 2 with another contract."""
    staged = tmp_path / "staged"
    shutil.copytree(MODELS / NAME / "2", staged)
    contract = json.loads((staged / "contract.json").read_text())
    contract["outputs"][0].update(changes)
    (staged / "contract.json").write_text(json.dumps(contract))
    rehash(staged)
    return staged


def test_a_version_goes_through_shadow_and_steps_to_all_traffic(tmp_path, prices):
    with served(tmp_path, 1, settings=gradual()) as (daemon, models), Load(daemon, prices) as load:
        bring(models, 2)
        begun = wait_until(lambda: rollout(daemon))
        assert (begun["from"], begun["to"], begun["phase"]) == (1, 2, "shadow")
        assert load.seen == {"1"}, "in shadow nobody gets its answers"
        agreement = wait_until(lambda: (rollout(daemon) or {}).get("agreement", {}).get("rows"))
        assert agreement
        assert "candidate" in labels(daemon)[2]
        wait_until(lambda: daemon.events("rollout.stepped"), 30)
        wait_until(lambda: "2" in load.seen)
        wait_until(lambda: daemon.events("swap.activated")[-1]["fields"]["to"] == 2, 60)
        stepped = [event["fields"]["percent"] for event in daemon.events("rollout.stepped")]
        assert stepped == [20, 50]
        assert daemon.events("rollout.ended")[-1]["fields"]["result"] == "finished"
        assert labels(daemon) == {1: ["previous"], 2: ["stable"]}
    assert not load.wrong, load.wrong[:3]


def test_a_key_gets_one_version_and_the_share_is_what_was_asked(tmp_path):
    settings = gradual(shadow_for="0s", shadow_share=0, steps="30", step_for="1h")
    with served(tmp_path, 1, settings=settings) as (daemon, models):
        bring(models, 2)
        wait_until(lambda: daemon.events("rollout.stepped"))
        first = {f"key-{number}": ask(daemon, f"key-{number}") for number in range(600)}
        share = list(first.values()).count("2") / len(first)
        assert 0.22 < share < 0.38, share
        assert all(ask(daemon, key) == number for key, number in list(first.items())[:100])
        # By number everybody gets what they ask for.
        answer = daemon.post(f"/v1/models/{NAME}/versions/1:predict", {"instances": [ROW]})
        assert answer.headers["serin-model-version"] == "1"
        # A restart goes on where it was, and keys stay where they were.
        daemon.stop()
        daemon.start()
        assert rollout(daemon)["percent"] == 30
        assert all(ask(daemon, key) == number for key, number in list(first.items())[:100])
        result = command(daemon, "rollout", NAME)
        assert "answers 30" in result.stdout, result.stdout + result.stderr
        # To go back is to take the new version out of traffic.
        assert command(daemon, "rollback", NAME, "--reason", "no").returncode == 0
        assert {ask(daemon, key) for key in first} == {"1"}
        assert rollout(daemon) is None
        assert labels(daemon) == {1: ["stable"], 2: ["held"]}
        daemon.stop()
        daemon.start()
        assert version(daemon) == 1 and rollout(daemon) is None


def test_a_version_that_leaves_its_bounds_is_taken_back_by_itself(tmp_path, prices):
    with served(tmp_path, 1, settings=gradual()) as (daemon, models):
        # Golden records of the cheap stones pass; dear ones are out of its bounds.
        staged = changed(tmp_path, range=[0, 6000])
        records = [json.loads(line) for line in (staged / "golden.jsonl").read_text().splitlines()]
        cheap = [row for row in records if row["outputs"]["price"] < 5000]
        (staged / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in cheap))
        rehash(staged)
        shutil.move(staged, models / NAME / "2")
        wait_until(lambda: rollout(daemon))
        deadline = time.monotonic() + 30
        while not daemon.events("rollout.ended") and time.monotonic() < deadline:
            assert ask(daemon, rows=28) == "1"
        ended = daemon.events("rollout.ended")[0]["fields"]
        # Its breaker may have opened first: that is a gate as well.
        assert ended["result"] == "failed" and ended["gate"]["gate"] in ("bounds", "breaker")
        assert labels(daemon) == {1: ["stable"], 2: ["held"]}
        time.sleep(1.5)
        assert rollout(daemon) is None, "what failed does not come again by itself"


def test_disagreement_is_told_by_part_and_can_be_a_gate(tmp_path):
    settings = gradual(tolerance=0.0001, min_agreement=0.9, shadow_for="1h")
    with served(tmp_path, 1, settings=settings) as (daemon, models):
        bring(models, 2)
        wait_until(lambda: rollout(daemon))
        for _ in range(2):
            ask(daemon, rows=20)
        found = wait_until(lambda: rollout(daemon)["agreement"]["rows"] >= 40 and rollout(daemon))
        agreement = found["agreement"]
        assert agreement["within_tolerance"] < agreement["rows"]
        assert agreement["relative_difference"]["p50"] > 0.0001
        assert agreement["worst_bins"][0]["disagreeing"] > 0
        # For people: how long in words, measures to three digits, and where numbers begin and end.
        told = command(daemon, "rollout", NAME).stdout
        assert re.search(r"in shadow, for \d[\d.]* s$", told, re.M), told
        assert re.search(r"^  \w+ [\d.]+ to [\d.]+: \d+ of \d+ disagree$", told, re.M), told
        assert re.search(r"^predictions  \d(\.\d{1,4})? +0\.25 ", told, re.M), told
        deadline = time.monotonic() + 20
        while not daemon.events("rollout.ended") and time.monotonic() < deadline:
            ask(daemon, rows=20)
        assert daemon.events("rollout.ended")[0]["fields"]["gate"]["gate"] == "agreement"
        # By hand it may be tried again.
        result = command(daemon, "rollout", NAME, "start", "2", "--reason", "second try")
        assert result.returncode == 0, result.stderr
        assert rollout(daemon)["to"] == 2
        assert command(daemon, "rollout", NAME, "stop", "--reason", "prices too low").returncode == 0
        assert rollout(daemon) is None
        assert daemon.events("rollout.ended")[-1]["fields"]["reason"] == "prices too low"


def tumour(folder, outputs, number):
    """The classifier with these of its outputs, in this order."""
    shutil.copytree(MODELS / "tumour" / "1", folder)
    contract = json.loads((folder / "contract.json").read_text())
    by_name = {output["name"]: output for output in contract["outputs"]}
    contract["outputs"] = [by_name[name] for name in outputs]
    for link in contract["fallback"]:
        link["values"] = {name: link["values"][name] for name in outputs}
    (folder / "contract.json").write_text(json.dumps(contract))
    baseline = json.loads((folder / "baseline.json").read_text())
    baseline["outputs"] = {name: baseline["outputs"][name] for name in outputs}
    (folder / "baseline.json").write_text(json.dumps(baseline))
    for name in ("golden.jsonl", "fallback.jsonl"):
        records = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for record in records:
            record["outputs"] = {name: record["outputs"][name] for name in outputs}
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    rehash(folder)
    renumber(folder, number)
    return folder


@pytest.mark.parametrize("old, new, agree", [
    (["malignant"], ["malignant", "label"], True),
    (["label", "malignant"], ["malignant", "label"], True),
    (["malignant", "label"], ["malignant"], False),
])
def test_versions_with_other_outputs_are_compared_by_name(tmp_path, old, new, agree):
    models = tmp_path / "models"
    models.mkdir()
    tumour(models / "tumour" / "1", old, 1)
    rows = [record["inputs"] for record in golden("tumour/1")][:10]
    with Daemon(models, tmp_path, gradual(shadow_for="1h")) as daemon:
        shutil.copytree(tumour(tmp_path / "staged", new, 2), models / "tumour" / "2")
        page = "/v1/models/tumour/rollout"
        wait_until(lambda: daemon.operations("GET", page).json()["rollout"])
        for _ in range(5):
            assert daemon.rows("tumour", rows).status_code == 200
        found = wait_until(
            lambda: [
                part for part in [daemon.operations("GET", page).json()["rollout"]["agreement"]]
                if part["rows"] == 50
            ]
        )[0]
        assert found["within_tolerance"] == (50 if agree else 0), found


def test_the_predictions_of_both_are_counted_in_the_same_bins(tmp_path):
    # The very model that answers, whose baseline says that its predictions are ten times as large.
    staged = tmp_path / "staged"
    shutil.copytree(MODELS / NAME / "1", staged)
    baseline = json.loads((staged / "baseline.json").read_text())
    price = baseline["outputs"]["price"]
    for key in ("mean", "std", "min", "max"):
        price[key] *= 10
    for key in ("quantiles", "edges"):
        price[key] = [10 * value for value in price[key]]
    (staged / "baseline.json").write_text(json.dumps(baseline))
    rehash(staged)
    renumber(staged, 2)
    with served(tmp_path, 1, settings=gradual(shadow_for="1h")) as (daemon, models):
        shutil.copytree(staged, models / NAME / "2")
        wait_until(lambda: rollout(daemon))
        for _ in range(10):
            ask(daemon, rows=len(ROWS))
        wait_until(lambda: (rollout(daemon) or {}).get("agreement", {}).get("rows") == 10 * len(ROWS))
        gates = {gate["gate"]: gate for gate in rollout(daemon)["gates"]}
        assert gates["predictions"]["verdict"] == "passed" and gates["predictions"]["measure"] < 1e-9


def test_steps_that_are_none_are_refused(tmp_path):
    from daemon import run

    (tmp_path / "serin.json").write_text(json.dumps({"rollout": {"steps": "5 1"}}))
    result = run("serve", "--config", tmp_path / "serin.json", "--models", MODELS)
    assert result.returncode == 2 and "rollout.steps: '5 1' are no steps" in result.stderr
