# SPDX-License-Identifier: Apache-2.0
"""Signs a small artifact with the client of OpenSSF model signing, for the tests that check its signatures.

Writes a public key and a `model.sig` for each curve to Tests/EndToEnd/data/openssf. Needs
`pip install model-signing==1.1.1 pyopenssl`, which the tests themselves do not.

    python Tests/oracles/model_signing_cases.py
"""

import pathlib
import shutil
import tempfile

import model_signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARTIFACT = ROOT / "Tests" / "Fuzz" / "seeds" / "tensors" / "1"
RECORDED = ROOT / "Tests" / "EndToEnd" / "data" / "openssf"
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}


def main():
    RECORDED.mkdir(parents=True, exist_ok=True)
    for name, curve in CURVES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            artifact = shutil.copytree(ARTIFACT, folder / "tensors" / "1")
            key = ec.generate_private_key(curve)
            (folder / "key.pem").write_bytes(key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ))
            model_signing.signing.Config().use_elliptic_key_signer(private_key=folder / "key.pem").set_hashing_config(
                model_signing.hashing.Config().set_ignored_paths(paths=[artifact / "model.sig"], ignore_git_paths=True)
            ).sign(artifact, artifact / "model.sig")
            shutil.copy(artifact / "model.sig", RECORDED / f"{name}.sig")
            (RECORDED / f"{name}.pem").write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ))


if __name__ == "__main__":
    main()
