# SPDX-License-Identifier: Apache-2.0
"""Expect: 100-continue (RFC 9110 section 10.1.1)."""

from .case import BODY, CHUNKED, HOST, INTERIM, LENGTH, PAUSE, case, chunk, get, post

EXPECT = b"Expect: 100-continue\r\n"
HEAD = post(LENGTH + EXPECT, b"")
# The client sends its body after the interim answer, or after some time without one.
LATE = (HEAD, INTERIM, BODY)
TOO_LONG = b"Content-Length: 999999999999\r\n"

CASES = [
    case("the body behind 100", "9110 10.1.1", LATE, "100 post keep"),
    case("the body at once", "9110 10.1.1", post(LENGTH + EXPECT), "post keep", "100 post keep"),
    case("a part of the body at once", "9110 10.1.1", (HEAD + BODY[:9], PAUSE, BODY[9:]), "post keep", "100 post keep"),
    case("the body late, without waiting for 100", "9110 10.1.1", (HEAD, PAUSE, BODY), "100 post keep"),
    case("chunks behind 100", "9110 10.1.1", (post(CHUNKED + EXPECT, b""), INTERIM, chunk(BODY) + b"0\r\n\r\n"), "100 post keep"),
    case("in capitals", "9110 10.1.1", (post(LENGTH + b"EXPECT: 100-CONTINUE\r\n", b""), INTERIM, BODY), "100 post keep"),
    case("with spaces around it", "9112 5.1", (post(LENGTH + b"Expect: \t100-continue \r\n", b""), INTERIM, BODY),
         "100 post keep"),
    case("no body yet", "9110 10.1.1", HEAD, "100 waits"),
    case("twice on a connection", "9110 10.1.1", LATE + LATE, "100 post 100 post keep"),
    case("behind another request", "9110 10.1.1", (get() + HEAD, INTERIM, PAUSE, BODY), "get 100 post keep"),
    case("and a request behind its body", "9110 10.1.1", (HEAD, INTERIM, BODY + get()), "100 post get keep"),
    case("in HTTP/1.0", "9110 10.1.1", (post(LENGTH + EXPECT, b"", b"HTTP/1.0"), PAUSE, BODY), "post close"),
    case("without a body", "9110 10.1.1", get(EXPECT), "get keep", "100 get keep"),
    case("with a length of 0", "9110 10.1.1", get(EXPECT + b"Content-Length: 0\r\n"), "get keep", "100 get keep"),
    case("and Connection: close", "9110 10.1.1", (post(LENGTH + EXPECT + b"Connection: close\r\n", b""), INTERIM, BODY),
         "100 post close"),
    # A final answer from the head alone comes without 100.
    case("a length beyond the limit", "9110 10.1.1", post(TOO_LONG + EXPECT, b""), "413", house="413 close"),
    case("a bad length", "9110 10.1.1", post(b"Content-Length: x\r\n" + EXPECT, b""), "400 close"),
    case("a length and chunks", "9112 6.1", post(LENGTH + CHUNKED + EXPECT, b""), "400 close", "100 waits", house="400 close"),
    case("no Host", "9110 10.1.1", post(LENGTH + EXPECT, b"", host=b""), "400"),
    case("two Hosts", "9110 10.1.1", post(LENGTH + EXPECT, b"", host=HOST + HOST), "400"),
    # Something else MAY be 417.
    case("something unknown", "9110 10.1.1", post(LENGTH + b"Expect: tea\r\n"), "417", "post keep", house="417 close"),
    case("something unknown without a body", "9110 10.1.1", get(b"Expect: tea\r\n"), "417", "get keep", house="417 close"),
    case("100-continue and something unknown", "9110 10.1.1", post(LENGTH + b"Expect: 100-continue, tea\r\n"), "417",
         "post keep", "100 post keep", house="417 close"),
    case("100-continue in two fields", "9110 10.1.1", post(LENGTH + EXPECT + EXPECT), "417", "post keep", "100 post keep",
         house="post keep", splits=False),
    case("100-continue with a parameter", "9110 10.1.1", post(LENGTH + b"Expect: 100-continue;a=b\r\n"), "417", "post keep",
         "100 post keep", house="417 close"),
    case("an empty expectation", "9110 10.1.1", post(LENGTH + b"Expect:\r\n"), "417", "post keep", "400 close", house="417 close"),
    case("something unknown in HTTP/1.0", "9110 10.1.1", post(LENGTH + b"Expect: tea\r\n", version=b"HTTP/1.0"), "417 close",
         "post close", house="post close"),
]
