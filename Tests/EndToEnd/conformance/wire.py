# SPDX-License-Identifier: Apache-2.0
"""Sends the bytes of a case and takes apart what comes back. Every wait is bounded."""

import contextlib
import re
import socket
import time
from dataclasses import dataclass, field

from .case import ANSWER, HALF_CLOSE, INTERIM, PAUSE

PROBE = b"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[ \t]*[^\0-\x08\x0a-\x1f\x7f]*")


@dataclass
class Answer:
    status: int
    fields: list
    body: bytes = b""
    # What is wrong with its form.
    faults: list = field(default_factory=list)

    def values(self, name):
        return [value for key, value in self.fields if key == name]


@dataclass
class Observed:
    answers: list
    # "keep", "close", "waits" or "reset".
    end: str
    # Bytes that are part of no answer.
    rest: bytes = b""
    # The answer to a plain request behind the case, where the connection stayed.
    probe: Answer | None = None

    def __str__(self):
        words = [str(answer.status) for answer in self.answers]
        if self.rest:
            words.append("raw" if not self.answers else "garbage")
        return " ".join([*words, self.end])


class Target:
    """A server, the paths that the cases ask it for, and what it says to plain requests."""

    def __init__(self, host, port, target="/", post=None, patience=5.0):
        self.address = (host, port)
        self.target, self.post = target.encode(), (post or target).encode()
        self.patience = patience
        self.plain = {}

    def fill(self, data):
        """The bytes with this server's paths; `{encoded}` has its letters and digits as escapes."""
        encoded = re.sub(rb"[A-Za-z0-9]", lambda match: b"%%%02X" % match[0][0], self.target)
        for name, path in (b"{target}", self.target), (b"{post}", self.post), (b"{encoded}", encoded):
            data = data.replace(name, path)
        return data

    def connect(self):
        link = socket.create_connection(self.address, timeout=self.patience)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link


class Talk:
    """One connection: what was received so far, and whether it ended."""

    def __init__(self, target, heads):
        self.target, self.heads = target, heads
        self.link = target.connect()
        self.received = b""
        self.end = None
        self.can_send = True

    def send(self, data, one_by_one=False):
        step = 1 if one_by_one else max(len(data), 1)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for place in range(0, len(data), step):
                self.link.sendall(data[place:place + step])

    def read_until(self, is_done, seconds):
        """Reads until `is_done` says so of the answers, the connection ends or the time is over."""
        limit = time.monotonic() + seconds
        while self.end is None and not is_done(parse(self.received, self.heads, False)[0]):
            left = limit - time.monotonic()
            if left <= 0:
                return
            self.link.settimeout(left)
            try:
                data = self.link.recv(1 << 16)
            except TimeoutError:
                return
            except ConnectionError:
                self.end = "reset"
                return
            self.received += data
            if not data:
                self.end = "close"


def finals(answers):
    return sum(answer.status >= 200 for answer in answers)


def observe(target, case, outcomes, one_by_one=False):
    """Plays a case against a server; the outcomes say how many answers to wait for, and whether none may come."""
    outcomes = [outcome.split() for outcome in outcomes]
    most = max(1, *(sum(word not in ("keep", "close", "waits", "100") for word in words) for words in outcomes))
    may_wait = any(words[-1] == "waits" for words in outcomes)
    patience = min(1.0, target.patience) if may_wait else target.patience
    talk = Talk(target, case.heads)
    with talk.link:
        halved, interims, awaited = False, 0, 0
        for step in case.sends:
            if step == PAUSE:
                time.sleep(0.05)
            elif step == INTERIM:
                interims += 1
                talk.read_until(lambda answers: len(answers) - finals(answers) >= interims, min(2.0, patience))
            elif step == ANSWER:
                awaited += 1
                talk.read_until(lambda answers: finals(answers) >= awaited, patience)
            elif step == HALF_CLOSE:
                halved = True
                with contextlib.suppress(OSError):
                    talk.link.shutdown(socket.SHUT_WR)
            else:
                talk.send(target.fill(step), one_by_one)
        talk.read_until(lambda answers: finals(answers) >= most, patience)
        before = finals(parse(talk.received, case.heads, False)[0])
        if halved or before == 0:
            talk.read_until(lambda answers: False, patience if before else 0)
            return ended(talk, case, None)
        if talk.end is None:
            talk.send(target.fill(PROBE))
            talk.read_until(lambda answers: False, target.patience)
        return ended(talk, case, before)


def ended(talk, case, before):
    """What was seen; `before` is how many answers there were when the probe was sent."""
    answers, rest = parse(talk.received, case.heads, talk.end is not None)
    if before is not None and finals(answers) > before:
        probe = answers.pop()
        return Observed(answers, "keep" if talk.end == "close" else "waits", rest, probe)
    # A reset behind the answers is what the probe met.
    end = "close" if talk.end == "reset" and before else talk.end or "waits"
    return Observed(answers, end, rest)


def parse(data, heads, is_ended):
    """The answers in `data`, and what is left; a body without a length ends with the connection."""
    answers = []
    while match := re.match(rb"HTTP/1\.1 ([1-9][0-9]{2}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n", data):
        lines = match[2].split(b"\r\n")[:-1]
        fields = [line.split(b":", 1) if b":" in line else (line, b"") for line in lines]
        answer = Answer(
            int(match[1]), [(name.decode("latin-1").lower(), value.strip().decode("latin-1")) for name, value in fields]
        )
        answer.faults += [f"the line {line!r} is no field" for line in lines if not FIELD.fullmatch(line)]
        is_head = answer.status >= 200 and finals(answers) in heads
        end = body_end(answer, data, match.end(), is_head, is_ended)
        if end is None:
            break
        answers.append(answer)
        data = data[end:]
    return answers, data


def body_end(answer, data, start, is_head, is_ended):
    """Where the answer's body ends, taken into it; None while that has not come."""
    lengths, codings = answer.values("content-length"), answer.values("transfer-encoding")
    if len(set(lengths)) > 1 or any(not value.isdecimal() for value in lengths) or (lengths and codings):
        answer.faults.append("its length is not clear")
        return start
    if answer.status < 200 or answer.status == 204:
        if lengths or codings:
            answer.faults.append(f"a {answer.status} has a length")
        return start
    if is_head or answer.status == 304:
        return start
    if codings:
        match = re.match(rb"((?:[0-9a-fA-F]+\r\n(?s:.)*?\r\n)*?)0+\r\n(?:[^\r\n]+\r\n)*\r\n", data[start:])
        return start + match.end() if match else None
    if lengths:
        end = start + int(lengths[0])
        answer.body = data[start:end]
        return end if end <= len(data) else None
    answer.body = data[start:]
    return len(data) if is_ended else None
