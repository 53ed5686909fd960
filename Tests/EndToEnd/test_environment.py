# SPDX-License-Identifier: Apache-2.0
"""The training environment of an artifact against what the daemon requires."""

import hashlib
import json
import re
import subprocess
import sys

import pytest
from daemon import MODELS, Daemon, copy_models, run

LOCK = MODELS / "diamonds-price/1/environment.lock"
PINS = re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE)


def repack(folder, name, text):
    """Writes a file of an artifact and its new digest."""
    (folder / name).write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    manifest = json.loads((folder / "artifact.json").read_text())
    manifest["files"][name] = {"sha256": digest, "bytes": len(text.encode())}
    manifest["environment"] = {"lock": name, "sha256": digest}
    (folder / "artifact.json").write_text(json.dumps(manifest))


def verify(folder, required=None):
    flags = ["--required-environment", required] if required else []
    result = run("verify", folder, *flags)
    return result.returncode, (result.stdout + result.stderr).splitlines()


def test_an_artifact_with_another_framework_in_its_lock_is_refused(tmp_path):
    folder = copy_models(tmp_path, "tumour/1") / "tumour" / "1"
    text = (folder / "environment.lock").read_text()
    repack(folder, "environment.lock", text.replace("scikit-learn==1.9.1", "scikit-learn==1.4.2"))
    status, lines = verify(folder)
    assert status == 1
    [line] = [line for line in lines if line.startswith("environment.lock: ")]
    assert re.fullmatch(
        r"environment.lock: line \d+: scikit-learn 1.4.2, required 1.9.1; artifact.json says that it trained the model; "
        "pack the lock of the environment that did", line
    )
    repack(folder, "environment.lock", text.replace("skl2onnx==1.20.0", "skl2onnx==1.18.0"))
    status, lines = verify(folder)
    assert status == 1
    assert any("skl2onnx 1.18.0, required 1.20.0; model.onnx says that it wrote the model" in line for line in lines)


def test_all_differences_from_the_required_environment_come_at_once(tmp_path):
    folder = MODELS / "diamonds-price/1"
    assert verify(folder, LOCK)[0] == 0
    required = tmp_path / "required.txt"
    # As PEP 503 has names, and other spellings of the same version.
    required.write_text("".join(f"{name.upper().replace('-', '_')}=={version}.0\n" for name, version in PINS))
    assert verify(folder, required)[0] == 0
    name, version = PINS[0]
    required.write_text(f"{name}==0.0.1\nnot-there==7\n{PINS[1][0]}=={PINS[1][1]}\n")
    status, lines = verify(folder, required)
    assert status == 1
    told = [line for line in lines if line.startswith("environment.lock: ")]
    assert [re.search(r"(\S+ \S+, required \S+);", line).group(1) for line in told] == [
        f"{name} {version}, required 0.0.1", "not-there missing, required 7",
    ]
    required.write_text("".join(f"{name}==0.0.1\n" for name, _ in PINS))
    status, lines = verify(folder, required)
    told = [line for line in lines if line.startswith("environment.lock: ")]
    assert len(told) == 21 and f"{len(PINS)} packages are not as required_environment has them" in told[-1]


def test_what_pip_freeze_writes_is_read(tmp_path):
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True
    ).stdout
    required = tmp_path / "frozen.txt"
    required.write_text(frozen)
    folder = copy_models(tmp_path, "diamonds-price/1") / "diamonds-price" / "1"
    status, lines = verify(folder, required)
    missing = {name for line in lines for name in re.findall(r"(\S+) missing, required", line)}
    assert status == 1 and 0 < len(missing) <= 20, lines
    # As an artifact's own lock: right, but for the framework, which is not in it.
    repack(folder, "environment.lock", frozen)
    status, lines = verify(folder)
    assert status == 1
    assert [line for line in lines if "environment.lock" in line][0].startswith(
        "environment.lock: xgboost missing, required 3.2.0"
    )
    repack(folder, "environment.lock", frozen + "xgboost==3.2.0\n")
    status, lines = verify(folder)
    assert status == 0
    assert any(line.startswith("missing for production: the environment lock has no hash for") for line in lines)


@pytest.mark.parametrize("text, says", [
    ("version: 1\nmetadata:\n  content_hash: {}\npackage:\n- name: numpy\n", "a file of conda"),
    ("[[package]]\nname = 'numpy'\n[metadata]\nlock-version = '2.1'\n", "a lock file of Poetry or PDM"),
    ("numpy>=1\n", "line 1: 'numpy>=1' is not pinned to one version; expected numpy==VERSION"),
])
def test_another_tools_lock_is_refused_with_what_is_read(tmp_path, text, says):
    folder = copy_models(tmp_path, "tumour/1") / "tumour" / "1"
    repack(folder, "environment.lock", text)
    status, lines = verify(folder)
    assert status == 1 and any(line.startswith(f"environment.lock: {says}") for line in lines), lines


def test_a_daemon_loads_only_what_the_required_environment_made(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1", "tumour/1")
    folder = models / "tumour/1"
    text = (folder / "environment.lock").read_text()
    repack(folder, "environment.lock", re.sub(r"^numpy==\S+", "numpy==1.26.4", text, flags=re.MULTILINE))
    numpy = dict(PINS)["numpy"]
    required = tmp_path / "required.txt"
    required.write_text(f"numpy=={numpy}\n")
    settings = {"required_environment": str(required)}
    with Daemon(models, tmp_path / "daemon", settings) as daemon:
        hosts = {host["name"]: host for host in daemon.operations("GET", "/v1/status").json()["models"]}
        assert [version["version"] for version in hosts["diamonds-price"]["versions"]] == [1]
        assert f"numpy 1.26.4, required {numpy}" in hosts["tumour"]["refused"][0]["reason"]
    doctor = ["doctor", "--required-environment", required, "--models", models, "--state-directory", tmp_path / "s", "--json"]
    findings = {one["subject"]: one for one in json.loads(run(*doctor).stdout)["findings"]}
    assert findings["required_environment"]["found"] == "1 package"
    assert f"numpy 1.26.4, required {numpy}" in findings["tumour/1"]["found"]
    required.write_text("numpy\n")
    findings = {one["subject"]: one for one in json.loads(run(*doctor).stdout)["findings"]}
    assert findings["required_environment"]["grade"] == "fail"
    assert "line 1: 'numpy' is not pinned" in findings["required_environment"]["found"]
    # Without the list nobody can judge, so nothing is loaded.
    with Daemon(models, tmp_path / "again", settings, wait="startup") as daemon:
        [host, _] = daemon.operations("GET", "/v1/status").json()["models"]
        assert "is not pinned to one version" in host["refused"][0]["reason"]


def test_an_artifact_without_a_lock_does_not_do_where_one_is_required(tmp_path):
    folder = copy_models(tmp_path, "tumour/1") / "tumour" / "1"
    manifest = json.loads((folder / "artifact.json").read_text())
    del manifest["environment"], manifest["files"]["environment.lock"]
    (folder / "artifact.json").write_text(json.dumps(manifest))
    (folder / "environment.lock").unlink()
    assert verify(folder)[0] == 0
    status, lines = verify(folder, LOCK)
    assert status == 1
    assert any("artifact.json: environment: no environment lock, and required_environment is set" in line for line in lines)
