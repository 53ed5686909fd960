# SPDX-License-Identifier: Apache-2.0
"""Compares serin with FastAPI + ONNX Runtime on the same model, in one run.

    python3.11 -m venv .venv && .venv/bin/pip install -r Benchmarks/rival/requirements.txt
    python3 Benchmarks/compare.py --serin .build/release/serin --python .venv/bin/python

In each round every server is started, timed until its first right answer, checked against the
golden records, warmed up, loaded, weighed and stopped; the order turns round by round. Printed are
medians over the rounds and the ratios to the rival. A server that cannot be started is named and
left out; the exit status is then 1.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import load
from servers import Server

ROOT = Path(__file__).parents[1]
RIVAL = "fastapi"


def main():
    arguments = parse()
    artifact = arguments.model
    records = [json.loads(line) for line in (artifact / "golden.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        servers = make_servers(arguments, artifact, Path(scratch))
        points = len(arguments.rows) * len(arguments.connections)
        length = (points * arguments.seconds + arguments.warm_up + 2) * arguments.rounds
        length *= len(servers)
        print(f"{len(servers)} set-ups, {arguments.rounds} rounds, about {length:.0f} s")
        results = {server.name: [] for server in servers}
        failures = {}
        for turn in range(arguments.rounds):
            shift = turn % len(servers)
            for server in servers[shift:] + servers[:shift]:
                if server.name in failures:
                    continue
                try:
                    results[server.name].append(measure(server, records, arguments))
                except (RuntimeError, OSError, KeyError, ValueError) as error:
                    failures[server.name] = str(error)
                finally:
                    server.stop()
    medians = {name: summarise(rounds) for name, rounds in results.items() if rounds}
    report(medians)
    for name, reason in failures.items():
        print(f"\n{name} failed: {reason}", file=sys.stderr)
    if arguments.json:
        whole = {"medians": medians, "rounds": results, "failures": failures}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")
    return 1 if failures else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--serin", type=Path, help="the serin binary; without it only the rival is measured")
    add("--python", default=sys.executable, help="a Python that has rival/requirements.txt")
    add("--model", type=Path, default=ROOT / "Models" / "diamonds-price" / "1")
    add("--port", type=int, default=28080, help="serin's; the operations port is the next one")
    add("--rival-port", type=int, default=28090)
    add("--rounds", type=int, default=3)
    add("--seconds", type=int, default=3, help="length of each measurement")
    add("--warm-up", type=int, default=1)
    add("--connections", type=numbers, default=[1, 16, 64], help="e.g. 1,16,64")
    add("--rows", type=numbers, default=[1], help="rows a request, e.g. 1,32,1000")
    add("--server-cores", help="pin servers with taskset, e.g. 0")
    add("--load-cores", help="pin wrk, e.g. 1")
    add("--generator", choices=["wrk", "python"], default="wrk")
    add("--serin-argument", action="append", default=[], help="a further argument for serin serve")
    add("--json", type=Path, help="write every measurement there too")
    return parser.parse_args()


def numbers(text):
    return [int(part) for part in text.split(",")]


def make_servers(arguments, artifact, scratch):
    """The rival, and serin over both protocols, with a repository that holds the one model."""
    rival = Server(
        name=RIVAL,
        command=[
            *[arguments.python, "-m", "uvicorn", "app:app"],
            *["--app-dir", str(ROOT / "Benchmarks" / "rival"), "--workers", "1"],
            *["--host", "127.0.0.1", "--port", str(arguments.rival_port)],
            *["--no-access-log", "--log-level", "warning"],
        ],
        environment={"RIVAL_MODEL": str((artifact / "model.onnx").resolve())},
        port=arguments.rival_port,
        path="/v1/models/diamonds-price:predict",
        form="v1",
        log=scratch / "rival.log",
    )
    if not arguments.serin:
        return [rival]
    repository = scratch / "models"
    shutil.copytree(artifact, repository / "diamonds-price" / "1")
    serve = [str(arguments.serin.resolve()), "serve", "--models", str(repository)]
    serve += ["--port", str(arguments.port), "--operations-port", str(arguments.port + 1)]
    serin = dict(command=serve + arguments.serin_argument, port=arguments.port)
    serin |= dict(environment={}, log=scratch / "serin.log")
    return [
        rival,
        Server("serin v1", path="/v1/models/diamonds-price:predict", form="v1", **serin),
        Server(
            "serin oip", path="/v2/models/diamonds-price/versions/1/infer", form="oip", **serin
        ),
    ]


def measure(server, records, arguments):
    """One round of one server, {figure: value}."""
    found = {"start_ms": server.start(arguments.server_cores, records[0]) * 1000}
    server.check(records)
    found["rss_idle_mb"] = server.resident_bytes() / 1e6

    def point(rows, connections, seconds):
        inputs = [records[i % len(records)]["inputs"] for i in range(rows)]
        return load.run(
            server.port,
            server.path,
            server.body(inputs),
            connections,
            seconds,
            arguments.load_cores,
            arguments.generator,
        )

    point(1, 16, arguments.warm_up)
    for rows in arguments.rows:
        for connections in arguments.connections:
            got = point(rows, connections, arguments.seconds)
            if got["errors"]:
                raise RuntimeError(f"{got['errors']} errors at {connections} connections")
            place = f"{rows} row{'s' * (rows > 1)}, {connections} conn"
            found[f"{place}: req/s"] = got["per_second"]
            found[f"{place}: p50 us"] = got["p50_us"]
            found[f"{place}: p99 us"] = got["p99_us"]
    found["rss_loaded_mb"] = server.resident_bytes() / 1e6
    return found


def summarise(rounds):
    return {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}


def report(medians):
    """A table: a line for each figure, a column for each server, ratios to the rival in brackets.

    A ratio is always so many times better: more requests, less time, less memory.
    """
    if not medians:
        return
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians (times better)\n")
    print(f"{'':28}" + "".join(f"{name:>24}" for name in medians))
    for figure in next(iter(medians.values())):
        line = f"{figure:28}"
        for name, values in medians.items():
            cell = f"{values[figure]:,.1f}"
            if name != RIVAL and RIVAL in medians and values[figure]:
                ratio = values[figure] / medians[RIVAL][figure]
                cell += f" ({ratio if figure.endswith('req/s') else 1 / ratio:.1f}x)"
            line += f"{cell:>24}"
        print(line)


if __name__ == "__main__":
    sys.exit(main())
