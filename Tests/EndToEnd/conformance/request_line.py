# SPDX-License-Identifier: Apache-2.0
"""The request line: its grammar, its versions, and what comes before it (RFC 9112 sections 2 and 3)."""

from .case import ANSWER, HOST, case, get, post

# 2.2: a grammar that is broken SHOULD be 400 and the end of the connection.
BAD = "400 close"
LINE = b"GET {target} HTTP/1.1\r\n"


def line(text):
    return text + b"\r\n" + HOST + b"\r\n"


CASES = [
    case("plain GET", "9112 3", get(), "get keep"),
    case("plain POST", "9112 6", post(), "post keep"),
    case("one empty line before", "9112 2.2", b"\r\n" + get(), "get keep"),
    case("two empty lines before", "9112 2.2", b"\r\n\r\n" + get(), "get keep", BAD, house="get keep"),
    case("an empty line between two requests", "9112 2.2", get() + b"\r\n" + get(), "get get keep"),
    case("an empty line behind a body", "9112 2.2", post() + b"\r\n" + get(), "post get keep"),
    case("a bare LF before", "9112 2.2", b"\n" + get(), "get keep", BAD, house=BAD),
    case("a space before", "9112 3", b" " + get(), BAD),
    case("a NUL before", "9112 2.2", b"\0" + get(), BAD),
    case("a byte order mark before", "9112 2.2", b"\xef\xbb\xbf" + get(), BAD),
    case("bare LF behind the request line", "9112 2.2", b"GET {target} HTTP/1.1\n" + HOST + b"\r\n",
         BAD, "get keep", house=BAD),
    case("bare LF behind every line", "9112 2.2", b"GET {target} HTTP/1.1\nHost: localhost\n\n",
         BAD, "get keep", house=BAD),
    case("bare CR behind the request line", "9112 2.2", b"GET {target} HTTP/1.1\r" + HOST + b"\r\n", BAD),
    case("CR CR LF behind the request line", "9112 2.2", b"GET {target} HTTP/1.1\r\r\n" + HOST + b"\r\n",
         BAD, "get keep", house=BAD),
    case("a bare CR within the target", "9112 2.2", line(b"GET {target}?a\rb HTTP/1.1"), BAD),
    case("a line that begins with a space behind the request line", "9112 2.2", LINE + b" X: a\r\n" + HOST + b"\r\n",
         BAD, "get keep", house=BAD),
    case("two spaces behind the method", "9112 3", line(b"GET  {target} HTTP/1.1"), BAD, "get keep", house=BAD),
    case("two spaces before the version", "9112 3", line(b"GET {target}  HTTP/1.1"), BAD, "get keep", house=BAD),
    case("a tab for a space", "9112 3", line(b"GET\t{target}\tHTTP/1.1"), BAD, "get keep", house=BAD),
    case("a vertical tab for a space", "9112 3", line(b"GET\x0b{target} HTTP/1.1"), BAD, "get keep", house=BAD),
    case("a form feed for a space", "9112 3", line(b"GET {target}\x0cHTTP/1.1"), BAD, "get keep", house=BAD),
    case("a space behind the version", "9112 3", line(b"GET {target} HTTP/1.1 "), BAD, "get keep", house=BAD),
    case("a word too many", "9112 3", line(b"GET {target} a HTTP/1.1"), BAD),
    case("a space in the target", "9112 3.2", line(b"GET {target}?a b HTTP/1.1"), BAD),
    case("no target", "9112 3", line(b"GET HTTP/1.1"), BAD),
    case("no target but both spaces", "9112 3", line(b"GET  HTTP/1.1"), BAD),
    case("only a method", "9112 3", line(b"GET"), BAD),
    case("no method", "9112 3", line(b"{target} HTTP/1.1"), BAD),
    case("a NUL in the target", "9112 3.2", line(b"GET {target}?\0 HTTP/1.1"), BAD),
    case("a control byte in the target", "9112 3.2", line(b"GET {target}?\x01 HTTP/1.1"), BAD),
    case("DEL in the target", "9112 3.2", line(b"GET {target}?\x7f HTTP/1.1"), BAD),
    case("a control byte in the method", "9112 3.1", line(b"G\x01T {target} HTTP/1.1"), BAD),
    case("a separator in the method", "9112 3.1", line(b"GE(T {target} HTTP/1.1"), BAD),
    case("a letter beyond ASCII in the method", "9112 3.1", line(b"G\xc3\x89T {target} HTTP/1.1"), BAD),
    case("a method of 10,000 letters", "9110 9.1", line(b"A" * 10_000 + b" {target} HTTP/1.1"),
         "400|414|431|501 close", splits=False),
    case("a TLS hello in plain text", "9112 2.2", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 50 + b"\r\n\r\n",
         BAD),
    case("an answer instead of a request", "9112 2.1", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "400|501|505 close"),
    case("the preface of HTTP/2", "9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400|405|501|505 close",
         "400|405|501|505 keep", house="505 close"),
    # Versions.
    case("HTTP/1.2", "9110 2.5", get(version=b"HTTP/1.2"), "get keep"),
    case("HTTP/1.9", "9110 2.5", get(version=b"HTTP/1.9"), "get keep"),
    case("HTTP/2.0", "9110 15.6.6", get(version=b"HTTP/2.0"), "505", BAD, house="505 close"),
    case("HTTP/3.0", "9110 15.6.6", get(version=b"HTTP/3.0"), "505", BAD, house="505 close"),
    case("HTTP/0.9 by name", "9110 15.6.6", get(version=b"HTTP/0.9"), "505", BAD, "raw close", house="505 close"),
    case("HTTP/0.9 by leaving the version out", "9112 3", b"GET {target}\r\n", BAD, "raw close", house=BAD),
    case("http/1.1 in lower case", "9112 2.3", get(version=b"http/1.1"), BAD, "505 close", house=BAD),
    case("HTTP/1.10", "9112 2.3", get(version=b"HTTP/1.10"), "400|505 close", "get keep", house=BAD),
    case("HTTP/01.1", "9112 2.3", get(version=b"HTTP/01.1"), "400|505 close", "get keep", house=BAD),
    case("HTTP/1", "9112 2.3", get(version=b"HTTP/1"), "400|505 close", house=BAD),
    case("HTTP/1.", "9112 2.3", get(version=b"HTTP/1."), "400|505 close", house=BAD),
    case("HTTP/.1", "9112 2.3", get(version=b"HTTP/.1"), "400|505 close", house=BAD),
    case("HTTP/1.x", "9112 2.3", get(version=b"HTTP/1.x"), "400|505 close", house=BAD),
    case("HTTP/-1.1", "9112 2.3", get(version=b"HTTP/-1.1"), "400|505 close", house=BAD),
    case("HTTP/1,1", "9112 2.3", get(version=b"HTTP/1,1"), "400|505 close", house=BAD),
    case("HTTPS/1.1", "9112 2.3", get(version=b"HTTPS/1.1"), "400|505 close", house=BAD),
    case("HTTP 1.1", "9112 2.3", get(version=b"HTTP 1.1"), BAD),
    case("a space within the version", "9112 2.3", get(version=b"HTTP/ 1.1"), BAD),
    case("a request that comes in the middle of an answer", "9112 9.3.2", (get(), ANSWER, get()), "get get keep"),
]
