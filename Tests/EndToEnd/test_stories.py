# SPDX-License-Identifier: Apache-2.0
"""The stories that Serin exists for, each against the real binary."""

import http.client
import json
import math
import os
import pathlib
import shutil
import signal
import sys
import threading
import time

import pytest
from daemon import MODELS, ROOT, Daemon, copy_models, golden, run
from stuck import stuck

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

PRICE = MODELS / "diamonds-price" / "1"
ROW = golden("diamonds-price/1")[0]["inputs"]


def loaded(name):
    return broken.LOADED[name]


# Ready means right


def own_answer(tmp_path):
    """What the daemon itself answers to the first golden record."""
    with Daemon(copy_models(tmp_path / "own", "diamonds-price/1"), tmp_path / "own") as daemon:
        return {"price": daemon.rows("diamonds-price", [ROW]).json()["predictions"][0]}


@pytest.mark.parametrize("percent, is_ready", [(0.011, False), (0.009, True), (-0.011, False)])
def test_a_golden_answer_that_is_off_decides_readiness(tmp_path, percent, is_ready):
    answer = own_answer(tmp_path)
    models = tmp_path / "models"
    broken.exact_golden(PRICE, models, 1 / (1 + percent / 100), answer)
    with Daemon(models, tmp_path, wait="started") as daemon:
        ready = daemon.get("/readyz")
        assert ready.status_code == (200 if is_ready else 503), ready.text
        for path in ("/v2/health/ready", "/v2/models/diamonds-price/ready"):
            answer = daemon.get(path)
            assert answer.status_code == ready.status_code
            assert answer.json()["ready"] is is_ready
        assert daemon.get("/livez").status_code == 200
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.status_code == 200
        assert answer.headers["serin-served-by"] == ("model" if is_ready else "fallback")
        if not is_ready:
            assert answer.headers["serin-decision"] == "canary"
            assert "canary:diamonds-price:1" in ready.text and "want" in ready.text


def test_a_canary_that_cannot_run_turns_the_pod_unready_when_its_verdict_expires(tmp_path):
    settings = {"canary": {"interval": "1s"}}
    models = tmp_path / "models"
    broken.edit_contract(PRICE, models, lambda c: c.setdefault("canary", {}).update(interval="1s"))
    with Daemon(models, tmp_path, settings) as daemon:
        with stuck(daemon.process.pid, "serin-canary"):
            assert daemon.get("/readyz").status_code == 200
            body = daemon.wait_for("/readyz", 503, seconds=5).text
            assert "stale" in body
            answer = daemon.rows("diamonds-price", [ROW])
            assert answer.headers["serin-served-by"] == "fallback"
            assert answer.headers["serin-decision"] == "canary"
            assert daemon.get("/livez").status_code == 200
        daemon.wait_for("/readyz", 200, seconds=10)
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-served-by"] == "model"


# The bytes served are the bytes approved


def test_a_weight_byte_flipped_before_load_is_refused(tmp_path):
    models = copy_models(tmp_path, "tumour/1")
    broken.flip_weight_byte(PRICE, models)
    with Daemon(models, tmp_path) as daemon:
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.status_code == 503
        assert "model.onnx" in answer.json()["error"] and answer.json()["category"] == "model"
        assert daemon.get("/v2/models/diamonds-price/ready").status_code == 503
        assert daemon.rows("tumour", [golden("tumour/1")[0]["inputs"]]).status_code == 200
        assert daemon.events("model.refused")[0]["model"] == "diamonds-price"


def test_a_weight_byte_flipped_while_serving_is_found(tmp_path):
    settings = {"integrity": {"interval": "10ms"}}
    models = copy_models(tmp_path, "diamonds-price/1")
    with Daemon(models, tmp_path, settings) as daemon:
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-served-by"] == "model"
        broken.flip_byte(models / "diamonds-price" / "1" / "model.onnx")
        assert "model.onnx" in daemon.wait_for("/readyz", 503, seconds=20).text
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.status_code == 200
        assert answer.headers["serin-served-by"] == "fallback"
        assert answer.headers["serin-decision"] == "integrity"
        assert "model.onnx" in json.dumps(daemon.events("integrity.failed"))
        order = {"mode": "model", "reason": "I insist", "by": "test", "expires_in": "1m"}
        assert daemon.operations("PUT", "/v1/models/diamonds-price/override", order).status_code == 200
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-decision"] == "integrity", "nobody can silence integrity"


