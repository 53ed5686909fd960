# SPDX-License-Identifier: Apache-2.0
"""What the daemon does to an artifact's files, which is to read them, and what it says where it may not."""

import ctypes
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import pytest
from daemon import Daemon, binary, copy_models, golden, run, surroundings

MODIFIED, ATTRIBUTES, CLOSED_AFTER_WRITING, CLOSED, OPENED = 0x2, 0x4, 0x8, 0x10, 0x20
MOVED_FROM, MOVED_TO, CREATED, DELETED = 0x40, 0x80, 0x100, 0x200
CHANGES = MODIFIED | ATTRIBUTES | CLOSED_AFTER_WRITING | MOVED_FROM | MOVED_TO | CREATED | DELETED


class Watch:
    """All that the kernel sees happen to the files below a folder (inotify)."""

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.descriptor >= 0, os.strerror(ctypes.get_errno())
        self.folders = {}
        for path in [folder, *(one for one in folder.rglob("*") if one.is_dir())]:
            number = self.libc.inotify_add_watch(self.descriptor, os.fsencode(path), CHANGES | CLOSED | OPENED)
            assert number >= 0, os.strerror(ctypes.get_errno())
            self.folders[number] = path
        self.seen = []

    def read(self):
        while True:
            try:
                data = os.read(self.descriptor, 1 << 20)
            except BlockingIOError:
                return self.seen
            while data:
                number, mask, _, count = struct.unpack_from("iIII", data)
                name = data[16:16 + count].rstrip(b"\0").decode()
                assert not mask & 0x4000, "events were lost"
                self.seen.append((mask, str(self.folders[number] / name)))
                data = data[16 + count:]

    def changes(self):
        return [(hex(mask), path) for mask, path in self.read() if mask & CHANGES]

    def opened(self):
        return {pathlib.Path(path).name for mask, path in self.read() if mask & OPENED}


@pytest.fixture
def models(tmp_path):
    return copy_models(tmp_path, "diamonds-price/1", "tumour/1")


def test_the_watch_sees_a_write(models):
    watch = Watch(models)
    with open(models / "tumour/1/model.onnx", "r+b"):
        pass
    assert [path for _, path in watch.changes()] == [str(models / "tumour/1/model.onnx")]


def test_weights_are_mapped_for_reading_alone_and_no_file_is_ever_opened_for_writing(models, tmp_path):
    watch = Watch(models)
    settings = {"integrity": {"interval": "10ms", "slice_bytes": "1GiB"}, "canary": {"interval": "1s"}}
    with Daemon(models, tmp_path / "daemon", settings) as daemon:
        rows = [record["inputs"] for record in golden("diamonds-price/1")]
        assert daemon.rows("diamonds-price", rows).status_code == 200
        daemon.operations("POST", "/v1/reload")
        daemon.operations("POST", "/v1/models/tumour/canary")
        maps = pathlib.Path(f"/proc/{daemon.process.pid}/maps").read_text()
        ours = [line.split(maxsplit=5) for line in maps.splitlines() if str(models) in line]
        assert {pathlib.Path(line[5]).name for line in ours} == {"model.onnx"} and len(ours) >= 2
        assert {line[1] for line in ours} <= {"r--s", "r--p"}, ours
        # What may be written is never run, and the other way round.
        assert not [line for line in maps.splitlines() if re.match(r"\S+ .wx", line)]
        for descriptor in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except FileNotFoundError:
                continue
            if target.startswith(str(models)):
                flags = re.search(r"flags:\s+(\d+)", pathlib.Path(str(descriptor).replace("/fd/", "/fdinfo/")).read_text())
                assert int(flags.group(1), 8) & os.O_ACCMODE == os.O_RDONLY, target
        assert watch.changes() == []
    assert daemon.process.returncode == 0
    folder = models / "diamonds-price/1"
    for arguments in (
        ["verify", folder], ["inspect", folder], ["diff", folder, models / "tumour/1"], ["plan", folder],
        ["bench", folder, "--json"], ["doctor", "--models", models, "--state-directory", tmp_path / "s"],
    ):
        assert run(*arguments).returncode in (0, 1), arguments
    assert watch.changes() == []
    assert {"model.onnx", "contract.json", "artifact.json", "golden.jsonl", "baseline.json"} <= watch.opened()


NOBODY = 65534


def run_unprivileged(*arguments):
    """As somebody who may not read everything: root may, whatever permissions say."""
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(
        [shutil.which("nice"), str(binary()), *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env=surroundings(), cwd="/", **options
    )


@pytest.fixture
def readable_models():
    """Models in a folder that everybody may pass through, unlike pytest's own."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="serin-hygiene-"))
    root.chmod(0o755)
    models = copy_models(root, "tumour/1")
    if run_unprivileged("version").returncode != 0:
        pytest.skip("nobody else may run the binary where it lies")
    yield models
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(root)


@pytest.mark.parametrize("place, mode, says", [
    (".", 0o000, ": not readable: Permission denied; give read permission"),
    (".", 0o444, "Permission denied; give read permission"),
    ("artifact.json", 0o000, "artifact.json: not readable: Permission denied; give read permission"),
    ("model.onnx", 0o000, "model.onnx: not readable: Permission denied; give read permission"),
    ("golden.jsonl", 0o000, "golden.jsonl: not readable: Permission denied; give read permission"),
    ("environment.lock", 0o000, "environment.lock: not readable: Permission denied; give read permission"),
])
def test_what_may_not_be_read_is_named_with_what_to_do(readable_models, place, mode, says):
    folder = readable_models / "tumour/1"
    assert run_unprivileged("verify", folder).returncode == 0
    (folder / place).chmod(mode)
    result = run_unprivileged("verify", folder)
    assert result.returncode in (1, 2), result.stdout
    assert says in result.stderr, result.stderr
    assert "Fatal error" not in result.stderr


def test_models_that_nobody_may_write_to_are_served_all_the_same(readable_models):
    for path in [readable_models, *readable_models.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    result = run_unprivileged("verify", readable_models / "tumour/1")
    assert result.returncode == 0, result.stderr
    # Signing is what needs to write, and says so.
    key = readable_models.parent / "key.pem"
    assert run("sign", "--new-key", key).returncode == 0
    os.chown(key, NOBODY if os.geteuid() == 0 else os.geteuid(), -1)
    result = run_unprivileged("sign", readable_models / "tumour/1", "--key", key)
    assert result.returncode == 3
    assert "artifact.sig cannot be written: Permission denied; let this user write to" in result.stderr


def test_a_models_folder_without_permission_is_told_and_serves_nothing(readable_models):
    readable_models.chmod(0)
    result = run_unprivileged("doctor", "--models", readable_models, "--state-directory", "/tmp", "--json")
    assert "Permission denied" in result.stdout and '"fail"' in result.stdout


def test_a_list_of_revocations_that_may_not_be_read_refuses_all_that_is_signed(readable_models):
    root = readable_models.parent
    keys = root / "keys"
    keys.mkdir()
    assert run("sign", "--new-key", root / "release.pem").returncode == 0
    (root / "release.pub.pem").rename(keys / "release.pem")
    assert run("sign", readable_models / "tumour/1", "--key", root / "release.pem").returncode == 0
    (keys / "revoked.json").write_text('{"keys": []}')
    command = ["verify", readable_models / "tumour/1", "--trusted-keys", keys]
    assert run_unprivileged(*command).returncode == 0
    (keys / "revoked.json").chmod(0)
    result = run_unprivileged(*command)
    assert result.returncode == 1
    assert "revoked.json: not readable: Permission denied; let the daemon's user read it" in result.stderr
