# SPDX-License-Identifier: Apache-2.0
"""A case: bytes to send, and every outcome that the RFC named lets a server choose.

An outcome is the answers in order and the end, separated by spaces:

    get keep          the answer that a plain GET of the target gets, and the next request is answered too
    get post close    two answers, then the server closes
    400|501 close     one of these statuses, then it closes; 4xx is any of a class
    100 post keep     an interim answer counts as one
    400               an answer; whether the connection stays is the server's choice
    close             closes without an answer
    waits             no answer, the connection stays open: more bytes are expected
    raw close         bytes without a status line, as HTTP/0.9 had them

How lenient the sets are: what an RFC says with MUST is the only outcome. Where it says SHOULD, or only that bytes do
not match the grammar (RFC 9112 section 2.2: SHOULD be 400 and close), being lenient is allowed too, unless two
readers of the same bytes could then disagree about where a message ends. A `house` outcome is the one that Serin
chooses among those allowed; other servers are not judged by it.
"""

from dataclasses import dataclass

HOST = b"Host: localhost\r\n"
# A body that the daemon's example model takes; other servers need not understand it.
BODY = (
    b'{"instances":[{"carat":0.53,"cut":"Ideal","color":"D","clarity":"SI1","depth":61.6,"table":56,"x":5.2,'
    b'"y":5.23,"z":3.21}]}'
)
# A request of a known length, to stand where another reader would see a body.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"

# Steps between bytes.
PAUSE = "pause"  # lets what was sent arrive by itself
INTERIM = "interim"  # waits for 100 Continue
ANSWER = "answer"  # waits for a whole answer
HALF_CLOSE = "half close"  # sends no more, reads on


@dataclass(frozen=True)
class Case:
    name: str
    section: str
    sends: tuple
    allowed: tuple
    house: str | None
    # Which of the answers belong to HEAD requests, and so have no body.
    heads: tuple = ()
    # What the last answer must have beside what every answer must: names of functions in judge.py.
    needs: tuple = ()
    # Whether sending byte by byte means the same.
    splits: bool = True

    @property
    def judged(self):
        """The outcomes that Serin is held to."""
        return (self.house,) if self.house else self.allowed


def case(name, section, sends, *allowed, house=None, heads=(), needs=(), splits=True):
    sends = sends if isinstance(sends, tuple) else (sends,)
    return Case(name, f"RFC {section}", sends, allowed, house, heads, needs, splits)


def get(fields=b"", target=b"{target}", version=b"HTTP/1.1", host=HOST, method=b"GET"):
    return b"%s %s %s\r\n%s%s\r\n" % (method, target, version, host, fields)


def post(fields=LENGTH, body=BODY, version=b"HTTP/1.1", host=HOST):
    return b"POST {post} %s\r\n%s%s\r\n%s" % (version, host, fields, body)


def chunk(data, extension=b"", size=None):
    return b"%s%s\r\n%s\r\n" % (b"%x" % len(data) if size is None else size, extension, data)


def chunked(fields=b"", body=None, end=b"0\r\n\r\n"):
    """A POST whose body is these chunks, or the usual body in two."""
    if body is None:
        body = chunk(BODY[:50]) + chunk(BODY[50:])
    return post(CHUNKED + fields, body + end)
