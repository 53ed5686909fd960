# SPDX-License-Identifier: Apache-2.0
"""A large file that was hashed before is recognised at the next start, and only then."""

import json
import stat
import time

import pytest
import test_external_data as external
from daemon import Daemon, run

SETTINGS = {"integrity": {"interval": "1h"}}
UNSEALED = {"integrity": {"interval": "1h", "seals": False}}


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A model whose weights are large enough to have chunks."""
    monkeypatch.setattr(external, "HIDDEN", 3000)
    draft = external.artifact(tmp_path / "draft" / "network" / "1")
    done = run("pack", "--edit", draft, "--out", tmp_path / "models")
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path / "models"


def start(models, folder):
    """Starts, asks, waits for the seals; returns whether the file was recognised, and the answer."""
    with Daemon(models, folder, SETTINGS) as daemon:
        got = daemon.rows("network", [{"x0": 2.5}]).json()["predictions"]
        loaded = daemon.events("model.loaded")[-1]["fields"]
        seals = daemon.state / "seals.json"
        deadline = time.monotonic() + 30
        while not (seals.exists() and any("11" * 48 not in tags for tags in json.loads(seals.read_text()).values())):
            assert time.monotonic() < deadline, daemon.log()
            time.sleep(0.02)
        return loaded["recognized"], got, seals


def test_a_restart_recognises_what_the_first_start_hashed(models, tmp_path):
    first, answer, seals = start(models, tmp_path)
    assert not first
    assert stat.S_IMODE(seals.stat().st_mode) == 0o600
    kept = seals.read_bytes()
    again, same, _ = start(models, tmp_path)
    assert again and same == answer == pytest.approx(external.answer(external.network(), [2.5]), rel=1e-5)
    # What is known is not sealed anew.
    assert seals.read_bytes() == kept
    # Without them, and with those of nothing or of no form, everything is hashed.
    for text in ("{}", json.dumps({name: ["11" * 48] * len(tags) for name, tags in json.loads(kept).items()}), "[]"):
        seals.write_text(text)
        again, same, _ = start(models, tmp_path)
        assert not again and same == answer, text
        assert start(models, tmp_path)[0], "sealed anew"


def test_a_file_that_was_changed_meanwhile_is_refused_as_ever(models, tmp_path):
    assert not start(models, tmp_path)[0]
    data = models / "network" / "1" / external.DATA
    with open(data, "r+b") as file:
        file.seek(20 << 20)
        byte = file.read(1)
        file.seek(20 << 20)
        file.write(bytes([byte[0] ^ 1]))
    with Daemon(models, tmp_path, SETTINGS, wait=None) as daemon:
        daemon.wait_for_log('"model.refused"')
        log = daemon.log_path.read_text()
        refused = json.loads(next(line for line in log.splitlines() if '"model.refused"' in line))
        assert external.DATA in refused["reason"] and "other bytes from" in refused["reason"]


def test_where_nothing_is_to_be_sealed_every_start_hashes(models, tmp_path):
    for settings, recognized in ((UNSEALED, False), (SETTINGS, False), (UNSEALED, False)):
        if settings is SETTINGS:
            assert start(models, tmp_path)[0] is recognized
            continue
        with Daemon(models, tmp_path, settings) as daemon:
            daemon.wait_for_log('"weights.packed"')
            assert daemon.events("model.loaded")[-1]["fields"]["recognized"] is recognized
