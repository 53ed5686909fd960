# SPDX-License-Identifier: Apache-2.0
"""TLS on both ports, by Python's `ssl` and OpenSSL's own tools."""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings

import pytest
from certificates import DAY, Authority
from daemon import Daemon, copy_models, golden, run
from test_operations import metrics, value

ROW = golden("diamonds-price/1")[0]["inputs"]
PREDICT = "/v1/models/diamonds-price:predict"
GOOD = json.dumps({"instances": [ROW]}).encode()


class Site:
    """A daemon that speaks TLS on both ports, with an authority that clients trust."""

    def __init__(self, folder, wait="ready", certificates=None, tls=(), operations=(), settings=()):
        self.folder = pathlib.Path(folder) / "tls"
        self.folder.mkdir(exist_ok=True)
        self.authority = Authority(self.folder)
        self.ca = str(self.authority.pem)
        if certificates is None:
            certificates = [self.authority.issue("server")]
        self.pairs = certificates(self.authority) if callable(certificates) else certificates
        shown = {"certificates": [each.setting for each in self.pairs]}
        self.settings = {
            "tls": {**shown, **dict(tls)},
            "operations": {"tls": {**shown, **dict(operations)}},
            **dict(settings),
        }
        self.daemon = Daemon(copy_models(folder, "diamonds-price/1"), folder, self.settings, wait=wait)
        self.daemon.session.verify = self.ca

    def __enter__(self):
        self.daemon.__enter__()
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def context(self, pair=None, version=None, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=self.ca)
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if pair:
            context.load_cert_chain(*pair.files)
        return context

    def connect(self, context=None, name="localhost", port=None, session=None):
        link = socket.create_connection(("127.0.0.1", port or self.daemon.port), timeout=10)
        return (context or self.context()).wrap_socket(link, server_hostname=name, session=session)

    def s_client(self, *arguments, text="", port=None):
        found = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port or self.daemon.port}", "-CAfile", self.ca, *arguments],
            input=text, capture_output=True, text=True, timeout=20,
        )
        return found.stdout + found.stderr

    def events(self, name):
        return self.daemon.events(name)

    def await_event(self, name, count=1, seconds=15):
        end = time.monotonic() + seconds
        while len(self.events(name)) < count:
            assert time.monotonic() < end, f"no {name}: {self.daemon.log()}"
            time.sleep(0.05)
        return self.events(name)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    with Site(folder) as site:
        yield site


def request(path="/livez", body=b"", close=False):
    lines = ["POST" if body else "GET", path]
    head = f"{' '.join(lines)} HTTP/1.1\r\nhost: localhost\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return (head + ("connection: close\r\n" if close else "") + "\r\n").encode() + body


def read_answer(link):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(1 << 16)
        assert piece, data
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    count = int(re.search(rb"content-length: (\d+)", head).group(1))
    while len(body) < count:
        piece = link.recv(1 << 16)
        assert piece, (len(body), count)
        body += piece
    return int(head.split()[1]), body


def read_all(link):
    data = b""
    while piece := link.recv(1 << 16):
        data += piece
    return data


# --- what is agreed on ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_serve_predictions_and_end_in_order(site, version):
    with site.connect(site.context(version=version)) as link:
        assert link.selected_alpn_protocol() == "http/1.1"
        assert "GCM" in link.cipher()[0]
        link.sendall(request(PREDICT, GOOD))
        status, body = read_answer(link)
        assert status == 200 and json.loads(body)["predictions"]
        link.sendall(request(close=True))
        # Python raises where the end comes without close_notify.
        assert read_all(link).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("flag", ["-tls1", "-tls1_1"])
