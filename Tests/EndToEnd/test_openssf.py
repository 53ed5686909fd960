# SPDX-License-Identifier: Apache-2.0
"""OpenSSF model signing: what Serin signs its client checks, what its client signs Serin checks.

The client's own signatures are recorded by Tests/oracles/model_signing_cases.py. Where its package
(model-signing) is installed, it is asked itself too.
"""

import base64
import hashlib
import importlib.util
import json
import shutil

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from daemon import ROOT, Daemon, copy_models, run

RECORDED = ROOT / "Tests" / "EndToEnd" / "data" / "openssf"
SEED = ROOT / "Tests" / "Fuzz" / "seeds" / "tensors" / "1"
CURVES = {
    "p256": (ec.SECP256R1(), hashes.SHA256()), "p384": (ec.SECP384R1(), hashes.SHA384()),
    "p521": (ec.SECP521R1(), hashes.SHA512()),
}
HAS_CLIENT = importlib.util.find_spec("model_signing") is not None


@pytest.fixture
def artifact(tmp_path):
    return copy_models(tmp_path, "diamonds-price/1") / "diamonds-price" / "1"


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    return folder


def make_key(tmp_path, keys, curve):
    """A private key of the curve, whose public half is trusted."""
    key = ec.generate_private_key(CURVES[curve][0])
    path = tmp_path / f"{curve}.key"
    path.touch(0o600)
    path.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    (keys / f"{curve}.pem").write_bytes(key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ))
    return path


def client_verifies(folder, public_pem, curve):
    """What the client does with a bundle that a key signed, step by step."""
    bundle = json.loads((folder / "model.sig").read_text())
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    material = bundle["verificationMaterial"]
    assert material == {"publicKey": {"hint": hashlib.sha256(public_pem).hexdigest()}, "tlogEntries": []}
    envelope = bundle["dsseEnvelope"]
    assert envelope["payloadType"] == "application/vnd.in-toto+json" and len(envelope["signatures"]) == 1
    payload = base64.b64decode(envelope["payload"], validate=True)
    head = f"DSSEv1 {len(envelope['payloadType'])} {envelope['payloadType']} {len(payload)} ".encode()
    serialization.load_pem_public_key(public_pem).verify(
        base64.b64decode(envelope["signatures"][0]["sig"], validate=True), head + payload, ec.ECDSA(CURVES[curve][1])
    )
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    predicate = statement["predicate"]
    assert predicate["serialization"] | {"ignore_paths": []} == {
        "method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []
    }
    resources = predicate["resources"]
    [subject] = statement["subject"]
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    assert subject["digest"]["sha256"] == root
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*")
        if path.is_file() and path.name not in predicate["serialization"]["ignore_paths"]
    }
    return {one["name"]: one["digest"] for one in resources} == found


