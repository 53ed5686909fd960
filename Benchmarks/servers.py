# SPDX-License-Identifier: Apache-2.0
"""The servers to compare: how each is started, asked, checked and stopped."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

START_LIMIT = 30.0


@dataclass
class Server:
    name: str
    command: list
    environment: dict
    port: int
    path: str
    # "v1" or "oip": the form of requests and answers.
    form: str
    process: subprocess.Popen = None
    log: Path = None

    def start(self, cores, first):
        """Starts the server; returns the seconds until its first right answer to `first`."""
        if answers(self.port):
            raise RuntimeError(f"port {self.port} is in use")
        command = (["taskset", "-c", cores] if cores else []) + self.command
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        body = self.body([first["inputs"]]).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        connection = None
        while time.monotonic() - began < START_LIMIT:
            if self.process.poll() is not None:
                break
            try:
                # One connection and no library: who asks every two milliseconds takes a fifth of a core
                # from the server that starts, otherwise.
                connection = connection or socket.create_connection(("127.0.0.1", self.port), timeout=5)
                connection.sendall(request)
                status, reply = answer(connection)
                if status == 200 and is_right(self.prices(reply), [first]):
                    connection.close()
                    return time.monotonic() - began
            except OSError:
                if connection:
                    connection.close()
                connection = None
            time.sleep(0.002)
        self.stop()
        tail = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.name} gave no right answer in {START_LIMIT:.0f} s:\n{tail}")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", self.path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def body(self, rows):
        if self.form == "v1":
            return json.dumps({"instances": rows})
        inputs = [
            {
                "name": name,
                "shape": [len(rows)],
                "datatype": "BYTES" if isinstance(value, str) else "FP32",
                "data": [row[name] for row in rows],
            }
            for name, value in rows[0].items()
        ]
        return json.dumps({"inputs": inputs})

    def prices(self, reply):
        answer = json.loads(reply)
        if self.form == "oip":
            return next(o["data"] for o in answer["outputs"] if o["name"] == "price")
        predictions = answer["predictions"]
        return [p["price"] if isinstance(p, dict) else p for p in predictions]

    def check(self, records):
        """Asks for each record alone and for all at once; raises where a price is not right."""
        for some in [*([record] for record in records), records]:
            status, reply = self.ask(self.body([record["inputs"] for record in some]))
            if status != 200 or not is_right(self.prices(reply), some):
                raise RuntimeError(f"{self.name} is wrong: {status} {reply[:500]}")

    def resident_bytes(self):
        """Resident memory of the process and its descendants, shared pages counted for each."""
        return sum(resident_bytes(pid) for pid in family(self.process.pid))


def answer(connection):
    """Status and body of the next answer, which says how long it is."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += more(connection)
    return int(head.split(b" ", 2)[1]), body


def more(connection):
    chunk = connection.recv(65536)
    if not chunk:
        raise OSError("the server closed the connection")
    return chunk


def is_right(prices, records):
    wanted = [record["outputs"]["price"] for record in records]
    return len(prices) == len(wanted) and all(
        abs(got - want) <= 1e-4 * abs(want) for got, want in zip(prices, wanted)
    )


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.connect()
        return True
    except OSError:
        return False
    finally:
        connection.close()


def family(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid] + [each for child in children for each in family(int(child))]


def resident_bytes(pid):
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
