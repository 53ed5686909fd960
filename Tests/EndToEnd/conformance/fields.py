# SPDX-License-Identifier: Apache-2.0
"""Field lines: names, values, folding, and Host (RFC 9112 section 5, RFC 9110 sections 5 and 7.2)."""

from .case import HOST, case, get

BAD = "400 close"
# A line that is no field may be passed over: no two readers then differ about the message's end.
LENIENT = ("400 close", "get keep")


def host(value):
    return get(host=b"Host: " + value + b"\r\n")


CASES = [
    case("no space behind the colon", "9112 5", get(b"X:a\r\n"), "get keep"),
    case("spaces and tabs around a value", "9112 5.1", get(b"X: \t a \t \r\n"), "get keep"),
    case("an empty value", "9110 5.5", get(b"X:\r\nY: \r\n"), "get keep"),
    case("a name in capitals", "9110 5.1", get(host=b"HOST: localhost\r\n"), "get keep"),
    case("every sign that a name may have", "9110 5.6.2", get(b"!#$%&'*+-.^_`|~09aZ: a\r\n"), "get keep"),
    case("a name of one letter", "9110 5.1", get(b"x: a\r\n"), "get keep"),
    case("the same name many times", "9110 5.3", get(b"X: a\r\n" * 20), "get keep"),
    case("a value beyond ASCII", "9110 5.5", get(b"X: \xe9\x80\xff\r\n"), "get keep"),
    case("a value with every visible sign", "9110 5.5", get(b"X: " + bytes(range(0x21, 0x7F)) + b"\r\n"), "get keep"),
    case("a quoted value with escapes", "9110 5.6.4", get(b'X: "a\\"b\\\\", c=(d)\r\n'), "get keep"),
    case("an unknown field in the HTTP namespace", "9110 5.1", get(b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n"), "get keep"),
    case("fifty fields", "9110 5.4", get(b"".join(b"X-%d: a\r\n" % index for index in range(50))), "get keep"),
    # 5.1: MUST be 400.
    case("a space before the colon", "9112 5.1", get(b"X : a\r\n"), "400", house=BAD),
    case("a tab before the colon", "9112 5.1", get(b"X\t: a\r\n"), "400", house=BAD),
    case("a space before the colon of Host", "9112 5.1", get(host=b"Host : localhost\r\n"), "400", house=BAD),
    case("a folded value", "9112 5.2", get(b"X: a\r\n b\r\n"), *LENIENT, house=BAD),
    case("a value folded with a tab", "9112 5.2", get(b"X: a\r\n\tb\r\n"), *LENIENT, house=BAD),
    case("a folded line of spaces", "9112 5.2", get(b"X: a\r\n  \r\n"), *LENIENT, house=BAD),
    case("a folded Host", "9112 5.2", get(host=b"Host: local\r\n host\r\n"), "400", "get keep", house=BAD),
    case("a space in a name", "9110 5.1", get(b"X y: a\r\n"), *LENIENT, house=BAD),
    case("no name", "9110 5.1", get(b": a\r\n"), *LENIENT, house=BAD),
    case("no colon", "9112 5", get(b"X\r\n"), *LENIENT, house=BAD),
    case("parentheses in a name", "9110 5.1", get(b"X(y): a\r\n"), *LENIENT, house=BAD),
    case("a slash in a name", "9110 5.1", get(b"X/y: a\r\n"), *LENIENT, house=BAD),
    case("a letter beyond ASCII in a name", "9110 5.1", get(b"X\xe9: a\r\n"), *LENIENT, house=BAD),
    case("a NUL in a name", "9110 5.1", get(b"X\0y: a\r\n"), BAD),
    case("a control byte in a name", "9110 5.1", get(b"X\x01y: a\r\n"), *LENIENT, house=BAD),
    # 5.5: MUST be refused or made a space.
    case("a NUL in a value", "9110 5.5", get(b"X: a\0b\r\n"), *LENIENT, house=BAD),
    case("a bare CR in a value", "9110 5.5", get(b"X: a\rb\r\n"), *LENIENT, house=BAD),
    case("a bare CR that begins a field", "9112 2.2", get(b"X: a\rContent-Length: 5\r\n"), *LENIENT, house=BAD),
    case("a bare LF in a value", "9112 2.2", get(b"X: a\nY: b\r\n"), *LENIENT, house=BAD),
    case("a control byte in a value", "9110 5.5", get(b"X: a\x01b\r\n"), *LENIENT, house=BAD),
    case("DEL in a value", "9110 5.5", get(b"X: a\x7fb\r\n"), *LENIENT, house=BAD),
    case("an escape sequence in a value", "9110 5.5", get(b"X: \x1b[31m\r\n"), *LENIENT, house=BAD),
    case("a bare LF for the empty line", "9112 2.2", get()[:-2] + b"\n", *LENIENT, house=BAD),
    case("a bare CR for the empty line", "9112 2.2", get()[:-2] + b"\r" + get(), BAD),
    # Host.
    case("no Host", "9112 3.2", get(host=b""), "400"),
    case("two Hosts", "9112 3.2", get(host=HOST + HOST), "400"),
    case("two Hosts that differ", "9112 3.2", get(host=HOST + b"Host: other\r\n"), "400"),
    case("two Hosts, one of them in capitals", "9112 3.2", get(host=HOST + b"HOST: localhost\r\n"), "400"),
    case("an empty Host", "9110 7.2", host(b""), "get keep", "400", house="get keep"),
    case("a Host with a port", "9110 7.2", host(b"localhost:8080"), "get keep"),
    case("a Host with an empty port", "3986 3.2.3", host(b"localhost:"), "get keep"),
    case("a Host with a high port", "3986 3.2.3", host(b"localhost:99999"), "get keep", "400"),
    case("a Host that is an IPv6 address", "3986 3.2.2", host(b"[::1]:80"), "get keep"),
    case("a Host that is an address", "3986 3.2.2", host(b"127.0.0.1"), "get keep"),
    case("a Host with an escape", "3986 3.2.2", host(b"a%20b"), "get keep", "400"),
    case("a Host with an underscore", "3986 3.2.2", host(b"a_b.c"), "get keep"),
    case("a Host with a space", "9112 3.2", host(b"local host"), "400"),
    case("a Host with a path", "9112 3.2", host(b"localhost/a"), "400"),
    case("a Host with a user", "9110 7.2", host(b"user@localhost"), "400"),
    case("a Host with a comma", "9112 3.2", host(b"localhost, other"), "400"),
    case("a Host with a port that is no number", "9112 3.2", host(b"localhost:a"), "400"),
    case("a Host with two ports", "9112 3.2", host(b"localhost:1:2"), "400"),
    case("a Host with a port and no name", "9110 4.2.1", host(b":80"), "400", "get keep"),
    case("a Host with an open bracket", "3986 3.2.2", host(b"[::1"), "400"),
    case("a Host with a closing bracket", "3986 3.2.2", host(b"::1]"), "400"),
    case("a Host with brackets around no address", "3986 3.2.2", host(b"[a b]"), "400"),
    case("a Host with a broken escape", "3986 2.1", host(b"a%zz"), "400"),
    case("a Host with a question mark", "9112 3.2", host(b"localhost?a"), "400"),
    case("a Host with a letter beyond ASCII", "9112 3.2", host(b"loc\xe4lhost"), "400"),
    case("a Host with angle brackets", "9112 3.2", host(b"<localhost>"), "400"),
]
