# SPDX-License-Identifier: Apache-2.0
"""What becomes of orders, journal and versions while files vanish, are in the way or may not be read."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from daemon import MODELS, Daemon, binary, copy_models, free_port, golden, surroundings

MODEL = "diamonds-price"
ORDER = {"mode": "fallback", "reason": "a test", "by": "tests", "expires_in": "1h"}
ROW = golden(f"{MODEL}/2")[0]["inputs"]


def until(holds, seconds=15):
    """Waits until `holds` answers something true, and gives it back."""
    end = time.monotonic() + seconds
    while True:
        if found := holds():
            return found
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def order(daemon, method, path, body=None):
    """An order with the token of the start, wherever its file is by now."""
    headers = {"authorization": f"Bearer {daemon.token}"}
    url = daemon.url(f"/v1/models/{MODEL}/{path}", daemon.operations_port)
    return daemon.session.request(method, url, json=body, headers=headers, timeout=30)


def started(daemon):
    daemon.token = (daemon.state / "operations.token").read_text().strip()
    return daemon


def events(daemon, name=None):
    """The journal, also where the token's file is gone."""
    lines = daemon.operations("GET", "/v1/events", token=False).text.splitlines()
    return [row for row in map(json.loads, lines) if name in (None, row["event"])]


def served_by(daemon):
    answer = daemon.rows(MODEL, [ROW])
    assert answer.status_code == 200
    return answer.headers["serin-served-by"], answer.headers["serin-model-version"]


def versions(daemon):
    page = daemon.operations("GET", f"/v1/models/{MODEL}/versions", token=False).json()
    return {row["version"]: row for row in page["versions"]}


def test_an_order_that_is_not_kept_says_so_and_is_kept_as_soon_as_it_can_be(tmp_path):
    with Daemon(copy_models(tmp_path, f"{MODEL}/1", f"{MODEL}/2"), tmp_path) as daemon:
        started(daemon)
        assert order(daemon, "PUT", "override", ORDER).status_code == 200
        # Nothing can be renamed over a folder.
        for name in ("overrides.json", "versions.json"):
            (daemon.state / name).unlink()
            (daemon.state / name).mkdir()
        refused = order(daemon, "PUT", "override", {**ORDER, "mode": "model"})
        assert refused.status_code == 503 and "not in force" in refused.json()["error"]
        assert served_by(daemon)[0] == "fallback"
        cleared = order(daemon, "DELETE", "override")
        assert (cleared.status_code, cleared.json()["kept"]) == (200, False)
        assert served_by(daemon)[0] == "model"
        pinned = order(daemon, "PUT", "pin", {"version": 1, "reason": "a test"})
        assert (pinned.status_code, pinned.json()["kept"]) == (200, False)
        assert served_by(daemon) == ("model", "1")
        ready = daemon.get("/readyz?verbose")
        assert ready.status_code == 200 and "state" in ready.text and "cannot be kept" in ready.text
        told = daemon.events("state.not_written")
        assert len(told) == 1 and "make room" in told[0]["fields"]["remedy"]

        for name in ("overrides.json", "versions.json"):
            (daemon.state / name).rmdir()
        until(lambda: daemon.events("state.written"))
        assert json.loads((daemon.state / "overrides.json").read_text()) == {}
        kept = json.loads((daemon.state / "versions.json").read_text())[MODEL]
        assert (kept["active"], kept["pin"]["version"]) == (1, 1)
        assert "cannot be kept" not in daemon.get("/readyz?verbose").text
        assert order(daemon, "DELETE", "pin").json()["kept"] is True
        assert len(daemon.events("state.written")) == len(daemon.events("state.not_written")) == 1


