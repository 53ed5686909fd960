# SPDX-License-Identifier: Apache-2.0
"""The chunked coding, byte for byte (RFC 9112 section 7.1)."""

from .case import BODY, CHUNKED, HALF_CLOSE, PAUSE, case, chunk, chunked, get, post

# A server that answers from the head alone finds a bad chunk afterwards, and has to close.
BAD = ("400 close", "post close")
TOO_LONG = ("400|413 close", "post close")
FIRST, SECOND = BODY[:50], BODY[50:]
SIZE = b"%x" % len(BODY)
REST = b"\r\n" + BODY + b"\r\n0\r\n\r\n"


def extended(extension):
    return chunked(body=chunk(BODY, extension))


def sized(size):
    return post(CHUNKED, size + REST)


def bad(name, section, sends, *more, house="400 close"):
    return case(name, section, sends, *BAD, *more, house=house)


CASES = [
    case("two chunks", "9112 7.1", chunked(), "post keep"),
    case("a chunk for every byte", "9112 7.1", chunked(body=b"".join(chunk(BODY[i:i + 1]) for i in range(len(BODY)))),
         "post keep"),
    case("chunks and a request behind them", "9112 7.1", chunked() + get(), "post get keep"),
    case("no chunks", "9112 7.1", chunked(body=b""), "4xx keep", "post keep", house="400 keep"),
    case("sizes in capitals", "9112 7.1", sized(SIZE.upper()), "post keep"),
    case("sizes with leading zeros", "9112 7.1", sized(b"0000" + SIZE), "post keep"),
    case("a size of 16 digits", "9112 7.1", sized(b"0" * 14 + SIZE), "post keep"),
    case("a size of 40 digits", "9112 7.1", sized(b"0" * 38 + SIZE), "post keep", *TOO_LONG, house="400 close"),
    case("an end of three zeros", "9112 7.1", chunked(end=b"000\r\n\r\n"), "post keep"),
    case("an end with an extension", "9112 7.1.1", chunked(end=b"0;a=b\r\n\r\n"), "post keep"),
    case("the end in a piece of its own", "9112 7.1", (chunked(end=b""), PAUSE, b"0\r\n\r\n"), "post keep"),
    case("the last byte in a piece of its own", "9112 7.1", (chunked()[:-1], PAUSE, b"\n"), "post keep"),
    case("a name as extension", "9112 7.1.1", extended(b";a"), "post keep"),
    case("a name and a value", "9112 7.1.1", extended(b";a=b"), "post keep"),
    case("several extensions", "9112 7.1.1", extended(b";a=b;c;d=e"), "post keep"),
    case("a quoted value", "9112 7.1.1", extended(b';a="b c"'), "post keep"),
    case("a quoted value with escapes", "9112 7.1.1", extended(b';a="b\\"\\\\;c"'), "post keep"),
    case("an empty quoted value", "9112 7.1.1", extended(b';a=""'), "post keep"),
    case("spaces around semicolon and equals sign", "9112 7.1.1", extended(b" ; a = b"), "post keep", *BAD, house="post keep"),
    case("tabs around semicolon and equals sign", "9112 7.1.1", extended(b"\t;\ta\t=\tb"), "post keep", *BAD, house="post keep"),
    case("a semicolon and no name", "9112 7.1.1", extended(b";"), "post keep", *BAD, house="400 close"),
    case("a name missing before the equals sign", "9112 7.1.1", extended(b";=b"), "post keep", *BAD, house="400 close"),
    case("no value behind the equals sign", "9112 7.1.1", extended(b";a="), "post keep", *BAD, house="400 close"),
    case("an extension without semicolon", "9112 7.1.1", extended(b" a=b"), "post keep", *BAD, house="400 close"),
    case("a quote that does not end", "9112 7.1.1", extended(b';a="b'), "post keep", *BAD, house="400 close"),
    case("something behind a quoted value", "9112 7.1.1", extended(b';a="b"c'), "post keep", *BAD, house="400 close"),
    case("a space behind the size", "9112 7.1", extended(b" "), "post keep", *BAD, house="400 close"),
    bad("a bare LF in an extension", "9112 2.2", extended(b";a\nb")),
    bad("a bare LF in a quoted value", "9112 7.1.1", extended(b';a="\n"')),
    bad("a line end in a quoted value", "9112 7.1.1", extended(b';a="\r\n"')),
    bad("a bare CR in an extension", "9112 2.2", extended(b";a\rb")),
    bad("a NUL in an extension", "9112 7.1.1", extended(b";a\0b"), "post keep"),
    case("an extension of 100,000 bytes", "9112 7.1.1", extended(b";a=" + b"b" * 100_000), "4xx close", "post close",
         "post keep", house="400 close", splits=False),
    case("20,000 extensions in chunks of one byte", "9112 7.1.1", chunked(body=chunk(b" ", b";a=b") * 20_000 + chunk(BODY)),
         "4xx close", "post close", "post keep", house="400 close", splits=False),
    # Sizes.
    bad("a size of no digits", "9112 7.1", sized(b"")),
    bad("a size of no digits but an extension", "9112 7.1", sized(b";a=b")),
    bad("a size that is no number", "9112 7.1", sized(b"x" + SIZE)),
    bad("a letter behind the size", "9112 7.1", sized(SIZE + b"g")),
    bad("a size with 0x", "9112 7.1", sized(b"0x" + SIZE)),
    bad("a size with a plus sign", "9112 7.1", sized(b"+" + SIZE)),
    bad("a size with a minus sign", "9112 7.1", sized(b"-1")),
    bad("a space before the size", "9112 7.1", sized(b" " + SIZE)),
    bad("a tab before the size", "9112 7.1", sized(b"\t" + SIZE)),
    bad("an underscore in the size", "9112 7.1", sized(b"0_" + SIZE)),
    bad("a space within the size", "9112 7.1", sized(b"7 c")),
    bad("a comma in the size", "9112 7.1", sized(b"0," + SIZE)),
    bad("a digit of another script", "9112 7.1", sized("７".encode())),
    bad("a NUL in the size", "9112 7.1", sized(b"\0" + SIZE)),
    case("a size of 2^64", "9112 7.1", sized(b"10000000000000000"), *TOO_LONG),
    case("a size of 2^64 and the right one", "9112 7.1", sized(b"100000000000000" + SIZE.rjust(2, b"0")), *TOO_LONG),
    case("a size of 2^63", "9112 7.1", sized(b"8000000000000000"), *TOO_LONG, "waits", house="413 close"),
    case("a size of 2^32 and the right one", "9112 7.1", sized(b"1000000" + SIZE), *TOO_LONG, "waits", house="413 close"),
    case("a size of 200 digits", "9112 7.1", sized(b"f" * 200), *TOO_LONG),
    # Ends of lines and of data.
    bad("a bare LF behind the size", "9112 2.2", post(CHUNKED, SIZE + b"\n" + BODY + b"\r\n0\r\n\r\n")),
    bad("a bare CR behind the size", "9112 2.2", post(CHUNKED, SIZE + b"\r" + BODY + b"\r\n0\r\n\r\n")),
    bad("CR CR LF behind the size", "9112 7.1", post(CHUNKED, SIZE + b"\r\r\n" + BODY + b"\r\n0\r\n\r\n")),
    bad("a bare LF behind the data", "9112 7.1", post(CHUNKED, SIZE + b"\r\n" + BODY + b"\n0\r\n\r\n")),
    bad("a bare CR behind the data", "9112 7.1", post(CHUNKED, SIZE + b"\r\n" + BODY + b"\r0\r\n\r\n")),
    bad("nothing behind the data", "9112 7.1", post(CHUNKED, SIZE + b"\r\n" + BODY + b"0\r\n\r\n")),
    bad("a byte more than the size", "9112 7.1", post(CHUNKED, SIZE + b"\r\n" + BODY + b"x\r\n0\r\n\r\n")),
    bad("a byte less than the size", "9112 7.1", post(CHUNKED, SIZE + b"\r\n" + BODY[:-1] + b"\r\n0\r\n\r\n")),
    bad("bare LFs at the end", "9112 2.2", chunked(end=b"0\n\n")),
    bad("a bare CR at the end", "9112 2.2", chunked(end=b"0\r\n\rx")),
    bad("a minus zero at the end", "9112 7.1", chunked(end=b"-0\r\n\r\n")),
    case("no last chunk", "9112 7.1", chunked(end=b""), "waits", "post waits"),
    case("no empty line at the end", "9112 7.1", chunked(end=b"0\r\n"), "waits", "post waits"),
    case("no last chunk and a half-close", "9112 8", (chunked(end=b""), HALF_CLOSE), "400|408 close", "close", "post close",
         house="close"),
    # Trailers.
    case("a trailer", "9112 7.1.2", chunked(end=b"0\r\nX: a\r\n\r\n"), "post keep"),
    case("several trailers", "9112 7.1.2", chunked(end=b"0\r\nX: a\r\nY:\r\nZ: b c\r\n\r\n"), "post keep"),
    case("a trailer that was announced", "9110 6.6.2", chunked(b"Trailer: X\r\n", end=b"0\r\nX: a\r\n\r\n"), "post keep"),
    case("a length as trailer", "9110 6.5.1", chunked(end=b"0\r\nContent-Length: 5\r\n\r\n") + get(), "post get keep", "400 close",
         house="post get keep"),
    case("a Transfer-Encoding as trailer", "9110 6.5.1", chunked(end=b"0\r\nTransfer-Encoding: gzip\r\n\r\n") + get(),
         "post get keep", "400 close", house="post get keep"),
    case("Connection: close as trailer", "9110 6.5.1", chunked(end=b"0\r\nConnection: close\r\n\r\n"), "post keep", "post close",
         "400 close", house="post keep"),
    case("a Host as trailer", "9110 6.5.1", chunked(end=b"0\r\nHost: other\r\n\r\n"), "post keep", "400 close", house="post keep"),
    bad("a trailer without a colon", "9112 7.1.2", chunked(end=b"0\r\nX\r\n\r\n"), "post keep"),
    bad("a trailer without a name", "9112 7.1.2", chunked(end=b"0\r\n: a\r\n\r\n"), "post keep"),
    bad("a space before a trailer's colon", "9112 5.1", chunked(end=b"0\r\nX : a\r\n\r\n"), "post keep"),
    bad("a folded trailer", "9112 5.2", chunked(end=b"0\r\nX: a\r\n b\r\n\r\n"), "post keep"),
    bad("a NUL in a trailer", "9110 5.5", chunked(end=b"0\r\nX: \0\r\n\r\n"), "post keep"),
    bad("a bare LF behind a trailer", "9112 2.2", chunked(end=b"0\r\nX: a\n\r\n"), "post keep"),
    bad("a bare CR in a trailer", "9112 2.2", chunked(end=b"0\r\nX: a\rb\r\n\r\n"), "post keep"),
    case("trailers of 100,000 bytes", "9110 5.4", chunked(end=b"0\r\n" + b"X: a\r\n" * 16_000 + b"\r\n"), "4xx close",
         "post close", "post keep", house="431 close", splits=False),
]
