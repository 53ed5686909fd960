# SPDX-License-Identifier: Apache-2.0
"""More is asked than can be answered: the rest is refused at once, politely, and by rank."""

import concurrent.futures
import hashlib
import time

import pytest
import requests
from daemon import Daemon, copy_models, golden
from test_long_runs import slow_model, write

# Who is answered in time is what these tests are about.
pytestmark = pytest.mark.alone
ROW = golden("diamonds-price/1")[0]["inputs"]


def ask(daemon, headers=None, value=3.0):
    start = time.monotonic()
    answer = requests.post(
        daemon.url("/v1/models/slow:predict"),
        json={"instances": [{"x0": value}]},
        headers=headers or {},
        timeout=30,
    )
    return answer, time.monotonic() - start


def at_once(daemon, all_headers):
    with concurrent.futures.ThreadPoolExecutor(len(all_headers)) as pool:
        return list(pool.map(lambda headers: ask(daemon, headers), all_headers))


def metric(daemon, line):
    text = daemon.operations("GET", "/metrics").text
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(line))


def test_a_client_over_its_rate_is_told_when_to_come_back(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1")
    settings = {"rate_limit": {"requests_per_second": 2, "burst": 5}}
    with Daemon(models, tmp_path, settings) as daemon:
        answers = [daemon.rows("diamonds-price", [ROW]) for _ in range(8)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:5] == [200] * 5 and 429 in statuses, statuses
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "too_many_requests" and refused.json()["category"] == "data"
        wait = int(refused.headers["retry-after"])
        assert wait == 1
        # Who only looks after the daemon is not counted.
        for _ in range(20):
            assert daemon.get("/readyz").status_code == 200
            assert daemon.get("/v2/models/diamonds-price").status_code == 200
        time.sleep(wait)
        assert daemon.rows("diamonds-price", [ROW]).status_code == 200
        assert metric(daemon, 'serin_admission_refused_total{reason="rate"}') == statuses.count(429)


def test_clients_with_tokens_have_rates_of_their_own(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1")
    tokens = [
        {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest()} for name in ("ann", "bob")
    ]
    settings = {"rate_limit": {"requests_per_second": 1, "burst": 1}, "inference_tokens": tokens}
    with Daemon(models, tmp_path, settings) as daemon:
        def status(name):
            headers = {"authorization": f"Bearer {name}"}
            return daemon.rows("diamonds-price", [ROW], headers=headers).status_code

        assert [status("ann"), status("ann"), status("bob"), status("eve")] == [200, 429, 200, 401]


def test_a_full_queue_refuses_at_once_and_probes_do_not_wait(tmp_path):
    write(tmp_path / "models" / "slow" / "1", slow_model(trips=300))
    settings = {"concurrency": {"per_model": 1, "queue": 3}, "deadlines": {"request": "20s"}}
    with Daemon(tmp_path / "models", tmp_path, settings) as daemon:
        ask(daemon)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            load = pool.submit(at_once, daemon, [{}] * 16)
            while not load.done():
                start = time.monotonic()
                assert daemon.get("/readyz").status_code == 200
                assert time.monotonic() - start < 1
            results = load.result()
        by_status = {}
        for answer, seconds in results:
            by_status.setdefault(answer.status_code, []).append((answer, seconds))
        assert set(by_status) == {200, 503}, by_status.keys()
        assert len(by_status[200]) >= 4
        for answer, _ in by_status[503]:
            assert answer.json()["code"] == "overloaded" and answer.headers["retry-after"] == "1"
        # The refused did not wait for those who were answered.
        assert min(s for _, s in by_status[503]) < max(s for _, s in by_status[200])
        assert metric(daemon, 'serin_admission_refused_total{reason="queue"}') == len(by_status[503])


def test_who_cannot_be_answered_in_time_is_told_at_once_or_at_the_deadline(tmp_path):
    write(tmp_path / "models" / "slow" / "1", slow_model(trips=300))
    settings = {"concurrency": {"per_model": 1}, "deadlines": {"request": "20s"}}
    with Daemon(tmp_path / "models", tmp_path, settings) as daemon:
        for _ in range(3):
            _, alone = ask(daemon)
        hurried = {"serin-timeout-ms": str(int(alone * 2000))}
        results = at_once(daemon, [{}] * 6 + [hurried] * 6)
        assert [answer.status_code for answer, _ in results[:6]] == [200] * 6
        statuses = {answer.status_code for answer, _ in results[6:]}
        assert statuses <= {200, 503, 504} and statuses & {503, 504}, statuses
        slowest = max(seconds for _, seconds in results[:6])
        for answer, seconds in results[6:]:
            if answer.status_code == 503:
                assert "deadline" in answer.json()["error"] and seconds < slowest
        late = metric(daemon, 'serin_admission_refused_total{reason="late"}')
        assert late <= sum(answer.status_code != 200 for answer, _ in results[6:])


def test_what_matters_more_goes_first_and_only_those_with_a_name_matter_more(tmp_path):
    write(tmp_path / "models" / "slow" / "1", slow_model(trips=100))
    settings = {"concurrency": {"per_model": 1, "queue": 4}, "deadlines": {"request": "20s"}}
    with Daemon(tmp_path / "models", tmp_path, settings) as daemon:
        ask(daemon)
        low = [{"serin-priority": "low"}] * 10
        results = at_once(daemon, low + [{"serin-priority": "high"}] * 4)
        assert all(answer.status_code in (200, 503) for answer, _ in results)
        # Without a name "high" is "normal", which still displaces "low".
        assert [answer.status_code for answer, _ in results[10:]] == [200] * 4
        answer, _ = ask(daemon, {"serin-priority": "urgent"})
        assert answer.status_code == 400 and "serin-priority" in answer.json()["error"]
        for text, status in (("20S", 200), ("99999999H", 200), ("1n", 504), ("soon", 400)):
            answer, _ = ask(daemon, {"grpc-timeout": text})
            assert answer.status_code == status, (text, answer.text)
