# SPDX-License-Identifier: Apache-2.0
"""What operators see and do: metrics, the breaker by hand, readiness on the fallback, commands."""

import csv
import json
import signal

import pytest
from daemon import MODELS, Daemon, copy_models, golden, run
from prometheus_client.parser import text_string_to_metric_families
from test_stories import PRICE, ROW, broken, own_answer


def metrics(daemon):
    text = daemon.operations("GET", "/metrics", token=False).text
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, name, **labels):
    samples = [
        sample.value for family in families.values() for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert samples, name
    return sum(samples)


def test_metrics_count_what_clients_saw(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-price/1"), tmp_path) as daemon:
        for _ in range(3):
            assert daemon.rows("diamonds-price", [ROW, ROW]).status_code == 200
        assert daemon.rows("diamonds-price", [{**ROW, "cut": "Idael"}]).status_code == 400
        assert daemon.rows("nope", [ROW]).status_code == 404
        found = metrics(daemon)
        model = {"model": "diamonds-price", "version": "1"}
        assert value(found, "serin_requests_total", code="200", served_by="model", **model) == 3
        assert value(found, "serin_requests_total", code="400", served_by="none", **model) == 1
        assert value(found, "serin_unrouted_requests_total", code="404") == 1
        assert value(found, "serin_decisions_total", guard="ok", **model) == 6
        assert value(found, "serin_prediction_count", output="price", **model) == 6
        assert value(found, "serin_phase_duration_seconds_count", phase="infer", **model) == 3
        assert value(found, "serin_ready") == 1
        assert value(found, "serin_canary_passing", **model) == 1
        assert value(found, "serin_breaker_state", state="closed", **model) == 1
        assert value(found, "serin_arena_bytes", kind="bound", **model) > 0
        assert value(found, "process_resident_memory_bytes") > 1 << 20
        texts = daemon.operations("GET", "/metrics").text
        assert "Idael" not in texts and "nope" not in texts


def test_a_breaker_tripped_by_hand_stays_open_over_a_restart(tmp_path):
    daemon = Daemon(copy_models(tmp_path, "diamonds-price/1"), tmp_path)
    path = "/v1/models/diamonds-price/breaker"
    with daemon:
        order = {"action": "trip", "reason": "looks wrong"}
        assert daemon.operations("POST", path, order, token=False).status_code == 401
        assert daemon.operations("POST", path, order).json()["breaker"] == {"1": "forced_open"}
        daemon.stop(signal.SIGKILL)
        daemon.start()
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-decision"] == "breaker"
        daemon.operations("POST", path, {"action": "reset", "reason": "mended"})
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-decision"] == "ok"


def test_a_pod_may_stay_ready_on_a_proven_fallback(tmp_path):
    answer = own_answer(tmp_path)
    models = tmp_path / "models"
    broken.exact_golden(PRICE, models, 1.01, answer)
    contract = models / "diamonds-price" / "1" / "contract.json"
    document = json.loads(contract.read_text())
    document.setdefault("canary", {})["when_failing"] = "fallback"
    contract.write_text(json.dumps(document))
    broken.rehash(contract.parent)
    with Daemon(models, tmp_path) as daemon:
        assert daemon.get("/readyz").status_code == 200
        answer = daemon.rows("diamonds-price", [ROW])
        assert answer.headers["serin-served-by"] == "fallback"
        assert answer.headers["serin-decision"] == "canary"


def test_the_canary_runs_on_demand_and_shows_each_record(serin):
    answer = serin.operations("POST", "/v1/models/diamonds-price/canary").json()
    assert answer["outcome"] == "passed" and answer["verdict"] == "passing"
    assert len(answer["records"]) == len(golden("diamonds-price/2"))
    assert all(record["deviation"] <= answer["tolerance"] for record in answer["records"])


def test_an_inference_token_is_asked_for_where_one_is_set(tmp_path):
    import hashlib

    token = "a-secret-of-some-length-that-nobody-guesses"
    tokens = [{"name": "shop", "sha256": hashlib.sha256(token.encode()).hexdigest()}]
    models = copy_models(tmp_path, "tumour/1")
    row = golden("tumour/1")[0]["inputs"]
    with Daemon(models, tmp_path, {"inference_tokens": tokens}) as daemon:
        assert daemon.rows("tumour", [row]).status_code == 401
        wrong = {"authorization": "Bearer nope"}
        assert daemon.rows("tumour", [row], headers=wrong).status_code == 401
        right = {"authorization": f"Bearer {token}"}
        assert daemon.rows("tumour", [row], headers=right).status_code == 200
        assert daemon.get("/readyz").status_code == 200


def command(daemon, *words, code=0):
    result = run(
        *words, "--operations-port", daemon.operations_port, "--state-directory", daemon.state)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def test_the_commands_that_ask_a_daemon(serin):
    assert "diamonds-price" in command(serin, "status")
    assert json.loads(command(serin, "status", "--json"))["ready"] is True
    assert "passed" in command(serin, "canary", "tumour")
    assert "model.loaded" in command(serin, "events")
    assert run("probe", "/readyz", "--port", serin.port).returncode == 0
    assert run("probe", "/readyz/nope", "--port", serin.port).returncode == 1
    assert run("status", "--operations-port", "1").returncode == 3


def test_the_override_command(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-price/1"), tmp_path) as daemon:
        command(daemon, "override", "diamonds-price", "set", "fallback", "--reason", "r", "--by", "b",
                "--expires-in", "5m")
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-decision"] == "override"
        command(daemon, "override", "diamonds-price", "clear")
        assert daemon.rows("diamonds-price", [ROW]).headers["serin-decision"] == "ok"


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_predict_answers_files_without_a_daemon(tmp_path, form):
    records = golden("diamonds-price/1")
    rows = [record["inputs"] for record in records]
    path = tmp_path / f"rows.{form}"
    if form == "csv":
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif form == "json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows))
    result = run("predict", MODELS / "diamonds-price" / "1", path, "--json")
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout)["predictions"]
    assert got == pytest.approx([record["outputs"]["price"] for record in records], rel=1e-4)
    assert "served by" in run("predict", MODELS / "diamonds-price" / "1", path).stdout


def test_predict_refuses_what_the_daemon_refuses(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{**ROW, "cut": "Idael"}]))
    result = run("predict", MODELS / "diamonds-price" / "1", path)
    assert result.returncode == 1
    assert "did you mean 'Ideal'?" in result.stderr


