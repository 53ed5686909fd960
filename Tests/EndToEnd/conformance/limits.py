# SPDX-License-Identifier: Apache-2.0
"""What is too long, too many or too much (RFC 9110 sections 4.1, 5.4 and 15.5, RFC 6585 section 5)."""

from .case import BODY, LENGTH, case, chunk, get, post

HEAD = "400|431 close"


def target(length):
    return get(target=b"{target}?" + b"a" * length)


CASES = [
    case("a target of 1,000 bytes", "9110 4.1", target(1000), "get keep", splits=False),
    case("a target of 8,000 bytes", "9110 4.1", target(7950), "get keep", splits=False),
    case("a target of 70,000 bytes", "9110 15.5.15", target(70_000), "400|414|431 close", house="414 close", splits=False),
    case("a target of 70,000 bytes and no end", "9110 15.5.15", b"GET /" + b"a" * 70_000, "400|414|431 close", house="414 close",
         splits=False),
    case("a target that is too long, with a body", "9110 15.5.15", b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + LENGTH + b"\r\n"
         + BODY, "400|414|431 close", house="414 close", splits=False),
    case("a value of 4,000 bytes", "9110 5.4", get(b"X: %s\r\n" % (b"a" * 4000)), "get keep", splits=False),
    case("a value of 100,000 bytes", "6585 5", get(b"X: %s\r\n" % (b"a" * 100_000)), HEAD, house="431 close", splits=False),
    case("a value of 100,000 bytes and no end", "6585 5", get()[:-2] + b"X: " + b"a" * 100_000, HEAD, house="431 close",
         splits=False),
    case("a name of 100,000 bytes", "6585 5", get(b"%s: a\r\n" % (b"a" * 100_000)), HEAD, house="431 close", splits=False),
    case("spaces of 100,000 bytes before a value", "6585 5", get(b"X:%sa\r\n" % (b" " * 100_000)), HEAD, "get keep",
         house="431 close", splits=False),
    case("10,000 fields", "6585 5", get(b"X: a\r\n" * 10_000), HEAD, "get keep", house="431 close", splits=False),
    case("10,000 fields of different names", "6585 5", get(b"".join(b"X-%d: a\r\n" % index for index in range(10_000))), HEAD,
         "get keep", house="431 close", splits=False),
    case("200 short fields", "6585 5", get(b"X: a\r\n" * 200), HEAD, "get keep", house="431 close", splits=False),
    case("cookies of 20,000 bytes", "6585 5", get(b"Cookie: %s\r\n" % (b"a" * 1000) * 20), HEAD, "get keep", house="431 close",
         splits=False),
    case("2,000 empty lines", "9112 2.2", b"\r\n" * 2000 + get(), "get keep", "400 close", splits=False),
    case("a length beyond the limit", "9110 15.5.14", post(b"Content-Length: 99999999999\r\n", b""), "413", "waits",
         house="413 close"),
    case("a length beyond the limit on GET", "9110 15.5.14", get(b"Content-Length: 99999999999\r\n"), "413", "waits", "get waits",
         "get close", house="413 close"),
    case("a length beyond the limit in HTTP/1.0", "9110 15.5.14", post(b"Content-Length: 99999999999\r\n", b"", b"HTTP/1.0"),
         "413 close", "waits", house="413 close"),
    case("chunks of 9 MB", "9110 15.5.14", post(b"Transfer-Encoding: chunked\r\n", chunk(b" " * 65_536) * 140 + b"0\r\n\r\n"),
         "413 close", "post close", "4xx keep", "post keep", house="413 close", splits=False),
    case("spaces of 500 KB and then the body", "9112 6", post(b"Content-Length: %d\r\n" % (500_000 + len(BODY)),
         b" " * 500_000 + BODY), "post keep", splits=False),
    case("chunks of 500 KB and then the body", "9112 7.1", post(b"Transfer-Encoding: chunked\r\n",
         chunk(b" " * 50_000) * 10 + chunk(BODY) + b"0\r\n\r\n"), "post keep", splits=False),
]
