# SPDX-License-Identifier: Apache-2.0
"""Orders that meet each other: what was answered as done stays done, or is refused with the reason."""

import random
import shutil
import subprocess

import pytest

from daemon import MODELS, Daemon, binary, copy_models, run, surroundings
from test_rollouts import FAST, ask, rollout
from test_versions import (
    NAME, OTHER, bring, command, labels, orders, page, quick, served, version, wait_until,
)

# Long enough to stay where it is.
SLOW = {**FAST, "shadow_for": "1h", "step_for": "1h"}
STEPPING = {**FAST, "shadow_for": "0s", "shadow_share": 0, "steps": "50", "step_for": "1h", "min_rows": 1}


def order(daemon, method, verb, model=NAME, **body):
    body.setdefault("reason", "the test says so")
    return daemon.operations(method, f"/v1/models/{model}/{verb}", body)


def look(daemon):
    """Waits until the folder was looked at twice more, at the pace of `quick`."""
    for _ in range(2):
        assert daemon.operations("POST", "/v1/reload").status_code == 200
    # An order goes through the same queue, behind the looks.
    assert daemon.operations("DELETE", f"/v1/models/{NAME}/pin").status_code == 200


@pytest.fixture
def three(tmp_path):
    """Versions 1 to 3 in memory, of which 3 answers."""
    models = copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2")
    bring(models, 3, from_number=2)
    settings = quick(versions={"policy": "3 latest"}, rollout=SLOW | {"mode": "immediate"})
    with Daemon(models, tmp_path, settings) as daemon:
        assert version(daemon) == 3
        yield daemon, models


def restart(daemon):
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()


def test_a_rollback_of_a_pinned_version_stays(three):
    daemon, models = three
    assert order(daemon, "PUT", "pin").status_code == 200
    answer = order(daemon, "POST", "rollback", reason="prices look wrong")
    assert answer.status_code == 200
    assert answer.json()["pin"] == {"version": 2, "reason": "prices look wrong", "by": "local"}
    bring(models, 4, from_number=2)
    wait_until(lambda: 4 in labels(daemon))
    restart(daemon)
    assert version(daemon) == 2
    assert labels(daemon)[2] == ["stable", "pinned"]
    assert daemon.get(f"/v2/models/{NAME}/versions/pinned/ready").status_code == 200


@pytest.mark.parametrize("method, verb", [("POST", "promote"), ("PUT", "rollout")])
def test_what_a_pin_would_undo_is_refused(three, method, verb):
    daemon, _ = three
    assert order(daemon, "PUT", "pin", version=2, reason="freeze").status_code == 200
    answer = order(daemon, method, verb, version=3)
    assert answer.status_code == 409 and answer.json()["code"] == "cannot_swap"
    for part in ("pinned to version 2 by local (freeze)", f"serin pin {NAME} clear"):
        assert part in answer.json()["error"]
    assert version(daemon) == 2 and rollout(daemon) is None


def test_the_version_that_answers_cannot_be_rolled_out(three):
    daemon, _ = three
    answer = order(daemon, "PUT", "rollout", version=3)
    assert answer.status_code == 409 and "answers already" in answer.json()["error"]
    answer = order(daemon, "DELETE", "rollout")
    assert answer.status_code == 409 and "no rollout" in answer.json()["error"]
    look(daemon)
    assert labels(daemon) == {1: [], 2: [], 3: ["stable"]}


@pytest.mark.parametrize("method, verb", [("POST", "promote"), ("PUT", "pin"), ("PUT", "rollout")])
def test_an_unloaded_model_comes_back_by_load_alone(three, method, verb):
    daemon, _ = three
    load = f"/v2/repository/models/{NAME}"
    assert daemon.operations("POST", f"{load}/unload").status_code == 200
    answer = order(daemon, method, verb, version=2)
    assert answer.status_code == 409 and f"serin load {NAME}" in answer.json()["error"]
    assert page(daemon)["versions"] == [] and page(daemon)["pin"] is None
    assert daemon.operations("POST", f"{load}/load").status_code == 200
    assert version(daemon) == 3


