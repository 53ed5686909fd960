# SPDX-License-Identifier: Apache-2.0
"""A new version comes to traffic step by step, and goes back by itself where a gate fails."""

import json
import shutil
import time

from daemon import MODELS, golden
from test_versions import (
    NAME, ROW, Load, bring, command, labels, prices, quick, rehash, served, version, wait_until,  # noqa: F401
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


def test_steps_that_are_none_are_refused(tmp_path):
    from daemon import run

    (tmp_path / "serin.json").write_text(json.dumps({"rollout": {"steps": "5 1"}}))
    result = run("serve", "--config", tmp_path / "serin.json", "--models", MODELS)
    assert result.returncode == 2 and "rollout.steps: '5 1' are no steps" in result.stderr
