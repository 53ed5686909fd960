# SPDX-License-Identifier: Apache-2.0
"""Memory is a setting: it does not move with traffic, and stays within the printed budget."""

import http.client
import json
import random
import threading

from daemon import Daemon, copy_models, golden

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
