# SPDX-License-Identifier: Apache-2.0
"""How the daemon starts, reloads and ends: signals, sockets that it is given, what it tells systemd."""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
from certificates import Authority
from daemon import Daemon, binary, copy_models, golden, run, surroundings
from stuck import stuck

MODEL = "diamonds-price/1"
ROW = golden(MODEL)[0]["inputs"]
PREDICT = "/v1/models/diamonds-price:predict"
BODY = json.dumps({"instances": [ROW]})


@pytest.fixture
def models(tmp_path):
    return copy_models(tmp_path, MODEL)


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix-domain socket."""

    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(connection, method="GET", path="/readyz", body=None, headers=None):
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer, answer.read()


# --- the end ---------------------------------------------------------------------------------


class Load:
    """Clients that ask as fast as they are answered, until they are turned away in order."""

    def __init__(self, connect, clients, keep_alive):
        self.connect, self.keep_alive = connect, keep_alive
        self.answered, self.closed, self.refused, self.lost = 0, 0, 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while True:
            connection = self.connect()
            try:
                connection.connect()
            except (ConnectionRefusedError, FileNotFoundError):
                with self.lock:
                    self.refused += 1
                return
            try:
                while True:
                    headers = {"content-type": "application/json"}
                    answer, body = ask(connection, "POST", PREDICT, BODY, headers)
                    if answer.status == 503 and json.loads(body)["code"] == "starting":
                        break
                    assert answer.status == 200, body
                    with self.lock:
                        self.answered += 1
                        self.closed += answer.getheader("connection") == "close"
                    if not self.keep_alive or answer.getheader("connection") == "close":
                        break
            except (OSError, http.client.HTTPException, AssertionError) as error:
                with self.lock:
                    self.lost.append(repr(error))
                return
            finally:
                connection.close()

    def wait_for(self, count):
        end = time.monotonic() + 30
        while self.answered < count:
            assert time.monotonic() < end and not self.lost, self.lost
            time.sleep(0.01)

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept alive", "one each"])
@pytest.mark.parametrize("place", ["port", "socket"])
def test_a_drain_under_load_loses_nothing(models, tmp_path, keep_alive, place):
    path = tmp_path / "i.sock"
    with Daemon(models, tmp_path, {"socket": str(path)}) as daemon:
        if place == "port":
            load = Load(lambda: http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20), 8, keep_alive)
        else:
            load = Load(lambda: LocalConnection(path, timeout=20), 8, keep_alive)
        load.wait_for(200)
        daemon.process.send_signal(signal.SIGTERM)
        load.join()
        assert load.lost == []
        assert load.refused == 8
        # Who keeps a connection is told of its end; who came and went before may not be.
        assert load.closed >= (8 if keep_alive else 0)
        assert daemon.process.wait(40) == 0
        assert '"event":"daemon.stopped","drained":true' in daemon.log()


@pytest.mark.alone
def test_a_drain_is_unready_at_once_and_serves_on_for_its_delay(models, tmp_path):
    with Daemon(models, tmp_path, {"drain": {"delay": "2s"}}) as daemon:
        kept = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        assert ask(kept)[0].status == 200
        daemon.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        daemon.wait_for("/readyz", 503, seconds=1)
        # Connections are taken and kept as before.
        answer, _ = ask(kept, path="/livez")
        assert answer.status == 200 and answer.getheader("connection") is None
        assert daemon.rows("diamonds-price", [ROW]).status_code == 200
        assert time.monotonic() - started < 1.9
        assert daemon.process.wait(20) == 0
        assert time.monotonic() - started >= 2


def hold(daemon):
    """A request whose body is not whole, so that it is in flight for as long as the test likes."""
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=30)
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(BODY)}\r\n"
    client.sendall(f"{head}content-type: application/json\r\n\r\n{BODY[:10]}".encode())
    return client


def wait_for_event(daemon, name, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if f'"event":"{name}"' in daemon.log():
            return
        time.sleep(0.02)
    raise AssertionError(f"no {name}: {daemon.log()}")


def test_what_is_in_flight_is_answered(models, tmp_path):
    with Daemon(models, tmp_path, {"deadlines": {"request": "20s"}}) as daemon:
        with hold(daemon) as client:
            daemon.process.send_signal(signal.SIGTERM)
            wait_for_event(daemon, "daemon.stopping")
            end = time.monotonic() + 10
            with pytest.raises(ConnectionRefusedError):
                while time.monotonic() < end:
                    socket.create_connection(("127.0.0.1", daemon.port), timeout=5).close()
            client.sendall(BODY[10:].encode())
            answer = client.makefile("rb").read().decode()
            assert answer.startswith("HTTP/1.1 200") and "connection: close" in answer
        assert daemon.process.wait(20) == 0


def test_a_drain_ends_with_its_limit(models, tmp_path):
    with Daemon(models, tmp_path, {"drain": {"limit": "1s"}}) as daemon:
        with hold(daemon):
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(20) == 3
        assert '"drained":false' in daemon.log()


# --- Unix-domain sockets ---------------------------------------------------------------------


def test_sockets_are_listened_on_beside_the_ports(models, tmp_path):
    inference, operations = tmp_path / "i.sock", tmp_path / "o.sock"
    settings = {
        "socket": str(inference), "socket_mode": "0600",
        "operations": {"socket": str(operations), "socket_mode": "0640"},
    }
    with Daemon(models, tmp_path, settings) as daemon:
        assert stat.S_IMODE(inference.stat().st_mode) == 0o600
        assert stat.S_IMODE(operations.stat().st_mode) == 0o640
        with contextlib.closing(LocalConnection(inference)) as client:
            headers = {"content-type": "application/json"}
            answer, body = ask(client, "POST", PREDICT, BODY, headers)
            assert answer.status == 200
            assert json.loads(body)["predictions"] == daemon.rows("diamonds-price", [ROW]).json()["predictions"]
        curl = subprocess.run(
            ["curl", "-sS", "-m", "10", "--unix-socket", inference, "http://localhost/readyz"],
            capture_output=True, text=True,
        )
        assert curl.stdout == "ok\n"
        assert run("probe", "--socket", inference).returncode == 0
        status = run("status", "--json", "--operations-socket", operations, "--state-directory", daemon.state)
        assert status.returncode == 0 and json.loads(status.stdout)["ready"]
        order = ["override", "diamonds-price", "set", "fallback", "--reason", "trying", "--expires-in", "1h"]
        done = run(*order, "--operations-socket", operations, "--state-directory", daemon.state)
        assert done.returncode == 0, done.stderr
        # Without a token a socket gives no more rights than a port.
        with contextlib.closing(LocalConnection(operations)) as client:
            assert ask(client, "DELETE", "/v1/models/diamonds-price/override")[0].status == 401
        [denied] = daemon.events("operations.denied")
        assert denied["fields"]["peer"] == "unix"
        [started] = daemon.events("daemon.started")
        assert started["fields"]["addresses"] == [f"0.0.0.0:{daemon.port}", f"unix:{inference}"]
        assert started["fields"]["operations_addresses"] == [f"127.0.0.1:{daemon.operations_port}", f"unix:{operations}"]
        assert daemon.stop() == 0
        assert not inference.exists() and not operations.exists()
    assert run("probe", "--socket", inference).returncode == 1


def test_a_socket_that_a_killed_daemon_left_is_replaced(models, tmp_path):
    path = tmp_path / "i.sock"
    with Daemon(models, tmp_path, {"socket": str(path)}) as daemon:
        daemon.process.kill()
        daemon.process.wait()
        assert stat.S_ISSOCK(path.stat().st_mode)
        daemon.start()
        with contextlib.closing(LocalConnection(path)) as client:
            assert ask(client)[0].status == 200


def test_a_socket_in_use_and_a_file_that_is_none_are_refused(models, tmp_path):
    path = tmp_path / "i.sock"
    arguments = ["serve", "--models", models, "--port", 0, "--operations-port", 0]
    with Daemon(models, tmp_path / "one", {"socket": str(path)}) as daemon:
        other = run(*arguments, "--state-directory", tmp_path / "two", "--socket", path)
        assert other.returncode == 3
        assert "a process that runs listens there" in other.stderr
        with contextlib.closing(LocalConnection(path)) as client:
            assert ask(client)[0].status == 200
        assert daemon.process.poll() is None
    path.write_text("mine")
    other = run(*arguments, "--state-directory", tmp_path / "two", "--socket", path)
    assert other.returncode == 3 and "no socket" in other.stderr
    assert path.read_text() == "mine"
    doctor = run("doctor", "--models", models, "--state-directory", tmp_path / "two", "--socket", path)
    assert doctor.returncode == 1 and f"{path} is a file that is no socket" in doctor.stdout
    path.unlink()
    # What was made before the start failed is gone again.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = run(
            "serve", "--models", models, "--port", 0, "--operations-port", taken.getsockname()[1],
            "--state-directory", tmp_path / "two", "--socket", path,
        )
        assert other.returncode == 3 and not path.exists()
    other = run(*arguments, "--state-directory", tmp_path / "two", "--socket", "i.sock")
    assert other.returncode == 2 and "no absolute path" in other.stderr


# --- Sockets that are handed over ------------------------------------------------------------


def listening(family, place):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(place)
    listener.listen(64)
    return listener


def start_with(sockets, arguments, folder, names=None, environment=None):
    """Starts the daemon as systemd would: descriptors from 3 on, and the variables that tell of them."""
    # The shell's process becomes the daemon's, which LISTEN_PID has to name. Its own descriptors are
    # moved first, as those to be handed over may have each other's numbers.
    numbers = [listener.fileno() for listener in sockets]
    first, last = 3, 3 + len(numbers)
    moves = [f"exec {40 + i}<&{n}" for i, n in enumerate(numbers)]
    moves += [f"exec {first + i}<&{40 + i} {40 + i}<&-" for i in range(len(numbers))]
    moves += [f"exec {n}<&-" for n in set(numbers) if not first <= n < last]
    script = "; ".join(["set -e", *moves, "export LISTEN_PID=$$", 'exec "$@"'])
    variables = {"LISTEN_FDS": str(len(sockets)), **(environment or {})}
    if names is not None:
        variables["LISTEN_FDNAMES"] = ":".join(names)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "log.jsonl", "ab") as log:
        return subprocess.Popen(
            ["bash", "-c", script, "bash", binary(), "serve", *map(str, arguments)],
            pass_fds=numbers, stdout=subprocess.DEVNULL, stderr=log,
            env={**surroundings(), **variables},
        )


def await_ready(process, connect, folder, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, (folder / "log.jsonl").read_text()
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connect()) as client:
            if ask(client)[0].status == 200:
                return
        time.sleep(0.05)
    raise AssertionError((folder / "log.jsonl").read_text())


@pytest.mark.parametrize("names", [["operations", "inference"], None, ["serin.socket"] * 2])
def test_sockets_that_are_handed_over_are_served(models, tmp_path, names):
    tcp = listening(socket.AF_INET, ("127.0.0.1", 0))
    local = listening(socket.AF_UNIX, str(tmp_path / "o.sock"))
    sockets = [local, tcp] if names == ["operations", "inference"] else [tcp, local]
    arguments = ["--models", models, "--state-directory", tmp_path / "state", "--loops", 3]
    process = start_with(sockets, arguments, tmp_path, names)
    try:
        port = tcp.getsockname()[1]
        await_ready(process, lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=10), tmp_path)
        with contextlib.closing(LocalConnection(tmp_path / "o.sock")) as client:
            answer, body = ask(client, path="/v1/status")
            assert answer.status == 200 and json.loads(body)["ready"]
        # All loops share the one socket.
        threads = {(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir()}
        assert {"http-0", "http-1", "http-2"} <= threads
        load = Load(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=20), 4, False)
        load.wait_for(100)
        # Whoever comes from now on waits for the next, as the sockets stay open here.
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
        process = start_with(sockets, arguments, tmp_path, names)
        load.wait_for(load.answered + 100)
        assert load.lost == [] and load.refused == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
        tcp.close()
        load.join()
        assert (tmp_path / "o.sock").exists()
    finally:
        process.kill()
        process.wait()
        local.close()
        tcp.close()


def failed_start(sockets, models, tmp_path, names=None, environment=None):
    arguments = ["--models", models, "--state-directory", tmp_path / "state", "--port", 0, "--operations-port", 0]
    process = start_with(sockets, arguments, tmp_path, names, environment)
    try:
        return process.wait(60), (tmp_path / "log.jsonl").read_text()
    finally:
        process.kill()


def test_descriptors_that_are_no_listeners_keep_it_from_starting(models, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as idle:
        status, log = failed_start([idle], models, tmp_path)
        assert status == 3 and "descriptor 3, handed over by LISTEN_FDS, is no socket that listens" in log
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        status, log = failed_start([datagram], models, tmp_path / "a", ["inference"])
        assert status == 3 and "descriptor 3 ('inference')" in log
    with open(tmp_path / "file", "w") as file:
        status, log = failed_start([file], models, tmp_path / "b")
        assert status == 3 and "is no socket" in log
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as good:
        status, log = failed_start([good], models, tmp_path / "c", environment={"LISTEN_FDS": "2"})
        assert status == 3 and "descriptor 4" in log
        status, log = failed_start([good, good], models, tmp_path / "d", ["inference", "metrics"])
        assert status == 3 and "named 'metrics'" in log
    with listening(socket.AF_INET, ("0.0.0.0", 0)) as wide:
        status, log = failed_start([wide], models, tmp_path / "e", ["operations"])
        assert status == 3 and "beyond this machine" in log


# --- the second signal -----------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["delay", "limit"])
def test_a_second_signal_ends_the_drain_at_once(models, tmp_path, phase):
    settings = {"drain": {"delay": "4m" if phase == "delay" else "0s", "limit": "1h"}}
    with Daemon(models, tmp_path, settings) as daemon, hold(daemon):
        daemon.process.send_signal(signal.SIGTERM)
        wait_for_event(daemon, "daemon.stopping")
        time.sleep(0.3)
        assert daemon.process.poll() is None
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(20) == 3
        assert '"event":"daemon.stopped","drained":false,"cut_short":true' in daemon.log()


# --- reloading -------------------------------------------------------------------------------


def configure(daemon, settings):
    """Writes other settings; the daemon has not read them yet."""
    daemon.settings = settings
    text = json.dumps({"state_directory": str(daemon.state), **settings})
    (daemon.folder / "serin.json").write_text(text)


def reload(daemon, settings=None, outcome="reloaded"):
    """Sends SIGHUP and waits for what came of it."""
    if settings is not None:
        configure(daemon, settings)
    name = f"configuration.{outcome}"
    before = len(daemon.events(name))
    daemon.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 20
    while len(daemon.events(name)) == before:
        assert time.monotonic() < end and daemon.process.poll() is None, daemon.log()
        time.sleep(0.02)
    return daemon.events(name)[-1]["fields"]


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def test_sighup_puts_settings_in_force(models, tmp_path):
    with Daemon(models, tmp_path) as daemon:
        assert daemon.rows("diamonds-price", [ROW]).status_code == 200
        found = reload(daemon, {
            "inference_tokens": [{"name": "shop", "sha256": digest("a-secret-of-the-shop")}],
            "rate_limit": {"requests_per_second": 0.001, "burst": 2},
            "errors": {"verbose": False}, "required_models": ["nobody"], "log": {"level": "warning"},
            "canary": {"interval": "500ms"}, "drain": {"limit": "2s"}, "port": 1, "limits": {"rows": 2},
            "deadlines": {"idle": "100ms"},
        })
        assert found == {
            "by": "SIGHUP", "certificates": "read again",
            "changed": [
                "inference_tokens", "deadlines.idle", "drain.limit", "rate_limit.requests_per_second",
                "rate_limit.burst", "canary.interval", "required_models", "log.level", "errors.verbose",
            ],
            # The flag --port beats the file, at a reload as at the start.
            "needs_restart": ["limits.rows"],
        }
        assert daemon.rows("diamonds-price", [ROW]).status_code == 401
        headers = {"authorization": "Bearer a-secret-of-the-shop"}
        wrong = daemon.rows("diamonds-price", [{**ROW, "cut": "Idael"}], headers=headers)
        assert wrong.status_code == 400 and "details" not in wrong.json()
        # Three rows, as the limit of the start is still what arenas are planned for.
        assert daemon.rows("diamonds-price", [ROW] * 3, headers=headers).status_code == 200
        assert daemon.rows("diamonds-price", [ROW], headers=headers).status_code == 429
        daemon.wait_for("/readyz", 503)
        assert "required and not loaded: nobody" in daemon.get("/readyz/models").text
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as idle:
            idle.sendall(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
            assert idle.makefile("rb").read().endswith(b"ok\n")
        # Golden runs come twice a second now, and never was a verdict too old for the new interval.
        def runs():
            page = daemon.get("/metrics", port=daemon.operations_port).text
            [line] = [line for line in page.splitlines() if line.startswith("serin_canary_runs_total") and '"passed"' in line]
            return float(line.split()[-1])
        before, end = runs(), time.monotonic() + 20
        while runs() < before + 4:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert "canary:diamonds-price" not in json.dumps(daemon.events("readiness.unready"))
        assert "a-secret" not in json.dumps(daemon.events()) + daemon.log()
        # Below the new level nothing is logged any more; the journal has it all the same.
        assert reload(daemon, {})["changed"] == found["changed"]
        assert daemon.rows("diamonds-price", [ROW]).status_code == 200
        daemon.wait_for("/readyz", 200)
        lines = [json.loads(line) for line in daemon.log_path.read_text().splitlines()]
        assert [line["changed"] for line in lines if line["event"] == "configuration.reloaded"] == [found["changed"]]
        with hold(daemon):
            assert daemon.stop() == 0


def test_variables_stay_on_top_of_the_file(models, tmp_path):
    environment = {"SERIN_DEADLINES_REQUEST": "3s"}
    with Daemon(models, tmp_path, environment=environment) as daemon:
        settings = {"deadlines": {"request": "50ms", "head": "5s"}}
        assert reload(daemon, settings)["changed"] == ["deadlines.head"]


def test_a_wrong_configuration_is_refused_and_the_old_one_stays(models, tmp_path):
    with Daemon(models, tmp_path, {"errors": {"verbose": False}}) as daemon:
        found = reload(daemon, {"errors": {"verbose": "perhaps"}, "drain": {"limt": "1s"}}, "refused")
        file = daemon.folder / "serin.json"
        assert found["by"] == "SIGHUP"
        assert found["problems"] == [
            f"{file}: errors.verbose: expected true or false, found \"perhaps\"",
            f"{file}: drain.limt: unknown setting; did you mean 'limit'?",
        ]
        daemon.wait_for_log("did you mean 'limit'?")
        wrong = daemon.rows("diamonds-price", [{**ROW, "cut": "Idael"}])
        assert wrong.status_code == 400 and "details" not in wrong.json()
        file.write_text("{")
        assert str(file) in reload(daemon, outcome="refused")["problems"][0]
        file.unlink()
        assert "cannot be read" in reload(daemon, outcome="refused")["problems"][0]
        open_wide = {"operations": {"address": "0.0.0.0"}}
        [problem] = reload(daemon, open_wide, "refused")["problems"]
        assert problem.startswith("operations.address: '0.0.0.0' is open beyond this machine")
        assert reload(daemon, {})["changed"] == ["errors.verbose"]
        assert daemon.get("/readyz").status_code == 200


def test_operators_reload_by_a_call(models, tmp_path):
    with Daemon(models, tmp_path) as daemon:
        assert daemon.operations("POST", "/v1/reload", token=False).status_code == 401
        configure(daemon, {"log": {"level": "error"}, "loops": 7})
        answer = daemon.operations("POST", "/v1/reload")
        assert answer.status_code == 200
        assert answer.json() == {"changed": ["log.level"], "needs_restart": ["loops"], "certificates": "read again"}
        assert daemon.events("configuration.reloaded")[-1]["fields"]["by"] == "local"
        configure(daemon, {"log": {"level": "loud"}})
        answer = daemon.operations("POST", "/v1/reload")
        assert answer.status_code == 409 and answer.json()["code"] == "configuration_refused"
        assert "log.level: expected 'debug' or 'info'" in answer.json()["error"]


def test_tokens_are_taken_back_by_a_reload(models, tmp_path):
    with Daemon(models, tmp_path) as daemon:
        local = {"authorization": "Bearer " + (daemon.state / "operations.token").read_text().strip()}
        mira = {"authorization": "Bearer miras-own-token"}
        url = daemon.url("/v1/models/diamonds-price/override", daemon.operations_port)
        assert daemon.session.delete(url, headers=local).status_code == 200
        assert daemon.session.delete(url, headers=mira).status_code == 401
        reload(daemon, {"operations": {"tokens": [{"name": "mira", "sha256": digest("miras-own-token")}]}})
        assert daemon.session.delete(url, headers=local).status_code == 401
        assert daemon.session.delete(url, headers=mira).status_code == 200
        reload(daemon, {})
        assert daemon.session.delete(url, headers=local).status_code == 200
        assert daemon.session.delete(url, headers=mira).status_code == 401


def test_reloads_under_load_lose_nothing(models, tmp_path):
    with Daemon(models, tmp_path) as daemon:
        load = Load(lambda: http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20), 4, True)
        for round in range(20):
            load.wait_for(load.answered + 20)
            reload(daemon, {"deadlines": {"request": f"{2 + round % 2}s"}, "concurrency": {"queue": 100 + round}})
        daemon.process.send_signal(signal.SIGTERM)
        load.join()
        assert load.lost == [] and daemon.process.wait(40) == 0


def test_sighup_reads_certificates_again(models, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    with Daemon(models, tmp_path, {"tls": {"certificates": [pair.setting]}}, wait=None) as daemon:
        daemon.session.verify = str(authority.pem)
        daemon.wait_for("/readyz")
        assert reload(daemon)["certificates"] == "read again"
        assert len(daemon.events("tls.reloaded")) == 1
        pair.key_file.write_text("no key")
        assert reload(daemon)["certificates"] == "refused"
        assert daemon.events("tls.reload_refused")
        assert daemon.get("/readyz").status_code == 200


# --- what the service manager hears ----------------------------------------------------------


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, place):
        self.place = place
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + place[1:] if place.startswith("@") else place)
        self.messages, self.lock = [], threading.Lock()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while message := self.socket.recv(4096).decode():
                with self.lock:
                    self.messages.append((time.monotonic(), message))

    def all(self):
        with self.lock:
            return [message for _, message in self.messages]

    def count(self, message):
        return self.all().count(message)

    def wait_for(self, message, count=1, seconds=30):
        end = time.monotonic() + seconds
        while self.count(message) < count:
            assert time.monotonic() < end, self.all()
            time.sleep(0.01)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    place = str(tmp_path / "notify") if request.param == "path" else f"@serin-test-{os.getpid()}-{time.monotonic_ns()}"
    with contextlib.closing(Manager(place)) as manager:
        yield manager


def test_the_manager_hears_of_start_reload_and_end(models, tmp_path, manager):
    with Daemon(models, tmp_path, environment={"NOTIFY_SOCKET": manager.place}) as daemon:
        manager.wait_for("READY=1")
        manager.wait_for("STATUS=ready: diamonds-price")
        before = manager.all()
        assert before.index("STATUS=loading diamonds-price/1") < before.index("READY=1")
        assert before.count("READY=1") == 1
        started = time.monotonic_ns() // 1000
        reload(daemon)
        manager.wait_for("READY=1", 2)
        [told] = [message for message in manager.all() if message.startswith("RELOADING=1\n")]
        moment = int(told.removeprefix("RELOADING=1\nMONOTONIC_USEC="))
        assert started <= moment <= time.monotonic_ns() // 1000
        assert manager.all().index(told) < len(manager.all()) - 1 - manager.all()[::-1].index("READY=1")
        # A refused configuration ends the reload as well.
        reload(daemon, {"prot": 1}, "refused")
        manager.wait_for("READY=1", 3)
        assert daemon.stop() == 0
        manager.wait_for("STOPPING=1\nSTATUS=draining")
        assert manager.all()[-1] == "STOPPING=1\nSTATUS=draining"
        assert manager.count("WATCHDOG=1") == 0


def test_who_is_not_ready_does_not_say_so(models, tmp_path):
    with contextlib.closing(Manager(str(tmp_path / "notify"))) as manager:
        environment = {"NOTIFY_SOCKET": manager.place}
        settings = {"required_models": ["nobody"]}
        with Daemon(models, tmp_path, settings, wait="started", environment=environment) as daemon:
            manager.wait_for("STATUS=not ready: models")
            assert manager.count("READY=1") == 0
            reload(daemon, {})
            manager.wait_for("READY=1")
            assert not [message for message in manager.all() if message.startswith("RELOADING")]


@pytest.mark.alone
@pytest.mark.parametrize("thread", ["http-0", "http-1", "serin-canary"])
def test_the_watchdog_is_quiet_only_while_everyone_runs(models, tmp_path, thread):
    with contextlib.closing(Manager(str(tmp_path / "notify"))) as manager:
        environment = {"NOTIFY_SOCKET": manager.place, "WATCHDOG_USEC": "1000000", "SERIN_LOOPS": "2"}
        with Daemon(models, tmp_path, environment=environment) as daemon:
            manager.wait_for("WATCHDOG=1", 4)
            moments = [moment for moment, message in manager.messages if message == "WATCHDOG=1"]
            assert all(after - before < 1 for before, after in zip(moments, moments[1:]))
            with stuck(daemon.process.pid, thread):
                time.sleep(1)  # What was asked before may still be told.
                before = manager.count("WATCHDOG=1")
                time.sleep(2)
                assert manager.count("WATCHDOG=1") == before
            manager.wait_for("WATCHDOG=1", before + 2)


def test_a_manager_that_is_gone_does_not_matter(models, tmp_path):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1000000"}
    with Daemon(models, tmp_path, environment=environment) as daemon:
        wait_for_event(daemon, "manager.not_told")
        assert daemon.rows("diamonds-price", [ROW]).status_code == 200
        assert daemon.stop() == 0


def test_a_manager_that_does_not_read_holds_up_no_end(models, tmp_path):
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as deaf:
        place = str(tmp_path / "notify")
        deaf.bind(place)
        # As many as the socket takes, so that the first message of the daemon finds no room.
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as filler:
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    filler.sendto(b"x", place)
        environment = {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "200000"}
        with Daemon(models, tmp_path, environment=environment) as daemon:
            for _ in range(8):
                reload(daemon)
            wait_for_event(daemon, "manager.not_told")
            begin = time.monotonic()
            assert daemon.stop() == 0
            # Each of some twenty messages would wait for a second.
            assert time.monotonic() - begin < 8


def test_more_loops_than_dispatch_has_threads(models, tmp_path):
    with Daemon(models, tmp_path, {"loops": 400}) as daemon:
        for _ in range(100):
            # A client each, so that many loops get one.
            with socket.create_connection(("127.0.0.1", daemon.port), 10) as client:
                client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert daemon.operations("GET", "/metrics", token=False).status_code == 200
        assert daemon.stop() == 0


def test_the_units_are_well_formed(tmp_path):
    folder = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "systemd"
    if not os.path.exists("/usr/bin/systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    # The binary has to exist for the check, wherever the package will put it.
    for unit in folder.iterdir():
        text = unit.read_text().replace("/usr/bin/serin", str(binary().resolve()))
        (tmp_path / unit.name).write_text(text)
    for unit in folder.iterdir():
        checked = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / unit.name], capture_output=True, text=True
        )
        # It tells of mistakes and exits with 0 all the same.
        assert checked.stdout + checked.stderr == ""
