# SPDX-License-Identifier: Apache-2.0
"""Memory is a setting: it does not move with traffic, and stays within the printed budget."""

import http.client
import json
import random
import sys
import threading

import pytest
from daemon import MODELS, ROOT, Daemon, copy_models, golden, run

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import tensor_models  # noqa: E402

REQUESTS = 200_000
SIZES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 8, 13, 32, 100]
MIB = 1 << 20


def bodies():
    """Bodies of mixed sizes, one large for every few hundred small ones; some of them refused."""
    rows = [record["inputs"] for record in golden("diamonds-price/2")]
    few = [json.dumps({"instances": (rows * 4)[:size]}) for size in SIZES]
    large = json.dumps({"instances": (rows * 40)[:1000]})
    wrong = json.dumps({"instances": [{**rows[0], "cut": "Idael"}]})
    return few * 20 + [large, wrong, wrong]


def ask(port, count, seed):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    choose = random.Random(seed)
    texts = bodies()
    for _ in range(count):
        connection.request(
            "POST", "/v1/models/diamonds-price:predict", choose.choice(texts),
            {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 400), answer.status


def load(port, count, seed, clients=4):
    threads = [
        threading.Thread(target=ask, args=(port, count // clients, seed + index))
        for index in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_resident_memory_stays_flat_and_within_the_budget(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-price/2"), tmp_path) as daemon:
        load(daemon.port, 10_000, seed=1)
        before = daemon.resident_bytes()
        highest = before
        for part in range(10):
            load(daemon.port, (REQUESTS - 10_000) // 10, seed=100 + part)
            highest = max(highest, daemon.resident_bytes())
            print(part, daemon.resident_bytes(), flush=True)
        status = daemon.operations("GET", "/v1/status").json()
        print(f"resident after 10,000: {before}, highest after {REQUESTS}: {highest}")
        assert highest - before <= MIB
        assert highest <= status["memory"]["budget_bytes"]
        arena = status["models"][0]["versions"][0]["arena"]
        assert 0 < arena["high_water_bytes"] <= arena["bytes"]
        counts = status["models"][0]["versions"][0]["requests"]
        assert counts["total"] > REQUESTS * 0.9


WORDS = {"machine": "the machine's memory", "cgroup": "the container's limit"}
# More than any machine that runs tests has; nothing of it is taken but by bodies.
VAST = {"limits": {"request_memory": "1TiB"}}


def test_what_is_more_than_there_is_is_refused_though_no_limit_is_set(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-price/2"), tmp_path, VAST, wait="startup") as daemon:
        memory = daemon.operations("GET", "/v1/status").json()["memory"]
        words = WORDS[memory["limit_source"]]
        assert memory["limit_bytes"] < memory["budget_bytes"]
        reason = daemon.events("model.refused")[-1]["fields"]["reason"]
        assert "beside" in reason and words in reason and "limits.request_memory" in reason, reason
        fields = daemon.events("memory.budget")[-1]["fields"]
        assert fields["limit_source"] == memory["limit_source"]
        assert fields["limit_bytes"] == memory["limit_bytes"]
        told = f'serin_memory_limit_bytes{{source="{memory["limit_source"]}"}} '
        assert told in daemon.operations("GET", "/metrics").text
        status = run("status", "--operations-port", daemon.operations_port, "--state-directory", daemon.state)
        assert f"({memory['limit_source']})" in status.stdout.splitlines()[1], status.stdout
        for command in ("doctor", "plan"):
            arguments = [MODELS / "diamonds-price" / "2"] if command == "plan" else []
            looked = run(
                command, *arguments, "--config", tmp_path / "serin.json", "--models", daemon.models,
                "--port", 0, "--operations-port", 0)
            assert looked.returncode == 1, looked.stdout
            assert words in looked.stdout + looked.stderr


def test_what_is_configured_wins(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/2")
    with Daemon(models, tmp_path, VAST | {"memory_limit": "4TiB"}) as daemon:
        memory = daemon.operations("GET", "/v1/status").json()["memory"]
        assert (memory["limit_source"], memory["limit_bytes"]) == ("configured", 4 << 40)


def test_a_plan_is_what_the_daemon_reserves(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-network/1"), tmp_path) as daemon:
        plan = run("plan", MODELS / "diamonds-network" / "1", "--json")
        memory = daemon.operations("GET", "/v1/status").json()["memory"]
        plan = json.loads(plan.stdout)
        assert plan["fits"] is True
        for key in ("budget_bytes", "limit_bytes", "limit_source"):
            assert plan[key] == memory[key]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    tensor_models.make(folder / "models" / "echo" / "1", (3, 224, 224), echo=True)
    return folder / "models"


def test_more_rows_than_memory_are_refused_by_all_and_end_none(tmp_path, images):
    settings = {"limits": {"rows": 1 << 19}}
    with Daemon(images, tmp_path, settings, wait="startup") as daemon:
        reason = daemon.events("model.refused")[-1]["fields"]["reason"]
        assert "memory" in reason and "limits.rows" in reason, reason
        assert any(words in reason for words in WORDS.values()), reason
    places = ("--models", images, "--port", 0, "--operations-port", 0, "--state-directory", daemon.state)
    doctor = run("doctor", "--limits-rows", 1 << 19, *places)
    assert doctor.returncode == 1 and "fail  echo/1" in doctor.stdout, doctor.stdout
    plan = run("plan", images / "echo" / "1", "--limits-rows", 1 << 19)
    assert plan.returncode == 1 and "does not fit" in plan.stderr, plan.stderr
    assert "budget" in plan.stdout
    plan = run("plan", images / "echo" / "1", "--limits-rows", 1 << 19, "--memory-limit", "1024TiB")
    assert plan.returncode == 0, plan.stderr


def test_the_doctor_tells_which_versions_do_not_fit_together(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1", "diamonds-price/2")
    places = ("--models", models, "--port", 0, "--operations-port", 0, "--state-directory", tmp_path / "state")
    limit = json.loads(run("plan", models / "diamonds-price" / "2", "--json").stdout)["kubernetes_memory_limit"]
    doctor = run("doctor", *places, "--memory-limit", limit + "B")
    # The newest fits, the one before is only spare.
    assert doctor.returncode == 0, doctor.stdout
    assert "warn  diamonds-price/1" in doctor.stdout and "does not fit" in doctor.stdout
    assert "as memory_limit says" in doctor.stdout
    doctor = run("doctor", *places, "--memory-limit", f"{int(limit[:-2]) - 3}MiB")
    assert doctor.returncode == 1, doctor.stdout
    assert "fail  diamonds-price/2" in doctor.stdout
    assert run("doctor", *places).stdout.count("does not fit") == 0