def test_plan_and_bench_speak_json():
    plan = json.loads(run("plan", MODELS / "diamonds-network" / "1", "--json").stdout)
    assert plan["peak_bytes"] <= plan["arena_bytes"]
    assert plan["largest_live_set_bytes"] <= plan["peak_bytes"]
    assert plan["kubernetes_memory_limit"].endswith("Mi")
    assert plan["fits"] and plan["limit_bytes"] > plan["budget_bytes"]
    assert plan["limit_source"] in ("cgroup", "machine")
    for slot in plan["tensors"]:
        assert slot["offset"] + slot["bytes"] <= plan["arena_bytes"]
    bench = json.loads(run("bench", MODELS / "diamonds-price" / "1", "--batch", "16", "--json").stdout)
    assert set(bench) == {"p50_us", "p99_us", "runs", "arena_bytes"}
    assert 0 < bench["p50_us"] <= bench["p99_us"]


def test_every_command_has_help_with_an_example():
    for line in run("--help").stdout.split("commands:")[1].split("\n\n")[0].splitlines():
        if line.strip():
            name = line.split()[0]
            text = run(name, "--help")
            assert text.returncode == 0 and f"serin {name}" in text.stdout


def followed(daemon, last=None, query=""):
    """What a browser's EventSource makes of an answer (WHATWG HTML 9.2.6): the pause, and (id, data) of each event."""
    headers = {"accept": "text/event-stream"} | ({} if last is None else {"last-event-id": last})
    answer = daemon.operations("GET", f"/v1/events{query}", headers=headers, token=False)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
    pause, events, fields = None, [], {}
    for line in answer.content.decode().split("\n"):
        if not line:
            if "data" in fields:
                events.append((fields["id"], json.loads(fields["data"])))
            fields = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "retry":
            pause = int(value)
        else:
            fields[name] = value
    return pause, events


def test_the_journal_can_be_followed_by_an_event_source(tmp_path):
    with Daemon(copy_models(tmp_path, "diamonds-price/1"), tmp_path) as daemon:
        pause, events = followed(daemon, query="?since=0")
        assert pause == 1000
        lines = daemon.operations("GET", "/v1/events?since=0", token=False).content.decode().splitlines()
        assert [event for _, event in events] == [json.loads(line) for line in lines]
        assert all(number == str(event["sequence"]) for number, event in events)
        seen = events[-1][0]
        assert followed(daemon, seen) == (1000, [])
        order = {"mode": "fallback", "reason": "data: odd\u00e9 prices", "by": "mira", "expires_in": "1m"}
        assert daemon.operations("PUT", "/v1/models/diamonds-price/override", order).status_code == 200
        # An EventSource keeps its address, with the 'since' that it began with.
        _, events = followed(daemon, seen, "?since=0")
        assert [event["event"] for _, event in events] == ["override.set"]
        assert events[0][1]["fields"]["reason"] == order["reason"]
        refused = daemon.operations(
            "GET", "/v1/events", headers={"accept": "text/event-stream", "last-event-id": "x"}, token=False
        )
        assert refused.status_code == 400 and "'last-event-id'" in refused.json()["error"]
        for accept, is_stream in [
            ("Text/Event-Stream;q=0.5", True),
            ("text/event-stream;q=0", False),
            ("text/event-streams", False),
        ]:
            answer = daemon.operations("GET", "/v1/events?since=0", headers={"accept": accept}, token=False)
            assert answer.headers["content-type"].startswith("text/event-stream") == is_stream, accept
