# SPDX-License-Identifier: Apache-2.0
"""Gates hold a new version to what is its own fault, and the shadow is in nobody's way."""

import contextlib
import json
import random
import socket
import sys
import threading
import time

import numpy as np
import pytest
from daemon import ROOT, Daemon
from onnx import TensorProto, helper, numpy_helper
from stuck import stuck
from test_long_runs import slow_model
from test_versions import wait_until

sys.path.insert(0, str(ROOT / "Tests" / "oracles"))
import broken_models as broken  # noqa: E402

PAGE = "/v1/models/m/rollout"
CHEAP = [float(x) for x in range(8)]


def identity():
    return broken.graph_model([helper.make_node("Identity", ["x0"], ["y"])])


def put(folder, model, answer=lambda x: x, xs=CHEAP, has_fallback=True, **contract):
    contract = broken.controlled_contract(**contract)
    safe = contract["fallback"][0]["values"]["y"]
    fallback = [{"inputs": {"x0": x}, "outputs": {"y": safe}} for x in xs]
    if not has_fallback:
        del contract["fallback"]
        fallback = []
    golden = [{"inputs": {"x0": x}, "outputs": {"y": answer(x)}} for x in xs]
    baseline = broken.controlled_baseline()
    return broken.write_artifact(folder, model, contract, golden, baseline, fallback)


@contextlib.contextmanager
def rolling(tmp_path, old, new, rollout=None, **settings):
    """A daemon with version 1, beside which version 2 has just begun its way."""
    put(tmp_path / "models" / "m" / "1", **old)
    steps = {"mode": "gradual", "shadow_share": 0, "shadow_for": "0s", "steps": "50", "step_for": "1h",
             "min_rows": 60}
    settings = {"versions": {"settle": "100ms", "poll": "1s"}, "rollout": {**steps, **(rollout or {})},
                **settings}
    with Daemon(tmp_path / "models", tmp_path, settings) as daemon:
        arrive(tmp_path, new)
        wait_until(lambda: page(daemon))
        yield daemon


def arrive(tmp_path, new):
    staged = put(tmp_path / "staged" / "m" / "2", **new)
    staged.rename(tmp_path / "models" / "m" / "2")


def page(daemon):
    return daemon.operations("GET", PAGE).json()["rollout"]


def in_step(daemon):
    wait_until(lambda: page(daemon)["step"] == 1)


def ended(daemon):
    return [event["fields"] for event in daemon.events("rollout.ended")]


