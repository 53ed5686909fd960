# SPDX-License-Identifier: Apache-2.0
"""Swaps and rolls back under full load; counts failed, wrong and mixed answers, and watches memory.

    python3 Benchmarks/swaps.py --swaps 10000 --arrivals 100

Two versions of the diamonds model, whose answers for one row differ, answer wrk at full speed; each answer's price must be
that of the version that its header names. First nothing else happens, for the latency to compare with. Then versions are
swapped by order, forward and back, as fast as orders are answered. Then new versions arrive as folders, are loaded beside,
take over and push the oldest out. In between one client asks without a pause, and the last request that the old version answers
and the first that the new one does are held against all others: what more they take is the stall. Needs Debian's wrk. Everything is on loopback and
ends by itself.
"""

import argparse
import http.client
import json
import multiprocessing
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from serving import PREDICT, ROOT, Serin, binary, body

SCRIPT = """
local prices = {prices}
wrk.method = "POST"
wrk.body = [=[{body}]=]
wrk.headers["content-type"] = "application/json"
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init() asked, failed, wrong, first, second = 0, 0, 0, 0, 0 end
function response(status, headers, body)
    asked = asked + 1
    if status ~= 200 then failed = failed + 1 return end
    local version = tonumber(headers["serin-model-version"])
    if headers["serin-served-by"] ~= "model" or not body:find(prices[version % 2 + 1], 1, true) then wrong = wrong + 1 end
    if version % 2 == 1 then first = first + 1 else second = second + 1 end
end
function done(summary, latency)
    local all = {{0, 0, 0, 0, 0}}
    for _, thread in ipairs(threads) do
        for place, name in ipairs({{"asked", "failed", "wrong", "first", "second"}}) do
            all[place] = all[place] + thread:get(name)
        end
    end
    local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    io.write(string.format("RESULT %d %d %d %d %d %d %.1f %.1f %.1f %.1f\\n", all[1], all[2], all[3], all[4], all[5], errors,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000, latency.max / 1000))
end
"""


class Load:
    """wrk beside whatever happens in the context; ends when its time is over."""

    def __init__(self, daemon, prices, seconds, folder):
        table = "{" + ", ".join(f'"{prices[number]}"' for number in (2, 1)) + "}"
        script = Path(folder) / "swaps.lua"
        script.write_text(SCRIPT.format(prices=table, body=body().decode()))
        self.command = [
            "wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{daemon.port}{PREDICT}",
        ]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        return self

    @property
    def runs(self):
        return self.process.poll() is None

    def __exit__(self, *_):
        out, _ = self.process.communicate()
        found = re.search(r"RESULT (.*)", out)
        if not found:
            raise SystemExit(f"wrk gave no result:\n{out}")
        numbers = [float(text) for text in found[1].split()]
        names = ("asked", "failed", "wrong", "first", "second", "errors", "p50", "p99", "p99.9", "max")
        self.result = dict(zip(names, numbers))


class Operator:
    """Orders over one connection."""

    def __init__(self, daemon):
        self.link = http.client.HTTPConnection("127.0.0.1", daemon.operations_port, timeout=30)
        token = (daemon.folder / "state" / "operations.token").read_text().strip()
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def __call__(self, method, path, document=None):
        self.link.request(method, path, json.dumps(document) if document else None, self.headers)
        answer = self.link.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {data.decode()}")
        return json.loads(data)


def price(daemon):
    link = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    link.request("POST", PREDICT, body(), {"content-type": "application/json"})
    return link.getresponse().read().decode().split("[")[1].split("]")[0]


def back_and_forth(order):
    """Gives one order after the other, from whichever version answers now; yields the seconds that each took."""
    active = order("GET", "/v1/models/diamonds-price/versions")["active"]
    while True:
        began = time.monotonic()
        if active == 2:
            order("POST", "/v1/models/diamonds-price/rollback", {"reason": "benchmark"})
        else:
            order("POST", "/v1/models/diamonds-price/promote", {"version": 2, "reason": "benchmark"})
        active = 3 - active
        yield time.monotonic() - began


def swap(order, count, load, daemon, memory):
    """Goes back and forth; answers the seconds of each order."""
    times = []
    for turn, took in zip(range(count), back_and_forth(order)):
        if not load.runs:
            break
        times.append(took)
        if turn % 500 == 0:
            memory.append(daemon.resident_bytes())
    return times