def test_a_rollout_by_hand_is_not_overtaken_by_what_was_there(three):
    daemon, _ = three
    assert order(daemon, "POST", "promote", version=1).status_code == 200
    assert order(daemon, "PUT", "rollout", version=3).status_code == 200
    assert order(daemon, "PUT", "rollout", version=2).status_code == 200
    for again in (look, restart):
        again(daemon)
        assert (rollout(daemon)["from"], rollout(daemon)["to"]) == (1, 2)
        assert labels(daemon) == {1: ["stable"], 2: ["candidate"], 3: ["held"]}
    begun = daemon.events("rollout.begun")[-2]["fields"]
    assert begun["reason"] == "the test says so" and begun["by"] == "local"


def test_an_older_version_may_be_rolled_out_over_a_restart(three):
    daemon, _ = three
    assert order(daemon, "PUT", "rollout", version=1).status_code == 200
    for again in (look, restart):
        again(daemon)
        assert (rollout(daemon)["from"], rollout(daemon)["to"]) == (3, 1)
    answer = command(daemon, "rollout", NAME, "stop")
    assert answer.returncode == 0, answer.stderr
    assert version(daemon) == 3 and labels(daemon)[1] == ["held"]


def test_who_promotes_the_version_that_answers_ends_the_rollout(three):
    daemon, _ = three
    assert order(daemon, "POST", "rollback").status_code == 200
    assert order(daemon, "PUT", "rollout", version=3).status_code == 200
    assert order(daemon, "POST", "promote", version=2).status_code == 200
    for again in (look, restart):
        assert rollout(daemon) is None
        assert labels(daemon)[2] == ["stable"] and labels(daemon)[3] == ["held"]
        again(daemon)
    assert version(daemon) == 2


@pytest.mark.parametrize("target", [1, 2])
def test_a_rollback_takes_a_version_on_its_way_out_at_once(three, target):
    daemon, _ = three
    assert order(daemon, "POST", "rollback").status_code == 200
    settings = STEPPING | {"mode": "immediate"}
    daemon.settings["rollout"] = settings
    restart(daemon)
    assert order(daemon, "PUT", "rollout", version=3).status_code == 200
    wait_until(lambda: rollout(daemon)["percent"] == 50)
    keys = [f"customer-{number}" for number in range(40)]
    assert {ask(daemon, key) for key in keys} == {"2", "3"}
    assert order(daemon, "POST", "rollback", version=target).status_code == 200
    assert {ask(daemon, key) for key in keys} == {str(target)}
    assert rollout(daemon) is None and "held" in labels(daemon)[3]


def test_a_rollback_does_not_go_to_what_was_taken_back(three):
    daemon, _ = three
    assert order(daemon, "PUT", "pin", version=2).status_code == 200
    assert daemon.operations("DELETE", f"/v1/models/{NAME}/pin").status_code == 200
    # Version 2 answered before; it is then judged, and found wrong.
    assert version(daemon) == 3 and "previous" in labels(daemon)[2]
    assert order(daemon, "PUT", "rollout", version=2).status_code == 200
    assert order(daemon, "DELETE", "rollout").status_code == 200
    assert labels(daemon)[2] == ["previous", "held"]
    assert order(daemon, "POST", "rollback").json()["active"] == 1


def test_a_rollback_names_what_is_held_and_goes_there_when_told_to(three):
    daemon, _ = three
    for held in (1, 2):
        assert order(daemon, "PUT", "rollout", version=held).status_code == 200
        assert order(daemon, "DELETE", "rollout", reason=f"looked at {held}").status_code == 200
    answer = order(daemon, "POST", "rollback")
    assert answer.status_code == 409
    sentence = answer.json()["error"]
    assert "version 1 is held (" in sentence and "version 2 is held (" in sentence, sentence
    assert order(daemon, "POST", "rollback", version=1).json()["active"] == 1


def test_a_version_that_is_refused_after_a_restart_does_not_answer(tmp_path):
    models = copy_models(tmp_path, f"{NAME}/1", "tumour/1")
    with Daemon(models, tmp_path, quick()) as daemon:
        assert page(daemon)["active"] == 1
        daemon.stop()
        model = models / NAME / "1" / "model.onnx"
        with open(model, "r+b") as file:
            file.seek(1000)
            file.write(b"XXXX")
        daemon.start()
        listed = page(daemon)
        assert listed["active"] is None and [row["state"] for row in listed["versions"]] == ["UNAVAILABLE"]
        assert "no version answers" in command(daemon, "versions", NAME).stdout