def ask(daemon, *xs, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return daemon.rows("m", [{"x0": x} for x in xs], headers=headers)


def ask_until_it_ends(daemon, values, seconds=40):
    deadline = time.monotonic() + seconds
    while not ended(daemon) and time.monotonic() < deadline:
        for _ in range(20):
            ask(daemon, values())
    return ended(daemon)[0]


@pytest.mark.alone
def test_a_version_that_does_not_answer_in_time_is_taken_back(tmp_path):
    new = {"model": slow_model(trips=1500)}
    with rolling(tmp_path, {"model": identity()}, new, deadlines={"request": "100ms"}) as daemon:
        in_step(daemon)
        end = ask_until_it_ends(daemon, lambda: random.uniform(0, 2000))
        assert end["result"] == "failed" and end["gate"]["gate"] == "unanswered", end
        assert ask(daemon, 1.0).headers["serin-model-version"] == "1"


def test_garbage_that_no_fallback_stands_in_for_is_seen_and_told(tmp_path):
    new = {
        "model": broken.graph_model([helper.make_node("Log", ["x0"], ["y"])]),
        "answer": lambda x: float(np.log(np.float32(x))), "xs": [2.0, 5.0, 64.0, 1000.0],
        "has_fallback": False, "breaker": {"window": 20, "min_requests": 1, "trip_ratio": 0.05,
                                           "cool_down": "1h", "probes": 5},
    }
    old = {"model": identity(), "bounds": None, "ratio": None}
    with rolling(tmp_path, old, new) as daemon:
        in_step(daemon)
        for _ in range(20):
            ask(daemon, -5.0)
        assert wait_until(lambda: ended(daemon))[0]["gate"]["gate"] in ("breaker", "non_finite")
        assert daemon.events("breaker.opened")[0]["fields"]["version"] == 2


def test_a_version_that_refuses_what_was_answered_is_taken_back_in_shadow(tmp_path):
    staged = put(tmp_path / "narrow" / "m" / "2", identity())
    contract = json.loads((staged / "contract.json").read_text())
    contract["features"][0]["range"] = [0, 10]
    steps = {"shadow_share": 1, "shadow_for": "1h"}
    with rolling(tmp_path, {"model": identity()}, {"model": identity()}, steps) as daemon:
        daemon.operations("DELETE", PAGE)
        (staged / "contract.json").write_text(json.dumps(contract))
        (staged / "artifact.json").write_text(
            (staged / "artifact.json").read_text().replace('"version": 2', '"version": 3')
        )
        broken.rehash(staged)
        staged.rename(tmp_path / "models" / "m" / "3")
        wait_until(lambda: page(daemon) and page(daemon)["to"] == 3)
        deadline = time.monotonic() + 20
        while len(ended(daemon)) < 2 and time.monotonic() < deadline:
            assert ask(daemon, random.choice([5.0, 20.0])).status_code == 200
        assert ended(daemon)[1]["gate"]["gate"] == "unanswered", ended(daemon)


def test_an_order_for_all_versions_ends_no_rollout(tmp_path):
    with rolling(tmp_path, {"model": identity()}, {"model": identity()}) as daemon:
        in_step(daemon)
        for action, source in (("trip", "fallback"), ("reset", "model")):
            order = {"action": action, "reason": "to see"}
            assert daemon.operations("POST", "/v1/models/m/breaker", order).status_code == 200
            time.sleep(1.5)
            for _ in range(10):
                assert ask(daemon, 1.0).headers["serin-served-by"] == source
        assert page(daemon) and not ended(daemon)


def test_a_version_whose_breaker_opened_can_be_tried_again(tmp_path):
    breaker = {"window": 100, "min_requests": 20, "trip_ratio": 0.05, "cool_down": "100ms", "probes": 5}
    new = {"model": identity(), "bounds": (0, 100), "ratio": None, "fallback": 50.0, "breaker": breaker}
    steps = {"max_refused": 1}
    with rolling(tmp_path, {"model": identity()}, new, steps) as daemon:
        in_step(daemon)
        assert ask_until_it_ends(daemon, lambda: 150.0)["gate"]["gate"] == "breaker"
        time.sleep(1)
        order = {"version": 2, "reason": "they were odd requests"}
        assert daemon.operations("PUT", PAGE, order).status_code == 200
        time.sleep(1.5)
        assert page(daemon) and len(ended(daemon)) == 1


@pytest.mark.alone
def test_an_old_version_that_only_falls_back_makes_no_new_one_slow(tmp_path):
    slow = {"model": slow_model(trips=20)}
    with rolling(tmp_path, slow, slow) as daemon:
        in_step(daemon)
        for _ in range(60):
            ask(daemon, -5.0, serin_sticky_key=key_of(daemon, "1"))
        assert daemon.events("breaker.opened")[0]["fields"]["version"] == 1
        for _ in range(60):
            ask(daemon, 5.0, serin_sticky_key=key_of(daemon, "1"))
            ask(daemon, 5.0, serin_sticky_key=key_of(daemon, "2"))
        time.sleep(1)
        assert page(daemon)["candidate"]["rows"] >= 60 and not ended(daemon), ended(daemon)


def key_of(daemon, version):
    """A key whose requests this version answers."""
    keys = daemon.__dict__.setdefault("keys", {})
    number = 0
    while version not in keys:
        keys.setdefault(ask(daemon, 1.0, serin_sticky_key=f"k{number}").headers["serin-model-version"],
                        f"k{number}")
        number += 1
    return keys[version]


def test_clients_that_differ_do_not_make_versions_differ(tmp_path):
    steps = {"shadow_share": 1, "shadow_for": "0s"}
    with rolling(tmp_path, {"model": identity()}, {"model": identity()}, steps) as daemon:
        for _ in range(60):
            ask(daemon, *(random.uniform(0, 2000) for _ in range(10)))
        in_step(daemon)
        # All that the new version is asked for is cheap.
        for _ in range(40):
            ask(daemon, *(random.uniform(0, 300) for _ in range(20)), serin_sticky_key=key_of(daemon, "2"))
            ask(daemon, *(random.uniform(0, 2000) for _ in range(20)), serin_sticky_key=key_of(daemon, "1"))
        wait_until(lambda: page(daemon)["agreement"]["rows"] >= 400)
        gates = {gate["gate"]: gate for gate in page(daemon)["gates"]}
        assert gates["predictions"]["verdict"] == "passed" and gates["predictions"]["measure"] == 0
        assert not ended(daemon)


def test_an_empty_key_is_none(tmp_path):
    with rolling(tmp_path, {"model": identity()}, {"model": identity()}) as daemon:
        in_step(daemon)
        seen = {ask(daemon, 1.0, serin_sticky_key="").headers["serin-model-version"] for _ in range(40)}
        assert seen == {"1", "2"}


def test_a_shift_of_the_predictions_is_seen(tmp_path):
    half = helper.make_model(
        helper.make_graph(
            [helper.make_node("Mul", ["x0", "half"], ["y"])], "half",
            [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["N", 1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
            [numpy_helper.from_array(np.array(0.5, np.float32), "half")],
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )
    new = {"model": half, "answer": lambda x: x / 2}
    steps = {"shadow_share": 1, "shadow_for": "1h"}
    with rolling(tmp_path, {"model": identity()}, new, steps) as daemon:
        end = ask_until_it_ends(daemon, lambda: random.uniform(0, 2000))
        assert end["gate"]["gate"] == "predictions", end


def test_golden_records_that_do_not_run_make_it_wait(tmp_path):
    new = {"model": identity()}
    with rolling(tmp_path, {"model": identity()}, new, canary={"interval": "500ms"}) as daemon:
        in_step(daemon)
        with stuck(daemon.process.pid, "serin-canary"):
            time.sleep(3)
            gates = {gate["gate"]: gate for gate in page(daemon)["gates"]}
            assert gates["canary"]["verdict"] == "unknown"
        time.sleep(1)
        assert page(daemon) and not ended(daemon), ended(daemon)


# The shadow


def exchange(daemon, body, times, together, found):
    """Requests on one connection, some of them at once."""
    text = json.dumps(body).encode()
    head = f"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(text)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", daemon.port)) as connection:
        answers = connection.makefile("rb")
        for _ in range(times):
            connection.sendall((head.encode() + text) * together)
            for _ in range(together):
                status, length = answers.readline().split()[1], 0
                while (line := answers.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                answers.read(length)
                found.append(status)


def test_the_shadow_takes_no_arena_from_live_requests(tmp_path):
    steps = {"shadow_share": 1, "steps": "90", "min_rows": 1, "max_latency_ratio": 1e6}
    same = {"model": identity()}
    with rolling(tmp_path, same, same, steps, loops=1, concurrency={"per_model": 1},
                 deadlines={"request": "10s"}) as daemon:
        deadline = time.monotonic() + 20
        while page(daemon)["step"] == 0 and time.monotonic() < deadline:
            ask(daemon, 1.0)
        found = []
        one, many = ({"instances": [{"x0": 1.0}] * count} for count in (1, 1000))
        threads = [
            threading.Thread(target=exchange, args=(daemon, body, times, together, found))
            for body, times, together in [(one, 3000, 16), (many, 600, 2)] * 3
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert len(found) == 3 * 49_200 and set(found) == {b"200"}, {s: found.count(s) for s in set(found)}
        assert page(daemon)["shadow"]["run"] > 0


def test_answers_that_wait_for_the_shadow_are_bounded_and_end_with_it(tmp_path):
    width, rows = 20_000, 60

    def wide(trips):
        graph = slow_model(trips=trips).graph
        for node in graph.node:
            node.output[:] = ["slow" if name == "y" else name for name in node.output]
        graph.node.append(helper.make_node("MatMul", ["slow", "w"], ["y"]))
        graph.initializer.append(numpy_helper.from_array(np.ones((1, width), np.float32), "w"))
        graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", width]))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def wide_put(folder, trips):
        contract = broken.controlled_contract(ratio=None)
        contract["fallback"] = [{"kind": "constant", "values": {"y": [1000.0] * width}}]
        golden = [{"inputs": {"x0": 1.0}, "outputs": {"y": [1.0] * width}}]
        return broken.write_artifact(folder, wide(trips), contract, golden, broken.controlled_baseline())

    wide_put(tmp_path / "models" / "m" / "1", 1)
    staged = wide_put(tmp_path / "staged" / "m" / "2", 500)
    settings = {
        "versions": {"settle": "100ms", "poll": "1s"}, "limits": {"rows": 64},
        "rollout": {"mode": "gradual", "shadow_share": 1, "shadow_for": "1h"},
        "deadlines": {"request": "20s"}, "canary": {"interval": "1h"},
    }
    with Daemon(tmp_path / "models", tmp_path, settings) as daemon:
        staged.rename(tmp_path / "models" / "m" / "2")
        wait_until(lambda: page(daemon))
        body = [float(x) for x in range(rows)]
        for _ in range(3):
            ask(daemon, *body)
        before = daemon.resident_bytes()
        most = 0
        for _ in range(40):
            assert ask(daemon, *body).status_code == 200
            most = max(most, daemon.resident_bytes())
        # One answer is 9.6 MB as doubles; forty of them were kept.
        assert most - before < 80 << 20, (before, most)
        assert page(daemon)["shadow"]["dropped"] > 0
        assert daemon.operations("DELETE", PAGE).status_code == 200
        time.sleep(3)
        ticks = processor_ticks(daemon)
        time.sleep(2)
        assert processor_ticks(daemon) - ticks < 50


def processor_ticks(daemon):
    with open(f"/proc/{daemon.process.pid}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))


@pytest.mark.parametrize("name, value", [
    ("authorization", "Bearer x"), ("content-type", "application/json"), ("serin-sticky-key", "a"),
    ("serin-timeout-ms", "900"), ("grpc-timeout", "1S"), ("serin-priority", "low"),
    ("inference-header-content-length", "30"),
])
def test_a_header_that_is_acted_on_comes_once(one_model, name, value):
    text = b'{"instances": [{"x0": 1.0}]}'
    with socket.create_connection(("127.0.0.1", one_model.port)) as connection:
        lines = f"{name}: {value}\r\n{name.title()}: {value}\r\n"
        connection.sendall(
            f"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(text)}\r\n\r\n"
            .encode() + text
        )
        answer = connection.makefile("rb").readline()
    assert answer.split()[1] == b"400", answer


@pytest.fixture(scope="module")
def one_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("headers")
    put(folder / "models" / "m" / "1", identity())
    with Daemon(folder / "models", folder) as daemon:
        yield daemon
