# SPDX-License-Identifier: Apache-2.0
"""Authorities and certificates as tests need them, made anew each time."""

import datetime
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Pair:
    """A certificate and its key, and the files that hold them."""

    def __init__(self, certificate, key, folder, name, chain=()):
        self.certificate, self.key, self.chain = certificate, key, list(chain)
        self.folder, self.name = pathlib.Path(folder), name
        self.pem, self.key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self.write()

    def write(self, name=None):
        """Writes both files, each in one step, as whoever renews certificates should."""
        name = name or self.name
        for file, data, mode in (
            (f"{name}.pem", b"".join(pem(each) for each in (self.certificate, *self.chain)), 0o644),
            (f"{name}.key", self.key_pem(), 0o600),
        ):
            put(self.folder / file, data, mode)

    def key_pem(self, password=None):
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password) if password
            else serialization.NoEncryption(),
        )

    @property
    def setting(self):
        return {"certificate": str(self.pem), "key": str(self.key_file)}

    @property
    def files(self):
        """As `requests` and `ssl` take them."""
        return str(self.pem), str(self.key_file)


def put(path, data, mode=0o644):
    half = path.with_suffix(path.suffix + ".half")
    half.write_bytes(data)
    os.chmod(half, mode)
    os.replace(half, path)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def make_key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


class Authority(Pair):
    """Who vouches for others, by itself or by the word of another."""

    def __init__(self, folder, name="authority", issuer=None, end=DAY):
        key = make_key("ec")
        issuing = issuer or self
        self.key = key
        self.certificate = None
        certificate = build(name, key, issuing, end=end, authority=True)
        super().__init__(certificate, key, folder, name)

    def issue(self, name, names=("localhost", "127.0.0.1"), kind="ec", start=-DAY, end=DAY, chain=(), file=None,
              responder=None):
        """A certificate for `names`, which are host names or addresses; times count from now."""
        key = make_key(kind)
        certificate = build(name, key, self, names, start, end, responder=responder)
        return Pair(certificate, key, self.folder, file or name, chain)

    def answer(self, pair, status="GOOD", fresh=DAY):
        """An OCSP response about a certificate, in a file."""
        good = status == "GOOD"
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=pair.certificate, issuer=self.certificate, algorithm=hashes.SHA1(),
                cert_status=getattr(ocsp.OCSPCertStatus, status), this_update=now() - 2 * DAY,
                next_update=now() + fresh, revocation_time=None if good else now() - DAY,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{pair.name}.der"
        put(path, response.public_bytes(serialization.Encoding.DER))
        return path


def build(name, key, issuer, names=(), start=-DAY, end=DAY, authority=False, responder=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer.certificate else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() + start)
        .not_valid_after(now() + end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([spoken(each) for each in names]), False)
    if responder:
        method = x509.oid.AuthorityInformationAccessOID.OCSP
        place = x509.AccessDescription(method, x509.UniformResourceIdentifier(responder))
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def spoken(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name)