def sign(folder, key):
    result = run("sign", folder, "--key", key, "--format", "openssf", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def verify(folder, keys):
    result = run("verify", folder, "--trusted-keys", keys)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("curve", CURVES)
def test_what_serin_signs_the_client_accepts(artifact, tmp_path, keys, curve):
    done = sign(artifact, make_key(tmp_path, keys, curve))
    pem = (keys / f"{curve}.pem").read_bytes()
    assert client_verifies(artifact, pem, curve)
    status, output = verify(artifact, keys)
    assert status == 0 and f"signed by {curve} (key {done['key_id']})" in output
    (artifact / "golden.jsonl").write_text("")
    assert not client_verifies(artifact, pem, curve)
    changed(artifact, lambda one: one["dsseEnvelope"].update(payload=base64.b64encode(b"{}").decode()))
    with pytest.raises(InvalidSignature):
        client_verifies(artifact, pem, curve)


@pytest.mark.parametrize("curve", CURVES)
def test_what_the_client_signs_serin_accepts(tmp_path, keys, curve):
    folder = tmp_path / "tensors" / "1"
    shutil.copytree(SEED, folder)
    shutil.copy(RECORDED / f"{curve}.sig", folder / "model.sig")
    shutil.copy(RECORDED / f"{curve}.pem", keys)
    status, output = verify(folder, keys)
    assert status == 0 and f"signed by {curve} (key " in output
    (keys / f"{curve}.pem").unlink()
    shutil.copy(RECORDED / f"{'p521' if curve != 'p521' else 'p256'}.pem", keys)
    status, output = verify(folder, keys)
    assert status == 1 and "model.sig: no trusted key made this signature" in output


@pytest.mark.skipif(not HAS_CLIENT, reason="the client is not installed")
@pytest.mark.parametrize("curve", CURVES)
def test_the_client_itself_agrees(artifact, tmp_path, keys, curve):
    import model_signing

    key = make_key(tmp_path, keys, curve)
    public = keys / f"{curve}.pem"
    sign(artifact, key)
    check = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public)
    check.verify(artifact, artifact / "model.sig")
    (artifact / "model.sig").unlink()
    model_signing.signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(
        model_signing.hashing.Config().set_ignored_paths(paths=[artifact / "model.sig"])
    ).sign(artifact, artifact / "model.sig")
    status, output = verify(artifact, keys)
    assert status == 0 and f"signed by {curve} (key " in output


def changed(folder, change):
    """Writes the bundle again with a change; the signature is over what it was."""
    bundle = json.loads((folder / "model.sig").read_text())
    change(bundle)
    (folder / "model.sig").write_text(json.dumps(bundle))


def resigned(folder, key, change):
    """Writes the statement again with a change, and signs it."""
    bundle = json.loads((folder / "model.sig").read_text())
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    resources = statement["predicate"]["resources"]
    if statement["subject"][0]["digest"]["sha256"] != "0" * 64:
        root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
        statement["subject"][0]["digest"]["sha256"] = root
    payload = json.dumps(statement).encode()
    head = f"DSSEv1 {len(envelope['payloadType'])} {envelope['payloadType']} {len(payload)} ".encode()
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    envelope["payload"] = base64.b64encode(payload).decode()
    envelope["signatures"][0]["sig"] = base64.b64encode(private.sign(head + payload, ec.ECDSA(hashes.SHA256()))).decode()
    (folder / "model.sig").write_text(json.dumps(bundle))