def test_a_state_directory_that_is_removed_is_made_anew_and_stays_this_daemons(tmp_path):
    models = copy_models(tmp_path, f"{MODEL}/2")
    with Daemon(models, tmp_path) as daemon:
        started(daemon)
        assert order(daemon, "PUT", "override", ORDER).status_code == 200
        before = events(daemon)[-1]["sequence"]
        shutil.rmtree(daemon.state)
        # Without any order, what is in force is written down again.
        until(lambda: (daemon.state / "overrides.json").exists())
        kept = json.loads((daemon.state / "overrides.json").read_text())
        assert kept[MODEL]["mode"] == "fallback"
        until(lambda: events(daemon, "state.moved"))
        assert order(daemon, "DELETE", "override").json()["kept"] is True
        lines = (daemon.state / "journal.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert records[-1]["event"] == "override.cleared"
        assert [record["sequence"] for record in records] == [
            before + 1 + place for place in range(len(records))
        ]
        daemon.wait_for_log("gone from")
        # Whoever comes second finds it taken.
        second = subprocess.run(
            [
                binary(), "serve", "--models", models, "--state-directory", daemon.state,
                "--port", str(free_port()), "--operations-port", str(free_port()),
            ],
            capture_output=True, text=True, timeout=30, env=surroundings(),
        )
        assert second.returncode == 3 and "stop the daemon that uses it" in second.stderr


def test_a_version_that_is_still_being_copied_is_shown_as_such(tmp_path):
    models = copy_models(tmp_path, f"{MODEL}/1")
    with Daemon(models, tmp_path, {"versions": {"settle": "100ms"}}) as daemon:
        target = models / MODEL / "2"
        target.mkdir()
        for file in (MODELS / MODEL / "2").iterdir():
            if file.name != "model.onnx":
                shutil.copy(file, target)
        row = until(lambda: versions(daemon).get(2))
        row = until(lambda: "model.onnx" in versions(daemon)[2]["reason"] and versions(daemon)[2])
        assert row["state"] == "LOADING" and "still being copied" in row["reason"]
        assert served_by(daemon) == ("model", "1")
        shutil.copy(MODELS / MODEL / "2" / "model.onnx", target)
        until(lambda: versions(daemon).get(2, {}).get("state") == "READY")


def test_many_strays_do_not_push_all_else_out_of_the_journal(tmp_path):
    models = copy_models(tmp_path, f"{MODEL}/2")
    for number in range(300):
        (models / f"stray-{number}").write_text("")
    with Daemon(models, tmp_path) as daemon:
        assert len(daemon.events("artifact.stray")) == 20
        (rest,) = daemon.events("artifact.strays")
        assert rest["fields"]["more"] == 280
        status = daemon.operations("GET", "/v1/status", token=False).json()
        assert len(status["strays"]) == 300


def test_a_kernel_that_watches_no_more_folders_is_told_of(tmp_path):
    limit = "echo 0 > /proc/sys/user/max_inotify_watches"
    probe = subprocess.run(["unshare", "-Ur", "sh", "-c", limit], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("no user namespaces")
    models = copy_models(tmp_path, f"{MODEL}/1")
    with wrapped(tmp_path, f"unshare -Ur sh -c '{limit}; exec \"$0\" \"$@\"'"):
        with Daemon(models, tmp_path, {"versions": {"poll": "500ms", "settle": "50ms"}}) as daemon:
            (told,) = daemon.events("models.not_watched")
            assert "fs.inotify.max_user_watches" in told["fields"]["remedy"]
            shutil.copytree(MODELS / MODEL / "2", models / MODEL / "2")
            until(lambda: served_by(daemon) == ("model", "2"))
            assert len(daemon.events("models.not_watched")) == 1


def test_what_may_not_be_read_goes_on_serving_and_is_told_once():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serin-files-"))
    try:
        os.chmod(folder, 0o755)
        models = copy_models(folder, f"{MODEL}/1", f"{MODEL}/2")
        run = folder / "run"
        (run / "state").mkdir(parents=True)
        command = ""
        if os.geteuid() == 0:
            # Permissions are nothing to root.
            command = "setpriv --reuid 65534 --regid 65534 --clear-groups"
            for path in (run, run / "state"):
                os.chown(path, 65534, 65534)
        settings = {
            "versions": {"settle": "50ms", "poll": "200ms"},
            "integrity": {"interval": "20ms"},
        }
        with wrapped(folder, command), Daemon(models, run, settings) as daemon:
            until(lambda: len(versions(daemon)) == 2)
            (models / MODEL / "2" / "golden.jsonl").chmod(0)
            until(lambda: daemon.events("integrity.not_readable"))
            assert "golden.jsonl: not readable" in daemon.get("/readyz?verbose").text
            (models / MODEL).chmod(0)
            until(lambda: daemon.events("artifact.stray"))
            time.sleep(1)
            assert set(versions(daemon)) == {1, 2}
            assert served_by(daemon) == ("model", "2")
            assert not daemon.events("model.unloaded")
            (models / MODEL).chmod(0o755)
            (models / MODEL / "2" / "golden.jsonl").chmod(0o644)
            until(lambda: daemon.events("integrity.readable"))
            told = [row["fields"]["version"] for row in daemon.events("integrity.not_readable")]
            assert sorted(told) == sorted(set(told))
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", folder])
        shutil.rmtree(folder)


class wrapped:
    """Has daemons started by a command, while it is entered."""

    def __init__(self, folder, command):
        self.path = pathlib.Path(folder) / "bin" / "serin"
        self.command = command

    def __enter__(self):
        self.before = os.environ.get("SERIN_BINARY")
        self.path.parent.mkdir(mode=0o755)
        self.path.write_text(f'#!/bin/sh\nexec {self.command} "{binary()}" "$@"\n')
        self.path.chmod(0o755)
        os.environ["SERIN_BINARY"] = str(self.path)

    def __exit__(self, *_):
        if self.before is None:
            del os.environ["SERIN_BINARY"]
        else:
            os.environ["SERIN_BINARY"] = self.before
