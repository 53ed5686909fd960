# SPDX-License-Identifier: Apache-2.0
"""Starts the real binary on free loopback ports and talks to it over real sockets."""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "Models"
ARTIFACTS = (
    "diamonds-price/1",
    "diamonds-price/2",
    "diamonds-network/1",
    "diamonds-pipeline/1",
    "tumour/1",
)


def binary() -> pathlib.Path:
    path = os.environ.get("SERIN_BINARY", ROOT / ".build" / "release" / "serin")
    assert pathlib.Path(path).exists(), f"no binary at {path}: swift build -c release"
    return pathlib.Path(path)


def own_ports():
    """Ports that are given to nobody else: not by the system to a connection, as those above are, and
    not to other processes that run tests, as each holds the name of its share for as long as it lives."""
    share = 500
    for first in random.sample(range(20_000, 32_000, share), 12_000 // share):
        owner = socket.socket(socket.AF_UNIX)
        try:
            owner.bind(f"\0serin-tests-{first}")
        except OSError:
            owner.close()
            continue
        while True:
            yield from range(first, first + share)
    raise AssertionError("other processes that run tests have all ports")


PORTS = own_ports()


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


def surroundings():
    """The environment without what would configure the daemon."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SERIN_")}


def run(*arguments, **options) -> subprocess.CompletedProcess:
    """Runs the command to its end; output is text."""
    options.setdefault("timeout", 120)
    options.setdefault("env", surroundings())
    return subprocess.run(
        [binary(), *map(str, arguments)], capture_output=True, text=True, **options
    )


def copy_models(folder, *names) -> pathlib.Path:
    """A model folder of its own with the named example artifacts."""
    folder = pathlib.Path(folder) / "models"
    for name in names or ARTIFACTS:
        shutil.copytree(MODELS / name, folder / name)
    return folder


class Daemon:
    """One `serin serve`; use it as a context."""

    def __init__(self, models, folder, settings=None, wait="ready", environment=None):
        self.folder = pathlib.Path(folder)
        self.models = pathlib.Path(models)
        self.settings = settings or {}
        self.wait = wait
        self.environment = environment or {}
        self.port, self.operations_port = free_port(), free_port()
        self.state = self.folder / "state"
        self.process = None
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            # One that never becomes ready is not left behind.
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(exist_ok=True)
        configuration = self.folder / "serin.json"
        settings = {"state_directory": str(self.state), **self.settings}
        configuration.write_text(json.dumps(settings))
        self.log_path = self.folder / "log.jsonl"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    binary(), "serve", "--config", configuration, "--models", self.models,
                    "--port", str(self.port), "--operations-port", str(self.operations_port),
                ],
                stdout=subprocess.DEVNULL, stderr=log, env={**surroundings(), **self.environment},
            )
        if self.wait:
            self.wait_for("/readyz" if self.wait == "ready" else "/startupz")

    def wait_for(self, path, status=200, seconds=60, port=None):
        """Asks `path` until it answers `status`; the daemon must stay alive."""
        end = time.monotonic() + seconds
        last = None
        while time.monotonic() < end:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log()}"
            with contextlib.suppress(requests.ConnectionError):
                last = self.get(path, port=port)
                if last.status_code == status:
                    return last
            time.sleep(0.02)
        body = last.text if last is not None else "no answer"
        raise AssertionError(f"{path} did not become {status} in {seconds} s: {body}\n{self.log()}")

    def stop(self, signal_number=signal.SIGTERM, seconds=40):
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal_number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def log(self) -> str:
        return self.log_path.read_text()[-4000:]

    def wait_for_log(self, text, seconds=20) -> None:
        """Waits for a line, which comes a moment behind what the journal has."""
        deadline = time.monotonic() + seconds
        while text not in self.log_path.read_text():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def events(self, name=None):
        rows = [json.loads(line) for line in self.operations("GET", "/v1/events").text.splitlines()]
        return [row for row in rows if name is None or row["event"] == name]

    def url(self, path, port=None):
        port = port or self.port
        part = self.settings if port == self.port else self.settings.get("operations", {})
        scheme = "https" if part.get("tls") else "http"
        return f"{scheme}://127.0.0.1:{port}{path}"

    def get(self, path, port=None, **options):
        return self.session.get(self.url(path, port), timeout=10, **options)

    def post(self, path, body=None, **options):
        if body is not None:
            options["json"] = body
        return self.session.post(self.url(path), timeout=30, **options)

    def operations(self, method, path, body=None, token=True, headers=None):
        headers = dict(headers or {})
        if token:
            headers["authorization"] = "Bearer " + (self.state / "operations.token").read_text().strip()
        return self.session.request(
            method, self.url(path, self.operations_port), json=body, headers=headers, timeout=30
        )

    def rows(self, model, instances, **options):
        """The v1 row form."""
        return self.post(f"/v1/models/{model}:predict", {"instances": instances}, **options)

    def resident_bytes(self) -> int:
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def golden(name):
    """The golden records of an example artifact."""
    return [json.loads(line) for line in (MODELS / name / "golden.jsonl").read_text().splitlines()]


def tensors(contract, instances):
    """Rows as Open Inference Protocol inputs, a column each."""
    return [
        {
            "name": feature["name"],
            "datatype": feature["datatype"],
            "shape": [len(instances)],
            "data": [row[feature["name"]] for row in instances],
        }
        for feature in contract["features"]
    ]


def contract(name):
    return json.loads((MODELS / name / "contract.json").read_text())
