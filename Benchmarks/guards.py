# SPDX-License-Identifier: Apache-2.0
"""What guards and tracing cost: the example under its contract, beside the same model under one that asks for nothing.

    python3 Benchmarks/guards.py --serin .build/release/serin

Needs Debian's wrk. Guarded is every part of the example's contract (ranges, kill switches, bounds, breaker, fallback, drift)
and a `traceparent` that is taken up; bare are types and categories alone, without which the model has no input, and no
header. Counting for `/metrics` has no switch and is in both. Each daemon has a core, the load the other; they take turns,
and printed is the CPU that a request takes, by the kernel's count, and the median of the ratios of the rounds.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from nginx import SERVER_CORE, Load, rows
from serving import MODEL, ROOT, Serin, binary

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def bare(serin, scratch):
    """The example with a contract that only says what goes in and what comes out."""
    draft = scratch / "draft" / "diamonds-price" / "1"
    shutil.copytree(MODEL, draft)
    for name in ("baseline.json", "fallback.jsonl"):
        (draft / name).unlink()
    contract = json.loads((draft / "contract.json").read_text())
    for feature in contract["features"]:
        feature.pop("range", None)
        feature["missing"] = "reject"
    for output in contract["outputs"]:
        for key in ("range", "max_ratio_to_mean"):
            output.pop(key, None)
    for key in ("kill_switches", "fallback", "breaker", "drift"):
        contract.pop(key, None)
    (draft / "contract.json").write_text(json.dumps(contract))
    packed = subprocess.run(
        [serin, "pack", "--edit", draft, "--out", scratch / "models"], capture_output=True, text=True,
    )
    if packed.returncode != 0:
        raise SystemExit(packed.stdout + packed.stderr)
    return next((scratch / "models" / "diamonds-price").iterdir())


class Traced(Load):
    """A load whose requests belong to a trace."""

    def __init__(self, folder, name, body):
        super().__init__(folder, name, body)
        with self.script.open("a") as script:
            script.write(f'wrk.headers["traceparent"] = "{TRACE}"\n')


class Pinned(Serin):
    """A daemon on the server's core."""

    def __init__(self, path, artifact):
        super().__init__(path, prefix=("taskset", "-c", SERVER_CORE), artifact=artifact)

    @property
    def pid(self):
        return self.process.pid


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=3, help="a run")
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("not installed: wrk (Debian: wrk)")
    with tempfile.TemporaryDirectory(prefix="serin-bench-") as scratch:
        scratch = Path(scratch)
        artifact = bare(arguments.serin, scratch)
        print("| rows a request | guarded, us | bare, us | ratio |\n| --- | --- | --- | --- |")
        with Pinned(arguments.serin, MODEL) as guarded, Pinned(arguments.serin, artifact) as plain:
            for count in (1, 32):
                arms = (
                    (guarded, Traced(scratch, f"guarded{count}", rows(count))),
                    (plain, Load(scratch, f"bare{count}", rows(count))),
                )
                found = [
                    [load.run(server, arguments.connections, arguments.seconds)[1] for server, load in arms]
                    for _ in range(arguments.rounds)
                ]
                ours, theirs = (statistics.median(column) for column in zip(*found))
                ratio = statistics.median(a / b for a, b in found)
                print(f"| {count} | {ours:.1f} | {theirs:.1f} | {ratio:.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