@pytest.mark.parametrize("left", [0, 5000])
def test_a_model_that_is_cut_while_serving_is_found_and_the_daemon_lives(tmp_path, left):
    settings = {"integrity": {"interval": "10ms"}}
    models = copy_models(tmp_path, "diamonds-price/1")
    with Daemon(models, tmp_path, settings) as daemon:
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-served-by"] == "model"
        os.truncate(models / "diamonds-price" / "1" / "model.onnx", left)
        assert "model.onnx" in daemon.wait_for("/readyz", 503, seconds=20).text
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-served-by"] == "fallback"
        assert answer.headers["serin-decision"] == "integrity"
        assert "model.onnx" in json.dumps(daemon.events("integrity.failed"))
        # Two whole passes over the mapping behind its file's end.
        time.sleep(1)
        assert daemon.process.poll() is None
        assert daemon.get("/livez").status_code == 200
        assert daemon.operations("GET", "/v1/status").json()["models"][0]["versions"][0]["integrity"]["verdict"] == "changed"


@pytest.mark.parametrize("name", sorted(broken.REFUSED))
def test_a_broken_artifact_is_refused_and_the_others_go_on(tmp_path, name):
    models = copy_models(tmp_path, "tumour/1")
    folder = pathlib.Path(broken.REFUSED[name](PRICE, models))
    verdict = run("verify", folder)
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert "Fatal error" not in verdict.stderr
    with Daemon(models, tmp_path) as daemon:
        answer = daemon.rows(folder.parent.name, [ROW])
        assert answer.status_code == 503, answer.text
        assert len(answer.json()["error"]) > 40
        assert daemon.rows("tumour", [golden("tumour/1")[0]["inputs"]]).status_code == 200


def test_a_contract_with_a_misspelt_key_names_the_right_one(tmp_path):
    folder = broken.misspell_contract(PRICE, tmp_path)
    verdict = run("verify", folder)
    assert verdict.returncode == 1
    assert "catagories" in verdict.stdout + verdict.stderr
    assert "did you mean 'categories'?" in verdict.stdout + verdict.stderr


# No garbage out


GARBAGE = [
    # form, the value that makes the model answer garbage, the guard that must catch it
    ("log", -1.0, "non_finite"),
    ("sqrt", -1.0, "non_finite"),
    ("reciprocal", 0.0, "non_finite"),
    ("identity", -0.01, "bounds"),
    ("identity", 5.01 * broken.MEAN, "bounds"),
    ("identity", 1e9, "bounds"),
]


@pytest.mark.parametrize("form, value, guard", GARBAGE)
def test_garbage_never_leaves_as_a_models_answer_and_trips_the_breaker(tmp_path, form, value, guard):
    models = tmp_path / "models"
    breaker = {"window": 100, "min_requests": 20, "trip_ratio": 0.05, "cool_down": "1s", "probes": 3}
    broken.make_controlled_regressor(
        models / "m" / "1", form, bounds=(0, 10 * broken.MEAN), breaker=breaker)
    good, bad = {"x0": 64.0}, {"x0": value}
    with Daemon(models, tmp_path) as daemon:
        sound = daemon.rows("m", [good]).json()["predictions"][0]
        answer = daemon.rows("m", [good, bad, good])
        assert answer.status_code == 200
        assert answer.json()["predictions"] == [sound, broken.MEAN, sound]
        assert answer.headers["serin-served-by"] == "mixed"
        assert answer.headers["serin-decision"] == guard
        marks = answer.json()["parameters"]
        assert marks["serin-served-by"] == ["model", "fallback", "model"]
        for _ in range(30):
            answer = daemon.rows("m", [bad])
            assert answer.json()["predictions"] == [broken.MEAN]
            assert answer.headers["serin-served-by"] == "fallback"
        answer = daemon.rows("m", [good])
        assert answer.headers["serin-decision"] == "breaker"
        assert answer.json()["predictions"] == [broken.MEAN]
        told = daemon.events("breaker.opened")[0]["fields"]
        assert (told["guard"], told["output"]) == (guard, "y")
        assert not math.isfinite(float(told["value"])) or not 0 <= float(told["value"]) <= 5 * broken.MEAN
        end = time.monotonic() + 15
        while not daemon.events("breaker.closed"):
            assert time.monotonic() < end, daemon.events()
            assert daemon.rows("m", [good]).headers["serin-decision"] in ("breaker", "ok")
            time.sleep(0.1)
        assert daemon.rows("m", [good]).json()["predictions"] == [sound]
        names = [event["event"] for event in daemon.events()]
        assert names.index("breaker.opened") < names.index("breaker.half_open")
        assert names.index("breaker.half_open") < names.index("breaker.closed")


@pytest.mark.parametrize("name", ["always-nan", "always-infinite", "always-negative", "always-too-high"])
def test_a_model_that_only_answers_garbage_is_unready_and_never_heard(tmp_path, name):
    models = tmp_path / "models"
    broken.LOADED[name](PRICE, models)
    with Daemon(models, tmp_path, wait="started") as daemon:
        assert daemon.get("/readyz").status_code == 503
        answer = daemon.rows("constant", [{"x0": 1.0}] * 3)
        assert answer.status_code == 200
        assert answer.headers["serin-served-by"] == "fallback"
        order = {"mode": "model", "reason": "I insist", "by": "test", "expires_in": "1m"}
        daemon.operations("PUT", "/v1/models/constant/override", order)
        answer = daemon.rows("constant", [{"x0": 1.0}] * 3)
        assert answer.headers["serin-served-by"] == "fallback", "nobody can silence bounds"
        assert all(math.isfinite(value) for value in answer.json()["predictions"])


