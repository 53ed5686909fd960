# SPDX-License-Identifier: Apache-2.0
"""Who may approve an artifact: `serin sign`, trusted keys, keys and artifacts that were revoked."""

import hashlib
import json
import resource
import shutil
import signal
import subprocess

import pytest
from daemon import MODELS, Daemon, copy_models, run

DATE = "2026-03-01T12:00:00Z"


@pytest.fixture
def keys(tmp_path):
    """Two key pairs, and a folder that trusts both."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("alice", "bob"):
        assert run("sign", "--new-key", tmp_path / f"{name}.pem").returncode == 0
        (tmp_path / f"{name}.pub.pem").rename(folder / f"{name}.pem")
    return folder


def sign(folder, key):
    result = run("sign", folder, "--key", key, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def revoke(keys, *, keys_=(), artifacts=(), reason="the laptop was stolen"):
    entry = {"date": DATE, "reason": reason}
    (keys / "revoked.json").write_text(json.dumps({
        "keys": [{"id": identifier, **entry} for identifier in keys_],
        "artifacts": [{"sha256": digest, **entry} for digest in artifacts],
    }))


def verify(folder, keys):
    result = run("verify", folder, "--trusted-keys", keys)
    return result.returncode, result.stdout + result.stderr


def test_what_is_signed_is_what_was_checked(tmp_path, keys):
    folder = copy_models(tmp_path, "diamonds-price/1") / "diamonds-price" / "1"
    done = sign(folder, tmp_path / "alice.pem")
    manifest = (folder / "artifact.json").read_bytes()
    assert done["sha256"] == hashlib.sha256(manifest).hexdigest()
    assert (done["artifact"], done["key"], done["stage"]) == ("diamonds-price/1", "alice", "staging")
    assert done["missing_for_production"] == ["artifact.json says stage 'staging'"]
    # OpenSSL agrees, and so does the id that it can compute.
    (tmp_path / "raw").write_bytes(__import__("base64").b64decode((folder / "artifact.sig").read_text()))
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", keys / "alice.pem",
         "-in", folder / "artifact.json", "-sigfile", tmp_path / "raw"], check=True, capture_output=True,
    )
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", keys / "alice.pem", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert done["key_id"] == hashlib.sha256(der).hexdigest()[:16]
    status, output = verify(folder, keys)
    assert status == 0 and f"signed by alice (key {done['key_id']})" in output
    # Signed again by somebody else, in the same place.
    assert sign(folder, tmp_path / "bob.pem")["key"] == "bob"
    assert "signed by bob" in verify(folder, keys)[1]


def test_a_key_of_openssl_signs_also_one_with_a_passphrase(tmp_path):
    folder = copy_models(tmp_path, "tumour/1") / "tumour" / "1"
    for extra in ([], ["-aes256", "-pass", "pass:open sesame"]):
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", *extra, "-out", tmp_path / "key.pem"],
            check=True, capture_output=True, umask=0o077,
        )
        if extra:
            refused = run("sign", folder, "--key", tmp_path / "key.pem")
            assert refused.returncode == 1 and "is encrypted; give --passphrase-file" in refused.stderr
            refused = run("sign", folder, "--key", tmp_path / "key.pem", "--passphrase-file", "-", input="wrong\n")
            assert refused.returncode == 1 and "the passphrase does not open" in refused.stderr
        done = run("sign", folder, "--key", tmp_path / "key.pem", "--passphrase-file", "-", input="open sesame\n")
        assert done.returncode == 0, done.stderr
        assert "tumour/1: signed by key (key " in done.stdout


def test_what_would_not_be_served_is_not_signed(tmp_path, keys):
    folder = copy_models(tmp_path, "diamonds-price/1") / "diamonds-price" / "1"
    model = bytearray((folder / "model.onnx").read_bytes())
    model[1000] ^= 1
    (folder / "model.onnx").write_bytes(model)
    refused = run("sign", folder, "--key", tmp_path / "alice.pem")
    assert refused.returncode == 1 and "model.onnx: SHA-256 " in refused.stderr
    shutil.copy(MODELS / "diamonds-price/1/model.onnx", folder)
    # Hashes are right, the recorded answers are not.
    lines = (folder / "golden.jsonl").read_text().splitlines()
    record = json.loads(lines[0])
    record["outputs"]["price"] += 1
    lines[0] = json.dumps(record)
    (folder / "golden.jsonl").write_text("\n".join(lines) + "\n")
    manifest = json.loads((folder / "artifact.json").read_text())
    golden = (folder / "golden.jsonl").read_bytes()
    manifest["files"]["golden.jsonl"] = {"sha256": hashlib.sha256(golden).hexdigest(), "bytes": len(golden)}
    (folder / "artifact.json").write_text(json.dumps(manifest))
    refused = run("sign", folder, "--key", tmp_path / "alice.pem")
    assert refused.returncode == 1
    assert "golden record 0: price got" in refused.stderr and "its golden records do not pass" in refused.stderr
    assert not (folder / "artifact.sig").exists()


def test_a_signature_that_cannot_be_written_is_a_failure_of_the_system(tmp_path, keys):
    def no_room():
        # A disk that takes no byte more: what is written fails, without the signal that would end it.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    folder = copy_models(tmp_path, "diamonds-price/1") / "diamonds-price" / "1"
    before = sorted(folder.iterdir())
    result = run("sign", folder, "--key", tmp_path / "alice.pem", preexec_fn=no_room)
    assert result.returncode == 3, result.stderr
    assert "artifact.sig cannot be written: File too large" in result.stderr
    assert sorted(folder.iterdir()) == before


def test_signing_says_what_it_lacks(tmp_path, keys):
    folder = copy_models(tmp_path, "tumour/1") / "tumour" / "1"
    for arguments, status, says in (
        ([], 2, "ARTIFACT is missing"),
        ([folder], 2, "--key is missing"),
        ([folder, "--key", tmp_path / "none.pem"], 1, "none.pem: the private key cannot be read: No such file"),
        ([folder, "--key", keys / "alice.pem"], 1, "run chmod 600"),
        (["--new-key", tmp_path / "alice.pem"], 3, "there is a file of this name; choose another name"),
        ([folder, "--new-key", tmp_path / "new.pem"], 2, "give it alone"),
        ([tmp_path / "nowhere", "--key", tmp_path / "alice.pem"], 1, "nowhere: missing"),
    ):
        result = run("sign", *arguments)
        assert result.returncode == status and says in result.stderr, (arguments, result.stderr)
    assert oct((tmp_path / "alice.pem").stat().st_mode)[-3:] == "600"


def test_a_daemon_that_requires_a_signature_serves_nothing_else(tmp_path, keys):
    models = copy_models(tmp_path, "diamonds-price/1", "diamonds-price/2", "tumour/1")
    identifier = sign(models / "diamonds-price/1", tmp_path / "alice.pem")["key_id"]
    settings = {"trusted_keys": str(keys), "require_signature": True}
    with Daemon(models, tmp_path / "daemon", settings) as daemon:
        status = daemon.operations("GET", "/v1/status").json()
        hosts = {host["name"]: host for host in status["models"]}
        [served] = hosts["diamonds-price"]["versions"]
        assert (served["version"], served["signature"]) == (
            1, {"verdict": "verified", "key": "alice", "key_id": identifier}
        )
        for name, version in (("diamonds-price", "2"), ("tumour", "1")):
            [refused] = hosts[name]["refused"]
            assert refused["version"] == version
            assert "artifact.sig: missing: nobody signed this artifact, and require_signature is true" in refused["reason"]
        [event] = daemon.events("model.loaded")
        assert event["fields"]["signature"]["key_id"] == identifier


def reload(daemon):
    return daemon.operations("POST", "/v1/reload").json()


def checks(daemon):
    status = daemon.operations("GET", "/v1/status").json()
    return {check["name"]: check for check in status["checks"]}



def test_revocation_reaches_what_serves_and_can_be_taken_back(tmp_path, keys):
    models = copy_models(tmp_path, "diamonds-price/1", "tumour/1")
    alice = sign(models / "diamonds-price/1", tmp_path / "alice.pem")["key_id"]
    tumour = sign(models / "tumour/1", tmp_path / "bob.pem")["sha256"]
    row = json.loads((MODELS / "diamonds-price/1/golden.jsonl").read_text().splitlines()[0])["inputs"]
    settings = {"trusted_keys": str(keys), "require_signature": True}
    with Daemon(models, tmp_path / "daemon", settings) as daemon:
        def served_by():
            return daemon.rows("diamonds-price", [row]).headers["serin-served-by"]

        assert reload(daemon)["trusted_keys"] == "read again" and served_by() == "model"

        # A list with a mistake changes nothing that serves, and is told.
        (keys / "revoked.json").write_text('{"keys": [{"id": "' + alice + '"}]}')
        assert reload(daemon)["trusted_keys"] == "refused" and served_by() == "model"
        assert "keys[0].date: missing" in daemon.events("trust.unreadable")[-1]["fields"]["error"]

        revoke(keys, keys_=[alice])
        assert reload(daemon)["trusted_keys"] == "read again" and served_by() == "fallback"
        assert daemon.rows("diamonds-price", [row]).headers["serin-decision"] == "integrity"
        assert daemon.get("/readyz").status_code == 503
        [event] = daemon.events("integrity.failed")
        assert event["model"] == "diamonds-price"
        assert f"signed by alice (key {alice}), which was revoked on {DATE}: the laptop was stolen" in event["fields"]["finding"]
        assert checks(daemon)["integrity:tumour:1"]["ok"]
        # No order silences it.
        daemon.operations("PUT", "/v1/models/diamonds-price/override", {
            "mode": "model", "reason": "trust me", "by": "mallory", "expires_in": "1h"})
        assert served_by() == "fallback"

        # Signed again by a key that counts, in place.
        sign(models / "diamonds-price/1", tmp_path / "bob.pem")
        reload(daemon)
        assert served_by() == "model" and daemon.get("/readyz").status_code == 200
        assert len(daemon.events("integrity.restored")) == 1

        # One artifact, whoever signed it.
        revoke(keys, artifacts=[tumour], reason="trained on test data")
        reload(daemon)
        assert "trained on test data" in checks(daemon)["integrity:tumour:1"]["message"]
        assert daemon.operations("GET", "/v1/status").json()["models"][1]["versions"][0]["integrity"]["verdict"] == "revoked"

        # A key that is gone is no revocation: what serves stays, and somebody is told.
        (keys / "revoked.json").unlink()
        (keys / "bob.pem").unlink()
        reload(daemon)
        assert served_by() == "model" and daemon.get("/readyz").status_code == 200
        warning = checks(daemon)["signature:tumour:1"]
        assert warning["warning"] and "it would not be loaded again: artifact.sig: no trusted key made" in warning["message"]
        assert {event["model"] for event in daemon.events("trust.lost")} == {"diamonds-price", "tumour"}

    # What would be loaded again is what counts now.
    revoke(keys, keys_=[alice])
    with Daemon(models, tmp_path / "again", settings, wait="startup") as daemon:
        [host, _] = daemon.operations("GET", "/v1/status").json()["models"]
        assert "no trusted key made this signature" in host["refused"][0]["reason"]


def test_a_broken_list_of_revocations_refuses_all_that_is_signed(tmp_path, keys):
    models = copy_models(tmp_path, "tumour/1")
    sign(models / "tumour/1", tmp_path / "alice.pem")
    (keys / "revoked.json").write_text("{}}")
    status, output = verify(models / "tumour/1", keys)
    assert status == 1 and "revoked.json: line 1, column 3" in output
    with Daemon(models, tmp_path / "daemon", {"trusted_keys": str(keys)}, wait="startup") as daemon:
        [host] = daemon.operations("GET", "/v1/status").json()["models"]
        assert host["versions"] == [] and "revoked.json: line 1" in host["refused"][0]["reason"]
        assert daemon.get("/readyz").status_code == 503
    doctor = run("doctor", "--trusted-keys", keys, "--models", models, "--state-directory", tmp_path / "s", "--json")
    [finding] = [one for one in json.loads(doctor.stdout)["findings"] if one["subject"] == "trusted_keys"]
    assert finding["grade"] == "fail" and "revoked.json" in finding["found"]


def test_doctor_names_keys_and_those_that_are_revoked(tmp_path, keys):
    identifier = json.loads(run("sign", "--new-key", tmp_path / "carol.pem", "--json").stdout)["key_id"]
    shutil.copy(tmp_path / "carol.pub.pem", keys)
    revoke(keys, keys_=[identifier])
    doctor = run("doctor", "--trusted-keys", keys, "--models", MODELS, "--state-directory", tmp_path / "s", "--json")
    found = [one["found"] for one in json.loads(doctor.stdout)["findings"] if one["subject"] == "trusted_keys"]
    assert f"revoked: carol (key {identifier})" in found
    assert len([text for text in found if text.startswith(("alice (key ", "bob (key "))]) == 2