def arrive(order, count, load, daemon, memory):
    """Puts version after version into the folder, each once the one before answers."""
    folder = daemon.folder / "models" / "diamonds-price"
    took = []
    for number in range(3, 3 + count):
        if not load.runs:
            break
        # Odd ones have the bytes of version 1, even ones those of version 2.
        staged = daemon.folder / f"staged-{number}"
        shutil.copytree(ROOT / "Models" / "diamonds-price" / str(2 - number % 2), staged)
        manifest = json.loads((staged / "artifact.json").read_text())
        (staged / "artifact.json").write_text(json.dumps(manifest | {"version": number}))
        began = time.monotonic()
        staged.rename(folder / str(number))
        while order("GET", "/v1/models/diamonds-price/versions")["active"] != number:
            time.sleep(0.01)
        took.append(time.monotonic() - began)
        shutil.rmtree(folder / str(number - 2))
        memory.append(daemon.resident_bytes())
    return took


def ask_on(port, until, pipe):
    """Asks over one connection until the time comes; sends the milliseconds and the version of each answer."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    data, found = body(), []
    while time.monotonic() < until:
        began = time.perf_counter()
        link.request("POST", PREDICT, data, {"content-type": "application/json"})
        answer = link.getresponse()
        if answer.status != 200 or not answer.read():
            raise SystemExit(f"{answer.status} while versions were swapped")
        found.append(((time.perf_counter() - began) * 1000, answer.headers["serin-model-version"]))
    pipe.send(found)


def stall(order, daemon, seconds):
    """What the last request before and the first behind each swap took, what all others did, and how many swaps were seen."""
    near, far = multiprocessing.Pipe()
    client = multiprocessing.Process(target=ask_on, args=(daemon.port, time.monotonic() + seconds, far))
    client.start()
    swaps = back_and_forth(order)
    while client.is_alive() and not near.poll():
        next(swaps)
        time.sleep(0.005)
    requests = near.recv()
    client.join()
    changes = [place for place in range(1, len(requests)) if requests[place][1] != requests[place - 1][1]]
    near_swap = {place for change in changes for place in (change - 1, change)}
    at, others = [], []
    for place, (took, _) in enumerate(requests):
        (at if place in near_swap else others).append(took)
    return sorted(at), sorted(others), len(changes)


def tell(name, result):
    print(
        f"{name}: {result['asked']:.0f} answers ({result['first']:.0f} and {result['second']:.0f} by each), failed "
        f"{result['failed']:.0f}, wrong or mixed {result['wrong']:.0f}, errors {result['errors']:.0f}; latency p50 "
        f"{result['p50']:.2f}, p99 {result['p99']:.2f}, p99.9 {result['p99.9']:.2f}, max {result['max']:.1f} ms"
    )


def megabytes(memory):
    first, last = memory[: max(1, len(memory) // 4)], memory[-max(1, len(memory) // 4) :]
    return f"{statistics.median(first) / 1e6:.1f} to {statistics.median(last) / 1e6:.1f} MB, most {max(memory) / 1e6:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin")
    parser.add_argument("--swaps", type=int, default=10000)
    parser.add_argument("--arrivals", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=240, help="at most, for each of the two")
    arguments = parser.parse_args()
    prices = {}
    settings = {"versions": {"settle": "50ms"}, "journal": {"max_bytes": "64MiB"}}
    with tempfile.TemporaryDirectory() as folder, Serin(arguments.serin, settings) as daemon:
        prices[1] = price(daemon)
        models = daemon.folder / "models" / "diamonds-price"
        shutil.copytree(ROOT / "Models" / "diamonds-price" / "2", daemon.folder / "staged")
        (daemon.folder / "staged").rename(models / "2")
        order = Operator(daemon)
        while order("GET", "/v1/models/diamonds-price/versions")["active"] != 2:
            time.sleep(0.02)
        prices[2] = price(daemon)
        assert prices[1] != prices[2], prices

        with Load(daemon, prices, 10, folder) as load:
            pass
        tell("calm", load.result)

        at, others, count = stall(order, daemon, 10)
        print(f"one client, {count} swaps")
        for name, times in (("on either side of a swap", at), ("all others", others)):
            cut = [times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 1)]
            print(f"  {len(times)} requests {name}: p50 {cut[0]:.2f}, p99 {cut[1]:.2f}, most {cut[2]:.2f} ms")

        for name, work, count in (("swaps", swap, arguments.swaps), ("arrivals", arrive, arguments.arrivals)):
            if not count:
                continue
            found, memory = [], [daemon.resident_bytes()]
            with Load(daemon, prices, arguments.seconds, folder) as load:
                found += work(order, count, load, daemon, memory)
                # The rest of the time would say nothing of swaps.
                load.process.send_signal(2)
            tell(name, load.result)
            ordered = sorted(found)
            print(
                f"  {len(found)} {name}, each {statistics.median(found) * 1000:.2f} ms, p99 "
                f"{ordered[int(0.99 * (len(ordered) - 1))] * 1000:.2f} ms; memory {megabytes(memory)}"
            )
    bad = load.result["failed"] + load.result["wrong"] + load.result["errors"]
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