def test_a_kill_switch_takes_a_row_from_the_model(serin):
    stone = {**ROW, "carat": 4.5, "x": 0.5}
    answer = serin.rows("diamonds-price", [ROW, stone])
    assert answer.status_code == 200, answer.text
    assert answer.headers["serin-served-by"] == "mixed"
    assert answer.headers["serin-decision"] == "kill_switch"


# The operator's toggle


def test_a_forced_fallback_survives_kill_minus_9_and_expires_on_time(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1")
    daemon = Daemon(models, tmp_path)
    path = "/v1/models/diamonds-price/override"
    with daemon:
        order = {"mode": "fallback", "reason": "negative prices", "by": "oncall", "expires_in": "6s"}
        assert daemon.operations("PUT", path, order, token=False).status_code == 401
        answer = daemon.operations("PUT", path, order)
        assert answer.status_code == 200, answer.text
        ordered = time.time()
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-decision"] == "override"
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        daemon.start()
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-decision"] == "override"
        assert answer.headers["serin-served-by"] == "fallback"
        assert daemon.operations("GET", path).json()["reason"] == "negative prices"
        while time.time() < ordered + 4.8:
            assert daemon.rows("diamonds-price", [ROW]).headers["serin-decision"] == "override"
            time.sleep(0.1)
        time.sleep(max(0, ordered + 6.1 - time.time()))
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-served-by"] == "model"
        time.sleep(0.3)
        names = [event["event"] for event in daemon.events()]
        assert names.count("override.set") == 1 and "override.expired" in names


# Nothing hangs, nothing is lost


def test_sigterm_under_load_loses_no_accepted_request(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1")
    body = json.dumps({"instances": [ROW] * 20})
    outcomes, stop = [], threading.Event()

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
        while not stop.is_set():
            try:
                connection.request(
                    "POST", "/v1/models/diamonds-price:predict", body,
                    {"content-type": "application/json"})
            except OSError:
                return  # Refused or closed before it was accepted.
            try:
                answer = connection.getresponse()
                answer.read()
            except http.client.RemoteDisconnected:
                # An idle connection that closes as the request leaves: the client may repeat it.
                outcomes.append("closed-idle")
                return
            outcomes.append(answer.status)
            if answer.getheader("connection") == "close":
                return

    with Daemon(models, tmp_path) as daemon:
        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert daemon.stop() == 0
        stop.set()
        for thread in threads:
            thread.join()
    assert outcomes.count(200) > 100
    assert set(outcomes) <= {200, "closed-idle"}, set(outcomes)


def test_a_port_in_use_is_one_clear_line(serin, tmp_path):
    result = run(
        "serve", "--models", serin.models, "--port", serin.port, "--operations-port", "0",
        "--state-directory", tmp_path)
    assert result.returncode == 3
    assert str(serin.port) in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_a_wrong_key_in_the_configuration_names_the_nearest(tmp_path):
    configuration = tmp_path / "serin.json"
    configuration.write_text('{"limits": {"rwos": 10}}')
    result = run("serve", "--config", configuration)
    assert result.returncode == 2
    assert "rwos" in result.stderr and "rows" in result.stderr


def test_no_model_is_not_ready(tmp_path):
    (tmp_path / "models").mkdir()
    with Daemon(tmp_path / "models", tmp_path, wait="started") as daemon:
        assert daemon.get("/readyz").status_code == 503
        assert daemon.get("/livez").status_code == 200


def test_the_journal_survives_kill_minus_9_without_a_torn_record(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1")
    daemon = Daemon(models, tmp_path)
    with daemon:
        before = daemon.events()
        # What nobody ordered is written a moment after it is told.
        last = f'"sequence":{before[-1]["sequence"]},'
        end = time.monotonic() + 10
        while not any(last in file.read_text() for file in daemon.state.glob("journal*")):
            assert time.monotonic() < end, "the last event is not on the disk"
            time.sleep(0.02)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        for file in daemon.state.glob("journal*"):
            with open(file, "ab") as journal:
                journal.write(b'{"sequence": 99999, "event": "torn')
        daemon.start()
        after = daemon.events()
        assert after[: len(before)] == before
        sequences = [event["sequence"] for event in after]
        assert sequences == sorted(set(sequences))
        assert "torn" not in json.dumps(after)


def test_a_models_folder_that_is_not_there_is_one_clear_line(tmp_path):
    result = run("serve", "--models", tmp_path / "nope", "--state-directory", tmp_path)
    assert result.returncode == 3
    assert "nope" in result.stderr and len(result.stderr.strip().splitlines()) == 1
