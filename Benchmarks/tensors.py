# SPDX-License-Identifier: Apache-2.0
"""What large binary tensors cost: the server's processor time for each request, binaries in turns.

    python3 Benchmarks/tensors.py --serin .build/release/serin [--serin OTHER] [--rounds 5]

Four kinds of requests over one kept-alive connection each:

    image     one FP32 tensor of 3 x 224 x 224 (600 KB) in, four numbers out
    magnitude the same in, and as many numbers out as bytes
    columns   the nine scalar features of the diamonds model as columns of 1,000 rows
    row       one row of the diamonds model as JSON, which must not become slower

The models of the first two do nothing with the tensor, so that what is left is moving and checking
it. Needs the `onnx` package. Printed are medians over the rounds; nothing else should be running.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from serving import MODEL, binary, body, free_port, request

sys.path.insert(0, str(Path(__file__).parents[1] / "Tests" / "oracles"))
import tensor_models  # noqa: E402

SHAPE = (3, 224, 224)
ROWS = 1000


def tensors(path, inputs, payload, parameters=None, alignment=64):
    """A request with binary tensors, its JSON padded with blanks."""
    text = json.dumps({"inputs": inputs, "parameters": parameters or {}}).encode()
    text += b" " * (-len(text) % alignment)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        f"Inference-Header-Content-Length: {len(text)}\r\nContent-Length: {len(text) + len(payload)}\r\n\r\n"
    )
    return head.encode() + text + payload


def image(model, parameters=None):
    width = 1
    for length in SHAPE:
        width *= length
    payload = struct.pack(f"<{width}f", *(((k * 37) % 160) / 20 - 4 for k in range(width)))
    declared = {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, *SHAPE],
        "parameters": {"binary_data_size": len(payload)},
    }
    return tensors(f"/v2/models/{model}/infer", [declared], payload, parameters)


def columns():
    """The golden records again and again, a column for each feature."""
    records = [json.loads(line) for line in (MODEL / "golden.jsonl").read_text().splitlines()]
    rows = [records[k % len(records)]["inputs"] for k in range(ROWS)]
    contract = json.loads((MODEL / "contract.json").read_text())
    forms = {"FP32": "f", "FP64": "d", "INT64": "q", "INT32": "i"}
    inputs, payload = [], b""
    for feature in contract["features"]:
        values = [row[feature["name"]] for row in rows]
        if feature["datatype"] == "BYTES":
            texts = [value.encode() for value in values]
            data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            data = struct.pack(f"<{ROWS}{forms[feature['datatype']]}", *values)
        inputs.append(
            {
                "name": feature["name"],
                "datatype": feature["datatype"],
                "shape": [ROWS],
                "parameters": {"binary_data_size": len(data)},
            }
        )
        payload += data
    return tensors("/v2/models/diamonds-price/infer", inputs, payload, {"binary_data_output": True})


def processor_seconds(pid):
    """What all threads of a process have used, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9


class Daemon:
    def __init__(self, path, models, scratch):
        self.port, operations = free_port(), free_port()
        state = Path(tempfile.mkdtemp(dir=scratch))
        settings = state / "serin.json"
        settings.write_text(json.dumps({"state_directory": str(state), "limits": {"rows": ROWS}}))
        command = [path, "serve", "--config", settings, "--models", models]
        command += ["--port", str(self.port), "--operations-port", str(operations)]
        with open(state / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        # Gigabytes of arenas, a thousand rows of an image each, are touched before it is ready.
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).read()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise SystemExit(f"{path} did not become ready: {(state / 'log').read_text()[-2000:]}")

    def measure(self, data, count):
        """Microseconds of processor time and of the clock for each of `count` requests."""
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            buffer = bytearray(1 << 20)
            for _ in range(max(count // 10, 5)):
                ask(link, data, buffer)
            used, began = processor_seconds(self.process.pid), time.perf_counter()
            for _ in range(count):
                ask(link, data, buffer)
            ended = time.perf_counter()
            used = processor_seconds(self.process.pid) - used
        return used / count * 1e6, (ended - began) / count * 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def ask(link, data, buffer):
    """Sends a request and reads its answer, which has to be good."""
    link.sendall(data)
    count = link.recv_into(buffer)
    while (end := buffer.find(b"\r\n\r\n", 0, count)) < 0:
        count += link.recv_into(memoryview(buffer)[count:])
    head = bytes(buffer[:end]).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"refused: {bytes(buffer[:count])[:600]}")
    missing = end + 4 + int(head.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0]) - count
    while missing > 0:
        missing -= link.recv_into(buffer, min(missing, len(buffer)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--serin", type=binary, action="append", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400)
    arguments = parser.parse_args()
    cases = {
        "image": (image("image"), arguments.requests),
        "magnitude": (image("magnitude", {"binary_data_output": True}), arguments.requests),
        "columns": (columns(), arguments.requests),
        "row": (request(data=body()), arguments.requests * 10),
    }
    with tempfile.TemporaryDirectory() as scratch:
        models = Path(scratch) / "models"
        tensor_models.make(models / "image" / "1", SHAPE)
        tensor_models.make(models / "magnitude" / "1", SHAPE, echo=True)
        shutil.copytree(MODEL, models / "diamonds-price" / "1")
        found = {}
        for turn in range(arguments.rounds):
            for path in arguments.serin if turn % 2 == 0 else arguments.serin[::-1]:
                daemon = Daemon(path, models, scratch)
                try:
                    for name, (data, count) in cases.items():
                        found.setdefault((name, path), []).append(daemon.measure(data, count))
                finally:
                    daemon.stop()
    for name in cases:
        for path in arguments.serin:
            rounds = found[name, path]
            used = sorted(used for used, _ in rounds)
            clock = statistics.median(clock for _, clock in rounds)
            print(
                f"{name:10} {path}: {statistics.median(used):8.1f} us of processor time a request "
                f"({used[0]:.1f} to {used[-1]:.1f}), {clock:.1f} us by the clock"
            )


if __name__ == "__main__":
    main()