def test_other_bytes_under_a_candidates_number_begin_anew(tmp_path):
    settings = quick(rollout=STEPPING)
    with served(tmp_path, 1, settings=settings) as (daemon, models):
        bring(models, 2)
        wait_until(lambda: (rollout(daemon) or {}).get("step") == 1)
        # Told once it is kept.
        daemon.wait_for_log("rollout.stepped")
        daemon.settings["rollout"] = SLOW
        restart(daemon)
        assert rollout(daemon)["step"] == 1, "a restart goes on where it was"
        shutil.rmtree(models / NAME / "2")
        bring(models, 2, from_number=1)
        assert daemon.operations("POST", f"/v2/repository/models/{NAME}/load").status_code == 200
        wait_until(lambda: rollout(daemon)["step"] == 0)
        assert rollout(daemon)["to"] == 2 and version(daemon) == 1
        # The same while nobody looks.
        daemon.stop()
        text = (daemon.state / "versions.json").read_text()
        assert '"step": 0' in text
        (daemon.state / "versions.json").write_text(text.replace('"step": 0', '"step": 1'))
        shutil.rmtree(models / NAME / "2")
        bring(models, 2)
        daemon.start()
        assert rollout(daemon)["step"] == 0


def test_an_older_version_that_is_promoted_holds_those_not_in_memory_too(tmp_path):
    models = copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2")
    bring(models, 3, from_number=2)
    with Daemon(models, tmp_path, quick(versions={"policy": "latest"})) as daemon:
        assert list(labels(daemon)) == [3]
        assert order(daemon, "POST", "promote", version=1).status_code == 200
        shutil.rmtree(models / NAME / "3")
        look(daemon)
        wait_until(lambda: labels(daemon).get(2) == ["held"])
        assert version(daemon) == 1


@pytest.mark.parametrize("words", [
    ("promote", NAME, "01", "--reason", "x"), ("promote", NAME, "+2", "--reason", "x"),
    ("rollout", NAME, "stop", "3"), ("rollout", NAME, "get", "3"), ("rollout", NAME, "start"),
])
def test_words_that_are_no_order_are_refused(tmp_path, words):
    answer = run(*words, "--operations-port", 1)
    assert answer.returncode == 2 and answer.stderr.startswith(f"serin {words[0]}: "), answer


@pytest.mark.parametrize("words", [
    ("version",), ("--help",), ("inspect", MODELS / NAME / "1"), ("plan", MODELS / NAME / "1", "--json"),
    ("diff", MODELS / NAME / "1", MODELS / NAME / "1"),
])
def test_an_answer_that_cannot_be_written_is_a_failure(words):
    with open("/dev/full", "w") as full:
        answer = subprocess.run(
            [binary(), *map(str, words)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            env=surroundings(),
        )
    assert answer.returncode == 3
    assert "the answer could not be written" in answer.stderr and "No space left" in answer.stderr


def test_whatever_was_answered_survives_a_kill(tmp_path):
    chance = random.Random(20261130)
    models = copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2", f"{OTHER}/1")
    for number in (2, 3):
        bring(models, number, OTHER, from_number=1)
    bring(models, 3, from_number=2)
    settings = quick(versions={"policy": "3 latest"}, rollout=SLOW | {"mode": "immediate"})
    counts = {}
    with Daemon(models, tmp_path, settings) as daemon:
        for _ in range(12):
            for _ in range(chance.randint(1, 6)):
                method, verb, body = chance.choice([
                    ("POST", "promote", {"version": chance.randint(1, 3)}),
                    ("POST", "rollback", {}),
                    ("PUT", "pin", {"version": chance.randint(1, 3)}),
                    ("DELETE", "pin", {}),
                    ("PUT", "rollout", {"version": chance.randint(1, 3)}),
                    ("DELETE", "rollout", {}),
                ])
                answer = order(daemon, method, verb, chance.choice([NAME, OTHER]), **body)
                assert answer.status_code in (200, 409), answer.text
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
            before = orders(daemon), daemon.events()[-1]["sequence"]
            told = [event for event in daemon.events() if event["event"] in ORDERED]
            restart(daemon)
            assert orders(daemon) == before[0]
            after = [event for event in daemon.events() if event["sequence"] <= before[1]]
            assert [event for event in after if event["event"] in ORDERED] == told
    assert counts[200] > 15, counts


ORDERED = {"swap.rolled_back", "version.pinned", "version.unpinned"}