BUNDLES = {
    "another media type": (lambda one: one.update(mediaType="x"), "mediaType: \"x\"; expected application/vnd.dev.sigstore"),
    "a certificate": (lambda one: one.update(verificationMaterial={"certificate": {}}), "a certificate signed it"),
    "no signature": (lambda one: one["dsseEnvelope"].update(signatures=[]), "dsseEnvelope: no payload"),
    "another payload": (
        lambda one: one["dsseEnvelope"].update(payload=base64.b64encode(b"{}").decode()), "no trusted key made this signature"
    ),
    "a broken payload": (lambda one: one["dsseEnvelope"].update(payload="%"), "dsseEnvelope: no payload"),
    "another payload type": (lambda one: one["dsseEnvelope"].update(payloadType="text/plain"), "dsseEnvelope: no payload"),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_is_none_is_refused(artifact, tmp_path, keys, name):
    change, says = BUNDLES[name]
    sign(artifact, make_key(tmp_path, keys, "p256"))
    changed(artifact, change)
    status, output = verify(artifact, keys)
    assert status == 1 and "model.sig: " in output and says in output, output


STATEMENTS = {
    "a file left out": (
        lambda one: one["predicate"]["resources"].pop(0), "the signature is not over this artifact.json"
    ),
    "another digest": (
        lambda one: one["predicate"]["resources"][1].update(digest="0" * 64), "the signature is not over this baseline.json"
    ),
    "a file too many": (
        lambda one: one["predicate"]["resources"].append({"name": "x.so", "algorithm": "sha256", "digest": "0" * 64}),
        'the signature is over "x.so" too, which is not there',
    ),
    "a file twice": (
        lambda one: one["predicate"]["resources"].append(one["predicate"]["resources"][0]), "a resource without name, or named twice"
    ),
    "another subject": (
        lambda one: one["subject"][0]["digest"].update(sha256="0" * 64), "the subject's digest is not that of the resources"
    ),
    "another predicate": (lambda one: one.update(predicateType="x"), "not of model signing 1.0 over files with SHA-256"),
    "shards": (lambda one: one["predicate"]["serialization"].update(method="shards"), "not of model signing 1.0"),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_signed_statement_must_be_of_this_artifact(artifact, tmp_path, keys, name):
    change, says = STATEMENTS[name]
    key = make_key(tmp_path, keys, "p256")
    sign(artifact, key)
    resigned(artifact, key, lambda one: None)
    assert verify(artifact, keys)[0] == 0
    resigned(artifact, key, change)
    status, output = verify(artifact, keys)
    assert status == 1 and says in output, output


def test_either_form_of_signature_will_do_and_both_have_to_be_right(artifact, tmp_path, keys):
    curve = sign(artifact, make_key(tmp_path, keys, "p256"))["key_id"]
    settings = {"trusted_keys": str(keys), "require_signature": True}
    models = artifact.parents[1]
    with Daemon(models, tmp_path / "one", settings) as daemon:
        [host] = daemon.operations("GET", "/v1/status").json()["models"]
        assert host["versions"][0]["signature"] == {"verdict": "verified", "key": "p256", "key_id": curve}
        # A curve's key is revoked like any other.
        (keys / "revoked.json").write_text(json.dumps({
            "keys": [{"id": curve, "date": "2026-03-01T12:00:00Z", "reason": "lost"}]
        }))
        daemon.operations("POST", "/v1/reload")
        assert "revoked on 2026-03-01T12:00:00Z: lost" in daemon.events("integrity.failed")[0]["fields"]["finding"]
        (keys / "revoked.json").unlink()
        daemon.operations("POST", "/v1/reload")
        assert len(daemon.events("integrity.restored")) == 1
    assert run("sign", "--new-key", tmp_path / "release.pem").returncode == 0
    shutil.copy(tmp_path / "release.pub.pem", keys / "release.pem")
    assert run("sign", artifact, "--key", tmp_path / "release.pem").returncode == 0
    assert "signed by release" in verify(artifact, keys)[1]
    (keys / "p256.pem").unlink()
    status, output = verify(artifact, keys)
    assert status == 1 and "model.sig: no trusted key made" in output


def test_keys_of_the_wrong_kind_are_named(artifact, tmp_path, keys):
    made = json.loads(run("sign", "--new-key", tmp_path / "curve.pem", "--format", "openssf", "--json").stdout)
    assert serialization.load_pem_private_key((tmp_path / "curve.pem").read_bytes(), None).curve.name == "secp256r1"
    der = serialization.load_pem_public_key((tmp_path / "curve.pub.pem").read_bytes()).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert made["key_id"] == hashlib.sha256(der).hexdigest()[:16]
    assert run("sign", "--new-key", tmp_path / "plain.pem").returncode == 0
    wrong = run("sign", artifact, "--key", tmp_path / "plain.pem", "--format", "openssf")
    assert wrong.returncode == 1 and "not a private key on P-256, P-384 or P-521 in PEM" in wrong.stderr
    wrong = run("sign", artifact, "--key", tmp_path / "curve.pem")
    assert wrong.returncode == 1 and "or sign with --format openssf" in wrong.stderr
    wrong = run("sign", artifact, "--key", tmp_path / "curve.pem", "--format", "pgp")
    assert wrong.returncode == 2 and "--format: expected serin or openssf, found 'pgp'" in wrong.stderr
    other = ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (keys / "odd.pem").write_bytes(other)
    status, output = verify(artifact, keys)
    assert status == 1 and "odd.pem: not a PEM file of one public key, Ed25519 or on P-256, P-384 or P-521" in output