def test_versions_below_1_2_are_refused(site, flag):
    text = site.s_client(flag, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in text
    assert "Cipher is (NONE)" in text


@pytest.mark.parametrize(
    "cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL", "aNULL", "DHE-RSA-AES128-GCM-SHA256"]
)
def test_weak_suites_are_refused(site, cipher):
    text = site.s_client("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert "Cipher is (NONE)" in text


def test_the_server_puts_suites_in_order_but_for_clients_without_aes(site):
    both = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    assert "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256" in site.s_client("-tls1_2", "-cipher", both)
    chacha = f"ECDHE-ECDSA-CHACHA20-POLY1305:{both}"
    assert "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305" in site.s_client("-tls1_2", "-cipher", chacha)
    assert "Server Temp Key: X25519" in site.s_client("-tls1_2", "-groups", "P-256:X25519")
    assert "Server Temp Key: ECDH, prime256v1" in site.s_client("-groups", "P-384:P-256")
    assert "Cipher is (NONE)" in site.s_client("-groups", "P-384")


def test_alpn_takes_http_1_1_and_refuses_who_speaks_only_others(site):
    assert "ALPN protocol: http/1.1" in site.s_client("-alpn", "h2,http/1.1")
    assert "No ALPN negotiated" in site.s_client()
    assert "alert no application protocol" in site.s_client("-alpn", "h2")
    assert "alert no application protocol" in site.s_client("-alpn", "h2,http/1.0", "-tls1_2")


def test_nothing_is_renegotiated_or_compressed(site):
    text = site.s_client("-tls1_2", "-legacy_renegotiation", text="R\nGET / HTTP/1.0\r\n\r\n")
    assert "Compression: NONE" in text
    assert "no renegotiation" in text
    assert "Max Early Data: 0" in site.s_client("-tls1_3", "-ign_eof", text="GET /livez HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_by_ticket_on_any_loop(site, version):
    context = site.context(version=version)
    with site.connect(context) as link:
        link.sendall(request())
        read_answer(link)
        session = link.session
        assert session.has_ticket and not link.session_reused
    label = "1.2" if version == ssl.TLSVersion.TLSv1_2 else "1.3"
    before = value(metrics(site.daemon), "serin_tls_handshakes_total", port="inference", version=label, resumed="true")
    # The kernel spreads connections over the loops.
    for _ in range(16):
        with site.connect(context, session=session) as link:
            assert link.session_reused
            link.sendall(request())
            assert read_answer(link)[0] == 200
            # In 1.3 each ticket is good for one connection that nobody can tell to be the same client's.
            assert (link.session.id != session.id) == (label == "1.3")
    after = value(metrics(site.daemon), "serin_tls_handshakes_total", port="inference", version=label, resumed="true")
    assert after - before == 16
    # A ticket of one port opens nothing on the other.
    with site.connect(context, session=session, port=site.daemon.operations_port) as link:
        assert not link.session_reused


def test_certificates_are_chosen_by_name(tmp_path):
    def three(authority):
        return [
            authority.issue("first", ("first.test", "127.0.0.1")),
            authority.issue("wild", ("*.wild.test",)),
            authority.issue("own", ("own.wild.test",)),
            # A key of another kind for the same name.
            authority.issue("own-rsa", ("own.wild.test",), kind="rsa"),
        ]

    def shown(site, name, *more):
        text = site.s_client(*(("-servername", name) if name else ("-noservername",)), *more)
        return re.search(r"subject=.*?CN ?= ?(\S+)", text).group(1)

    with Site(tmp_path, certificates=three) as site:
        assert shown(site, "first.test") == "first"
        assert shown(site, None) == "first"
        assert shown(site, "unknown.test") == "first"
        assert shown(site, "a.wild.test") == "wild"
        assert shown(site, "A.WILD.test") == "wild"
        assert shown(site, "a.b.wild.test") == "first"
        assert shown(site, "own.wild.test") == "own"
        rsa = ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
        assert shown(site, "own.wild.test", *rsa) == "own-rsa"
        context = site.context()
        with site.connect(context, name="b.wild.test") as link:
            link.sendall(request())
            assert read_answer(link)[0] == 200


def test_the_chain_is_sent(tmp_path):
    def chained(authority):
        between = Authority(authority.folder, "between", issuer=authority)
        return [between.issue("server", chain=[between.certificate])]

    with Site(tmp_path, certificates=chained) as site:
        assert "Verify return code: 0 (ok)" in site.s_client("-servername", "localhost")
        assert site.daemon.get("/livez").status_code == 200


def test_nothing_is_sent_but_the_chain_that_was_given(tmp_path):
    """Not what OpenSSL finds among the authorities of clients, either."""
    with Site(tmp_path, tls={"client_certificates": "optional", "client_ca": str(tmp_path / "tls" / "authority.pem")}) as site:
        assert site.s_client("-showcerts").count("BEGIN CERTIFICATE") == 1


def test_what_the_authority_said_is_stapled_while_it_is_fresh(tmp_path):
    with Site(tmp_path) as site:
        assert "OCSP response: no response sent" in site.s_client("-status")
    answered = {}

    def good(authority):
        pair = authority.issue("server")
        answered["path"] = authority.answer(pair)
        answered["pair"], answered["authority"] = pair, authority
        return [pair]

    folder = tmp_path / "second"
    folder.mkdir()
    site = Site(folder, certificates=good)
    site.settings["tls"]["certificates"][0]["ocsp_response"] = str(answered["path"])
    with site:
        for version in ("-tls1_2", "-tls1_3"):
            text = site.s_client("-status", version)
            assert "OCSP Response Status: successful" in text and "Cert Status: good" in text
        assert "OCSP response" not in site.s_client("-tls1_2")
        answered["authority"].answer(answered["pair"], fresh=DAY / 86400)
        site.await_event("tls.reloaded")
        time.sleep(1.1)
        assert "OCSP response: no response sent" in site.s_client("-status")
        before = len(site.events("tls.reload_refused"))
        answered["authority"].answer(answered["pair"], status="REVOKED")
        problems = site.await_event("tls.reload_refused", before + 1)[-1]["fields"]["problems"]
        assert "the authority says that the certificate is revoked" in problems[0]


# --- client certificates -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """Certificates of clients: right, from a stranger, expired, not yet valid."""
    folder = tmp_path_factory.mktemp("clients")
    authority = Authority(folder, "clients")
    stranger = Authority(folder, "stranger")
    between = Authority(folder, "between", issuer=authority)
    return {
        "ca": str(authority.pem),
        "right": authority.issue("ann"),
        "chained": between.issue("bob", chain=[between.certificate]),
        "unlisted": authority.issue("eve"),
        "stranger": stranger.issue("ann", file="stranger-ann"),
        "expired": authority.issue("ann", end=-DAY / 24, start=-2 * DAY, file="expired-ann"),
        "early": authority.issue("ann", start=DAY / 2, file="early-ann"),
        "authority": authority,
    }


def reached(site, pair, version, port=None):
    """Whether a request with this client certificate is answered; None where TLS refuses."""
    try:
        with site.connect(site.context(pair, version), port=port) as link:
            link.sendall(request())
            return read_answer(link)[0]
    except (ssl.SSLError, ConnectionError, AssertionError):
        return None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mode", ["none", "optional", "required"])
def test_client_certificates_by_mode(tmp_path, clients, mode, version):
    tls = {"client_certificates": mode}
    if mode != "none":
        tls["client_ca"] = clients["ca"]
    # Only the inference port asks for certificates; the other does not need them.
    with Site(tmp_path, wait=None, tls=tls) as site:
        site.daemon.wait_for("/readyz", port=site.daemon.operations_port)
        served = {
            name: reached(site, clients[name] if name else None, version) == 200
            for name in (None, "right", "chained", "stranger", "expired", "early")
        }
        wrong = mode == "none"
        assert served == {
            None: mode != "required", "right": True, "chained": True,
            "stranger": wrong, "expired": wrong, "early": wrong,
        }
        assert reached(site, None, version, site.daemon.operations_port) == 200
        failures = metrics(site.daemon)
        count = 0 if wrong else 3
        assert value(failures, "serin_tls_handshake_failures_total", port="inference", reason="bad_certificate") == count


def test_a_listed_certificate_stands_in_for_a_token(tmp_path, clients):
    operations = {"client_certificates": "optional", "client_ca": clients["ca"], "client_names": ["ann"]}
    with Site(tmp_path, operations=operations) as site:
        daemon = site.daemon
        path = "/v1/models/diamonds-price/override"
        order = {"mode": "fallback", "reason": "trying", "by": "ann", "expires_in": "1h"}
        assert daemon.operations("PUT", path, order, token=False).status_code == 401
        daemon.session.cert = clients["unlisted"].files
        answer = daemon.operations("PUT", path, order, token=False)
        assert answer.status_code == 401 and "client certificate whose name is listed" in answer.text
        daemon.session.close()
        daemon.session.cert = clients["right"].files
        assert daemon.operations("PUT", path, order, token=False).status_code == 200
        assert site.events("override.set")[-1]["fields"]["caller"] == "ann"
        daemon.session.close()
        daemon.session.cert = None
        assert daemon.operations("DELETE", path, token=False).status_code == 401
        assert daemon.operations("DELETE", path).status_code == 200


def test_predictions_can_be_kept_to_listed_certificates(tmp_path, clients):
    tls = {"client_certificates": "optional", "client_ca": clients["ca"], "client_names": ["bob"]}
    with Site(tmp_path, tls=tls) as site:
        for pair, status in ((None, 401), (clients["unlisted"], 401), (clients["chained"], 200)):
            with site.connect(site.context(pair)) as link:
                link.sendall(request(PREDICT, GOOD))
                assert read_answer(link)[0] == status


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_does_not_outlive_the_client_certificate(tmp_path, clients, version):
    short = clients["authority"].issue("ann", end=DAY * 4 / 86400, file=f"short-{version}")
    tls = {"client_certificates": "required", "client_ca": clients["ca"]}
    with Site(tmp_path, wait=None, tls=tls) as site:
        site.daemon.wait_for("/readyz", port=site.daemon.operations_port)
        short = clients["authority"].issue("ann", end=DAY * 4 / 86400, file=f"short-{version}")
        end = time.monotonic() + 4
        context = site.context(short, version)
        with site.connect(context) as link:
            link.sendall(request())
            assert read_answer(link)[0] == 200
            session = link.session
        with site.connect(context, session=session) as link:
            link.sendall(request())
            assert read_answer(link)[0] == 200 and link.session_reused
        time.sleep(max(0, end - time.monotonic()) + 1)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            with site.connect(context, session=session) as link:
                link.sendall(request())
                read_answer(link)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_does_not_outlive_the_authority(tmp_path, version):
    authority = Authority(tmp_path, "brief", end=DAY * 6 / 86400)
    end = time.monotonic() + 6
    pair = authority.issue("ann")
    tls = {"client_certificates": "required", "client_ca": str(authority.pem)}
    with Site(tmp_path, wait=None, tls=tls) as site:
        site.daemon.wait_for("/readyz", port=site.daemon.operations_port)
        context = site.context(pair, version)
        session = None
        for _ in range(3):
            # Also where the ticket is one that a resumed session got.
            with site.connect(context, session=session) as link:
                assert link.session_reused == (session is not None)
                link.sendall(request())
                assert read_answer(link)[0] == 200
                session = link.session
        time.sleep(max(0, end - time.monotonic()) + 1)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            with site.connect(context, session=session) as link:
                link.sendall(request())
                read_answer(link)


# --- reloading -----------------------------------------------------------------------------------


def serial(site, port=None):
    text = site.s_client(port=port)
    begin = text.index("-----BEGIN CERTIFICATE-----")
    found = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=text[begin:], capture_output=True, text=True)
    return int(found.stdout.strip().split("=")[1], 16)


def test_certificates_are_reloaded_under_load_without_a_dropped_connection(tmp_path):
    with Site(tmp_path) as site:
        stopped = threading.Event()
        counts, failures = [], []

        def ask(fresh):
            """Requests on one connection that stays, or each on one of its own."""
            context = site.context()
            count = 0
            try:
                link = site.connect(context)
                while not stopped.is_set():
                    if fresh:
                        link.close()
                        link = site.connect(context)
                    link.sendall(request(PREDICT, GOOD))
                    assert read_answer(link)[0] == 200
                    count += 1
                link.close()
            except Exception as failure:
                failures.append(failure)
            counts.append(count)

        threads = [threading.Thread(target=ask, args=(index % 2 == 0,)) for index in range(4)]
        for thread in threads:
            thread.start()
        pair = site.pairs[0]
        for round in range(3):
            renewed = site.authority.issue("server", file="renewed")
            pair.certificate, pair.key = renewed.certificate, renewed.key
            pair.write()
            # Both ports have it.
            site.await_event("tls.reloaded", 2 * (round + 1))
            assert serial(site) == renewed.certificate.serial_number
            assert serial(site, site.daemon.operations_port) == renewed.certificate.serial_number
        stopped.set()
        for thread in threads:
            thread.join()
        assert not failures and all(count > 10 for count in counts), (failures, counts)
        found = metrics(site.daemon)
        assert value(found, "serin_tls_reloads_total", result="done") == 6
        assert value(found, "serin_tls_reloads_total", result="refused") == 0
        expiry = pair.certificate.not_valid_after_utc.timestamp()
        for port in ("inference", "operations"):
            assert value(found, "serin_tls_certificate_expiry_timestamp_seconds", port=port) == expiry


def test_an_unfit_pair_is_refused_and_the_old_one_stays(tmp_path):
    with Site(tmp_path) as site:
        pair = site.pairs[0]
        old = pair.certificate.serial_number
        other = site.authority.issue("server", file="other")
        right = pair.key_file.read_bytes()
        os.replace(other.key_file, pair.key_file)
        refused = site.await_event("tls.reload_refused", 2)
        assert "the key is not that of the certificate" in refused[0]["fields"]["problems"][0]
        assert serial(site) == old
        pair.key_file.write_bytes(right)
        os.chmod(pair.key_file, 0o640)
        site.await_event("tls.reload_refused", 4)
        assert "(mode 0640)" in site.events("tls.reload_refused")[-1]["fields"]["problems"][0]
        os.chmod(pair.key_file, 0o600)
        site.await_event("tls.reloaded", 2)
        assert serial(site) == old
        expired = site.authority.issue("server", start=-2 * DAY, end=-DAY / 24, file="expired")
        pair.certificate, pair.key = expired.certificate, expired.key
        pair.write()
        refused = site.await_event("tls.reload_refused", 6)
        assert "has expired already" in refused[-1]["fields"]["problems"][0]
        assert serial(site) == old
        assert site.daemon.get("/readyz").status_code == 200


def test_an_expiring_certificate_is_told(tmp_path):
    with Site(tmp_path, certificates=lambda authority: [authority.issue("server", start=-8 * DAY, end=DAY)]) as site:
        told = site.await_event("tls.certificate_expiring", 2)
        assert {each["fields"]["port"] for each in told} == {"inference", "operations"}
        assert told[0]["fields"]["certificate"]["names"] == ["localhost"]
    folder = tmp_path / "second"
    folder.mkdir()
    expired = Site(folder, wait=None, certificates=lambda authority: [authority.issue("server", start=-9 * DAY, end=-DAY)])
    expired.daemon.session.verify = False
    # Who does not look at the time is served on.
    with warnings.catch_warnings(action="ignore"), expired as site:
        site.daemon.wait_for("/readyz")
        site.await_event("tls.certificate_expired", 2)


# --- files ---------------------------------------------------------------------------------------


def start_fails(folder, settings, *words):
    configuration = folder / "wrong.json"
    configuration.write_text(json.dumps(settings))
    models = folder / "models"
    models.mkdir(exist_ok=True)
    flags = ("--config", configuration, "--models", models, "--state-directory", folder / "state")
    (folder / "state").mkdir(exist_ok=True)
    found = run("serve", *flags, "--port", "0", "--operations-port", "0")
    assert found.returncode in (2, 3), found
    for word in words:
        assert word in found.stderr, found.stderr
    doctor = run("doctor", *flags)
    assert doctor.returncode == 1
    for word in words:
        assert word in doctor.stdout, doctor.stdout


def test_files_that_are_wrong_keep_it_from_starting_and_doctor_says_what_to_do(tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    tls = {"certificates": [pair.setting]}
    os.chmod(pair.key_file, 0o644)
    for part in ({"tls": tls}, {"operations": {"tls": tls}}):
        start_fails(tmp_path, part, "(mode 0644)", f"chmod 600 {pair.key_file}")
    os.chmod(pair.key_file, 0o600)
    plain = pair.key_file.read_bytes()
    pair.key_file.write_bytes(pair.key_pem(b"secret"))
    start_fails(tmp_path, {"tls": tls}, "the private key is encrypted")
    pair.key_file.write_bytes(plain)
    missing = {"certificates": [{"certificate": str(tmp_path / "no.pem"), "key": str(pair.key_file)}]}
    start_fails(tmp_path, {"tls": missing}, "no.pem", "No such file or directory")
    start_fails(tmp_path, {"tls": {**tls, "client_certificates": "required"}}, "no authority is trusted")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    asking = {**tls, "client_certificates": "optional", "client_ca": str(text)}
    start_fails(tmp_path, {"tls": asking}, "text.pem", "not one or more certificates in PEM")
    about_another = authority.answer(authority.issue("other"))
    stapling = {"certificates": [{**pair.setting, "ocsp_response": str(about_another)}]}
    start_fails(tmp_path, {"tls": stapling}, "the OCSP response is about another certificate")


def test_doctor_tells_what_is_served_and_until_when(tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("server", ("a.test", "*.b.test"), end=300 * DAY)
    stranger = Authority(tmp_path, "stranger")
    broken = authority.issue("nameless", (), end=300 * DAY, chain=[stranger.certificate])
    configuration = tmp_path / "serin.json"
    configuration.write_text(json.dumps({"tls": {"certificates": [pair.setting, broken.setting]}}))
    copy_models(tmp_path, "diamonds-price/1")
    found = run(
        "doctor", "--config", configuration, "--models", tmp_path / "models", "--port", "0",
        "--operations-port", "0", "--state-directory", tmp_path / "state",
    )
    assert found.returncode == 0, found.stdout
    assert "a.test, *.b.test; until " in found.stdout
    assert "has no DNS name among its alternative names" in found.stdout
    assert "put the certificate first, then the one that signed it" in found.stdout


# --- commands ------------------------------------------------------------------------------------


def test_commands_speak_tls(tmp_path, clients):
    operations = {"client_certificates": "required", "client_ca": clients["ca"], "client_names": ["ann"]}
    with Site(tmp_path, operations=operations) as site:
        daemon = site.daemon
        configuration = ("--config", daemon.folder / "serin.json", "--operations-port", daemon.operations_port)
        shown = ("--client-certificate", clients["right"].pem, "--client-key", clients["right"].key_file)
        found = run("status", *configuration, *shown)
        assert found.returncode == 0, found.stderr
        order = ("override", "diamonds-price", "set", "fallback", "--reason", "trying", "--expires-in", "1h")
        # Without the token, which is in the state directory.
        elsewhere = ("--state-directory", tmp_path / "nowhere")
        by_authority = ("--tls-ca", site.ca, "--operations-port", daemon.operations_port)
        found = run(*order, *by_authority, *elsewhere, *shown)
        assert found.returncode == 0, found.stderr
        assert run("override", "diamonds-price", "clear", *by_authority, *elsewhere, *shown).returncode == 0
        found = run("status", *configuration)
        assert found.returncode == 3 and "wants to see a client certificate" in found.stderr, found.stderr
        stranger = Authority(tmp_path, "stranger")
        found = run("status", "--tls-ca", stranger.pem, "--operations-port", daemon.operations_port, *shown)
        assert found.returncode == 3 and "certificate is not trusted" in found.stderr
        found = run("status", *by_authority, "--tls-name", "other.test", *shown)
        assert found.returncode == 3 and "ostname mismatch" in found.stderr
        found = run("status", *by_authority, "--tls-name", "localhost", *shown)
        assert found.returncode == 0, found.stderr
        found = run("status", "--operations-port", daemon.operations_port)
        assert found.returncode == 2 and "speaks TLS: give --tls-ca FILE" in found.stderr
        inference = ("--port", daemon.port)
        assert run("probe", "--config", daemon.folder / "serin.json", *inference).returncode == 0
        assert run("probe", "--tls-ca", site.ca, *inference).returncode == 0
        assert run("probe", "--tls-ca", stranger.pem, *inference).returncode == 1
        assert run("probe", *inference).returncode == 1


# --- what clients do wrong -----------------------------------------------------------------------


def test_http_without_tls_is_told_so(site):
    for port in (site.daemon.port, site.daemon.operations_port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(request(PREDICT, GOOD))
            answer = read_all(link)
        assert answer.startswith(b"HTTP/1.1 400 ") and b'"code":"tls_required"' in answer
        assert b"connection: close" in answer


def test_slow_and_broken_handshakes_are_cut(tmp_path):
    with Site(tmp_path, settings={"deadlines": {"handshake": "300ms"}}) as site:
        hello = client_hello(site)
        for start in (b"", hello[:1], hello[:50], hello):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10) as link:
                link.sendall(start)
                try:
                    read_all(link)
                except ConnectionError:
                    pass
            assert 0.2 < time.monotonic() - began < 5
        # A byte at a time does not buy more.
        with socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10) as link:
            began = time.monotonic()
            with pytest.raises(ConnectionError):
                for byte in hello[:-1] * 10:
                    link.sendall(bytes([byte]))
                    time.sleep(0.01)
            assert time.monotonic() - began < 5
        for garbage in (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", os.urandom(500), b"\x16" + os.urandom(600), b"\x80" * 64):
            with socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10) as link:
                link.sendall(garbage)
                try:
                    read_all(link)
                except ConnectionError:
                    pass
        # Half a handshake, then gone, in order and not.
        for linger in (b"", b"\x01\x00\x00\x00\x00\x00\x00\x00"):
            with socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10) as link:
                if linger:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                link.sendall(hello)
                link.recv(100)
        assert site.daemon.get("/readyz").status_code == 200
        found = metrics(site.daemon)
        assert value(found, "serin_tls_handshake_failures_total", port="inference", reason="timeout") >= 5
        assert value(found, "serin_connections", port="inference") <= 2


def test_random_handshakes_cost_their_own_connection_at_most(site):
    seed = int(os.environ.get("SERIN_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"SERIN_SEED={seed}")
    chance = random.Random(seed)
    end = time.monotonic() + 20
    for _ in range(400):
        if time.monotonic() > end:
            break
        bytes_ = bytearray(client_hello(site))
        for _ in range(chance.choice((1, 1, 2, 8))):
            place = chance.randrange(len(bytes_))
            action = chance.randrange(4)
            if action == 0:
                bytes_[place] ^= 1 << chance.randrange(8)
            elif action == 1:
                bytes_[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            elif action == 2:
                del bytes_[place:place + chance.randrange(1, 20)]
            else:
                bytes_[place:place] = chance.randbytes(chance.randrange(1, 20))
            bytes_ = bytes_ or bytearray(b"\x16")
        with socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10) as link:
            try:
                link.sendall(bytes_)
                link.shutdown(socket.SHUT_WR)
                read_all(link)
            except ConnectionError:
                pass
    with site.connect() as link:
        link.sendall(request())
        assert read_answer(link)[0] == 200


class Wire:
    """A client's side of TLS whose bytes a test carries by hand."""

    def __init__(self, site, version=None):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = site.context(version=version).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.link = socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def flush(self, step=None, pause=0.0):
        data = self.outgoing.read()
        for start in range(0, len(data), step or max(1, len(data))):
            self.link.sendall(data[start:start + (step or len(data))])
            time.sleep(pause)

    def until(self, body, step=None, pause=0.0):
        """Repeats what needs more bytes, carrying them both ways."""
        while True:
            try:
                result = body()
                self.flush(step, pause)
                return result
            except ssl.SSLWantReadError:
                self.flush(step, pause)
                data = self.link.recv(1 << 16)
                assert data, "closed"
                self.incoming.write(data)

    def read_answer(self):
        """So that `read_answer` above can read."""
        self.recv = lambda count: self.until(lambda: self.tls.read(count))
        return read_answer(self)


def client_hello(site):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = site.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_records_split_at_every_byte(site, version):
    wire = Wire(site, version)
    wire.until(wire.tls.do_handshake, step=1)
    for body in (b"", GOOD):
        wire.tls.write(request(PREDICT if body else "/livez", body))
        wire.flush(step=1)
        assert wire.read_answer()[0] == 200
    # Cut once, at every byte, with a pause that lets the server see the first half alone.
    wire.tls.write(request())
    count = len(wire.outgoing.read())
    wire.link.close()
    wire = Wire(site, version)
    wire.until(wire.tls.do_handshake)
    for cut in range(1, count):
        wire.tls.write(request())
        data = wire.outgoing.read()
        wire.link.sendall(data[:cut])
        time.sleep(0.001)
        wire.link.sendall(data[cut:])
        assert wire.read_answer()[0] == 200
    wire.link.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_many_requests_in_few_records_and_one_request_in_many(site, version):
    wire = Wire(site, version)
    wire.until(wire.tls.do_handshake)
    # 1,000 requests, as full as records get.
    wire.tls.write(request() * 1000)
    wire.flush()
    wire.recv = lambda count: wire.until(lambda: wire.tls.read(count))
    data = b""
    while data.count(b"HTTP/1.1 200") < 1000 or not data.endswith(b"ok\n"):
        data += wire.recv(1 << 16)
    # One request, a record a byte, all in one write.
    for byte in request(PREDICT, GOOD):
        wire.tls.write(bytes([byte]))
    wire.flush()
    assert wire.read_answer()[0] == 200
    # Many small records, pipelined.
    for _ in range(200):
        wire.tls.write(request())
    wire.flush()
    data = b""
    while data.count(b"HTTP/1.1 200") < 200 or not data.endswith(b"ok\n"):
        data += wire.recv(1 << 16)
    wire.link.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_big_bodies_pass_both_ways(site, version):
    rows = [ROW] * 1000
    with site.connect(site.context(version=version)) as link:
        for _ in range(3):
            body = json.dumps({"instances": rows}).encode() + b" " * (6 << 20)
            link.sendall(request(PREDICT, body))
            status, answer = read_answer(link)
            assert status == 200
            assert len(json.loads(answer)["predictions"]) == 1000
        link.sendall(request(PREDICT, b"[" * (9 << 20))[:1 << 20])
        assert read_answer(link)[0] == 413


def test_a_client_that_does_not_read_is_waited_for(site):
    """Answers that the kernel does not take at once go on where they stopped."""
    wire = Wire(site)
    wire.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
    wire.until(wire.tls.do_handshake)
    wire.tls.write(request(PREDICT, json.dumps({"instances": [ROW] * 1000}).encode()) * 60)
    # One session is one thread's at a time, but its bytes can be sent by another.
    sent = wire.outgoing.read()
    writer = threading.Thread(target=wire.link.sendall, args=(sent,))
    writer.start()
    time.sleep(0.5)
    wire.recv = lambda count: wire.until(lambda: wire.tls.read(count))
    rest, statuses = b"", []
    while len(statuses) < 60:
        while b"\r\n\r\n" not in rest:
            rest += wire.recv(1 << 16)
        head, rest = rest.split(b"\r\n\r\n", 1)
        statuses.append(int(head.split()[1]))
        count = int(re.search(rb"content-length: (\d+)", head).group(1))
        while len(rest) < count:
            rest += wire.recv(1 << 16)
        rest = rest[count:]
    writer.join()
    wire.link.close()
    # Those that waited for longer than a request may take are refused, and still in their turn.
    assert rest == b"" and statuses[0] == 200 and set(statuses) <= {200, 504}


def test_key_updates_are_followed(site):
    """`K` at the start of what s_client reads asks the server for new keys too."""
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{site.daemon.port}", "-tls1_3"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as client:
        for text in (request(), b"K\n", request(), b"K\n", request(close=True)):
            time.sleep(0.3)
            client.stdin.write(text)
            client.stdin.flush()
        found = client.stdout.read()
    assert found.count(b"KEYUPDATE") == 2
    assert found.count(b"HTTP/1.1 200 OK") == 3


def test_connections_beyond_the_limit_are_told_so_within_tls(tmp_path):
    with Site(tmp_path, settings={"loops": 1, "limits": {"connections": 4}}) as site:
        site.daemon.session.close()
        while value(metrics(site.daemon), "serin_connections", port="inference"):
            time.sleep(0.02)
        whole = request(PREDICT, GOOD)
        busy = [site.connect() for _ in range(4)]
        for link in busy:
            link.sendall(whole[:-10])
        time.sleep(0.2)
        with site.connect() as link:
            status, body = read_answer(link)
            assert status == 503 and json.loads(body)["code"] == "too_many_connections"
        busy[0].sendall(whole[-10:])
        assert read_answer(busy[0])[0] == 200
        # One that is idle now makes room for the next, and is ended in order.
        with site.connect() as link:
            link.sendall(request(close=True))
            assert read_all(link).startswith(b"HTTP/1.1 200")
        assert busy[0].recv(10) == b""
        # Who stops in the middle of his handshake keeps nobody else out.
        hello = client_hello(site)
        stuck = []
        for _ in range(20):
            link = socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10)
            link.sendall(hello[:20])
            stuck.append(link)
        busy[1].sendall(whole[-10:])
        assert read_answer(busy[1])[0] == 200
        for link in busy + stuck:
            link.close()
        site.daemon.wait_for("/livez")


def test_where_descriptors_run_out_clients_of_tls_get_an_alert(tmp_path):
    with Site(tmp_path) as site:
        number = site.daemon.process.pid
        count = len(os.listdir(f"/proc/{number}/fd"))
        limit = pathlib.Path(f"/proc/{number}/limits").read_text()
        limit = re.search(r"Max open files +(\S+)", limit).group(1)
        subprocess.run(["prlimit", "--pid", str(number), f"--nofile={count + 3}:"], check=True)
        hello, held = client_hello(site), []

        def arrive(_):
            link = socket.create_connection(("127.0.0.1", site.daemon.port), timeout=10)
            held.append(link)
            try:
                link.sendall(hello)
                return link.recv(100)
            except ConnectionError:
                # Turned away before its hello came, which then met a closed socket.
                return b""

        try:
            # Many at once: no loop may take what another has just set free to turn its own away.
            with concurrent.futures.ThreadPoolExecutor(16) as crowd:
                ends = list(crowd.map(arrive, range(400)))
            alerts = [end for end in ends if end[:1] == b"\x15"]
            assert alerts and all(end == bytes([21, 3, 3, 0, 2, 2, 80]) for end in alerts)
        finally:
            for link in held:
                link.close()
            subprocess.run(["prlimit", "--pid", str(number), f"--nofile={limit}:"], check=True)
        assert site.daemon.get("/livez").status_code == 200


def test_a_drain_answers_what_was_accepted(tmp_path):
    with Site(tmp_path) as site:
        link = site.connect()
        link.sendall(request())
        assert read_answer(link)[0] == 200
        half = request(PREDICT, GOOD)
        link.sendall(half[:-10])
        ended = threading.Thread(target=site.daemon.stop)
        ended.start()
        time.sleep(0.3)
        link.sendall(half[-10:])
        status, _ = read_answer(link)
        assert status == 200
        # And then the end, in order.
        assert link.recv(10) == b""
        ended.join()
        assert site.daemon.process.returncode == 0
