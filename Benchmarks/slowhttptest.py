# SPDX-License-Identifier: Apache-2.0
"""Runs slowhttptest's four modes against the daemon and prints what its probe saw.

    apt-get install slowhttptest
    python3 Benchmarks/slowhttptest.py --serin .build/release/serin

Modes: slow heads (slowloris), slow bodies (R-U-Dead-Yet), overlapping ranges, slow reading. slowhttptest asks by itself
every second whether the server still answers. Everything is on loopback and ends by itself.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from serving import PREDICT, ROOT, Serin, binary

# -x is the longest random part sent at once; -w and -y bound the receive window, -z and -n how slowly it is read.
MODES = {
    "slow heads": ["-H", "-i", "2", "-x", "24", "-t", "GET"],
    "slow bodies": ["-B", "-i", "2", "-s", "8192", "-x", "10", "-t", "POST"],
    "ranges": ["-R", "-a", "10", "-b", "3000", "-t", "HEAD"],
    "slow reading": ["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "3", "-t", "GET"],
}
PATHS = {"slow heads": "/v2", "slow bodies": PREDICT, "ranges": "/v2", "slow reading": "/v2/models/diamonds-price"}


def attack(daemon, mode, arguments, folder):
    """What the mode's probe saw, second by second."""
    name = folder / mode.replace(" ", "-")
    command = [
        "slowhttptest", *MODES[mode], "-c", str(arguments.connections), "-r", str(arguments.rate),
        "-l", str(arguments.seconds), "-p", "2", "-g", "-o", str(name),
        "-u", f"http://127.0.0.1:{daemon.port}{PATHS[mode]}",
    ]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=arguments.seconds + 60)
    with open(f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    number = lambda row, column: int(row[column])
    available = [number(row, "Service Available") > 0 for row in rows]
    return {
        "mode": mode,
        "seconds": len(rows),
        "available_seconds": sum(available),
        "most_connected": max(number(row, "Connected") for row in rows),
        "closed_by_server": number(rows[-1], "Closed"),
        "resident_mb": daemon.resident_bytes() / 1e6,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--serin", type=binary, default=ROOT / ".build" / "release" / "serin", help="the serin binary")
    add("--connections", type=int, default=2000)
    add("--rate", type=int, default=400, help="connections opened a second (400)")
    add("--seconds", type=int, default=45, help="length of each mode (45)")
    add("--json", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("slowhttptest") is None:
        raise SystemExit("no slowhttptest: apt-get install slowhttptest")
    found = []
    with Serin(arguments.serin) as daemon, tempfile.TemporaryDirectory(prefix="slow-") as scratch:
        for mode in MODES:
            found.append(attack(daemon, mode, arguments, Path(scratch)))
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"{'mode':16}{'seconds':>9}{'available':>11}{'connected':>11}{'closed':>8}{'memory, MB':>12}")
        for row in found:
            print(f"{row['mode']:16}{row['seconds']:>9}{row['available_seconds']:>11}{row['most_connected']:>11}"
                  f"{row['closed_by_server']:>8}{row['resident_mb']:>12.1f}")
    return 0 if all(row["available_seconds"] == row["seconds"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
