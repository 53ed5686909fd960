# SPDX-License-Identifier: Apache-2.0
"""Connections that stay, end, and carry several requests (RFC 9112 section 9)."""

from .case import ANSWER, BODY, CHUNKED, HALF_CLOSE, HOST, LENGTH, PAUSE, case, chunk, chunked, get, post

OLD = b"HTTP/1.0"
MANY = 40


def connection(value, version=b"HTTP/1.1"):
    return get(b"Connection:" + value + b"\r\n", version=version)


CASES = [
    # 9.3, 9.6: who asks for the end gets it, and is told so.
    case("close", "9112 9.6", connection(b" close"), "get close", needs=("close",)),
    case("close in capitals", "9112 9.6", connection(b" CLOSE"), "get close", needs=("close",)),
    case("close without a space", "9112 9.6", connection(b"close"), "get close", needs=("close",)),
    case("close in a list", "9110 7.6.1", connection(b" keep-alive, close"), "get close", needs=("close",)),
    case("close first in a list", "9110 7.6.1", connection(b" close, TE"), "get close", needs=("close",)),
    case("close in a list with odd spaces", "9110 5.6.1", connection(b" ,\tfoo ,close ,"), "get close", needs=("close",)),
    case("close in a second field", "9110 5.3", get(b"Connection: keep-alive\r\nConnection: close\r\n"), "get close",
         needs=("close",)),
    case("close in a field before keep-alive", "9110 5.3", get(b"Connection: close\r\nConnection: keep-alive\r\n"), "get close",
         needs=("close",)),
    case("close on a POST", "9112 9.6", post(b"Connection: close\r\n" + LENGTH), "post close", needs=("close",)),
    case("close on a chunked POST", "9112 9.6", chunked(b"Connection: close\r\n"), "post close", needs=("close",)),
    case("close on a HEAD", "9112 9.6", get(b"Connection: close\r\n", method=b"HEAD"), "get close", heads=(0,), needs=("close",)),
    case("close on a path that is not there", "9112 9.6", get(b"Connection: close\r\n", target=b"/no/such/thing"), "get close",
         "404 close", needs=("close",)),
    case("close on a method that is not here", "9112 9.6", get(b"Connection: close\r\n", method=b"DELETE"), "2xx close",
         "405 close", needs=("close",)),
    case("requests behind close", "9112 9.6", connection(b" close") + get() + post(), "get close", needs=("close",)),
    case("a word that holds close", "9110 7.6.1", connection(b" closed"), "get keep", "get close", house="get keep"),
    case("close in quotes", "9110 7.6.1", connection(b' "close"'), "get keep", "get close", "400 close"),
    case("keep-alive", "9112 9.3", connection(b" keep-alive"), "get keep"),
    case("an empty Connection", "9110 5.6.1", connection(b""), "get keep"),
    case("Connection with an unknown option", "9110 7.6.1", connection(b" foo, bar"), "get keep"),
    case("Connection that names Content-Length", "9110 7.6.1", post(b"Connection: Content-Length\r\n" + LENGTH), "post keep",
         "400 close", house="post keep"),
    case("Connection that names Host", "9110 7.6.1", connection(b" Host"), "get keep", "400"),
    case("Keep-Alive with a time", "9112 C.2.2", get(b"Keep-Alive: timeout=1, max=1\r\n"), "get keep"),
    case("Proxy-Connection: close", "9112 C.2.2", get(b"Proxy-Connection: close\r\n"), "get keep"),
    # HTTP/1.0.
    case("HTTP/1.0", "9112 9.3", get(version=OLD), "get close"),
    case("HTTP/1.0 without Host", "9112 3.2", get(version=OLD, host=b""), "get close"),
    case("HTTP/1.0 with two Hosts", "9112 3.2", get(version=OLD, host=HOST + HOST), "400", "get close", house="400 close"),
    case("HTTP/1.0 with keep-alive", "9112 9.3", connection(b" keep-alive", OLD), "get keep", "get close", house="get keep",
         needs=("keep-alive",)),
    case("HTTP/1.0 with Keep-Alive in capitals", "9112 9.3", connection(b" Keep-Alive", OLD), "get keep", "get close",
         house="get keep", needs=("keep-alive",)),
    case("HTTP/1.0 with keep-alive and close", "9112 9.3", connection(b" keep-alive, close", OLD), "get close"),
    case("HTTP/1.0 with close", "9112 9.3", connection(b" close", OLD), "get close"),
    case("HTTP/1.0 with a body", "9112 6.3", post(version=OLD), "post close"),
    case("HTTP/1.0 with a body and keep-alive", "9112 9.3", post(b"Connection: keep-alive\r\n" + LENGTH, version=OLD),
         "post keep", "post close", house="post keep", needs=("keep-alive",)),
    case("HTTP/1.0 with a path that is not there", "9112 9.3", get(version=OLD, target=b"/no/such/thing"), "404 close",
         "get close"),
    case("HTTP/1.0 and a request behind it", "9112 9.3", get(version=OLD) + get(), "get close"),
    case("HTTP/1.0 with keep-alive and HTTP/1.1 behind it", "9112 9.3", connection(b" keep-alive", OLD) + get(), "get get keep",
         "get close", house="get get keep"),
    # Pipelining: the answers come in order, and nothing behind an error is guessed at.
    case("two at once", "9112 9.3.2", get() + get(), "get get keep"),
    case("GET and POST in turn", "9112 9.3.2", get() + post() + get() + post(), "get post get post keep"),
    case("a length, chunks and none", "9112 9.3.2", post() + chunked() + get(), "post post get keep"),
    case(f"{MANY} at once", "9112 9.3.2", get() * MANY, " ".join(["get"] * MANY + ["keep"])),
    case(f"{MANY} POSTs at once", "9112 9.3.2", post() * MANY, " ".join(["post"] * MANY + ["keep"]), splits=False),
    case("two, cut within the second", "9112 9.3.2", (get() + get()[:20], PAUSE, get()[20:]), "get get keep"),
    case("two, cut within the second's body", "9112 9.3.2", (post() + post()[:-30], PAUSE, BODY[-30:]), "post post keep"),
    case("one that is refused behind a good one", "9112 9.3.2", get() + get(host=b"") + get(), "get 400 close",
         "get 400 get keep", house="get 400 close"),
    case("one of bad grammar behind a good one", "9112 9.3.2", get() + b"BAD\r\n\r\n" + get(), "get 400 close"),
    case("one of bad grammar before a good one", "9112 9.3.2", b"BAD\r\n\r\n" + get(), "400 close"),
    case("one with bad chunks before a good one", "9112 9.3.2", chunked(end=b"x\r\n\r\n") + get(), "400 close", "post close",
         house="400 close"),
    case("the last of them closes", "9112 9.6", get() + post() + connection(b" close") + get(), "get post get close",
         needs=("close",)),
    case("one after the other", "9112 9.3", (get(), ANSWER, post(), PAUSE, get()), "get post get keep"),
    # Half-close: a client that sends no more still reads.
    case("half-close behind a GET", "9112 9.6", (get(), HALF_CLOSE), "get close", "close", house="get close"),
    case("half-close behind a POST", "9112 9.6", (post(), HALF_CLOSE), "post close", "close", house="post close"),
    case("half-close behind chunks", "9112 9.6", (chunked(), HALF_CLOSE), "post close", "close", house="post close"),
    case("half-close behind three", "9112 9.6", (get() + post() + get(), HALF_CLOSE), "get post get close", "get post close",
         "get close", "close", house="get post get close", splits=False),
    case("half-close behind one that closes", "9112 9.6", (connection(b" close"), HALF_CLOSE), "get close", "close",
         house="get close"),
    case("half-close behind a refused one", "9112 9.6", (get(host=b""), HALF_CLOSE), "400 close", "close", house="400 close"),
    case("half-close at once", "9112 9.6", (HALF_CLOSE,), "close"),
    case("half-close behind an empty line", "9112 9.6", (b"\r\n", HALF_CLOSE), "close", "400 close"),
    # An answer must be readable although bytes were sent that nobody reads (9.6: close in stages).
    case("a refused request and 200 KB behind it", "9112 9.6", get(host=b"") + b"x" * 200_000, "400 close", splits=False),
    case("a length beyond the limit and 1 MB of it", "9112 9.6",
         (post(b"Content-Length: 99999999999\r\n", b""), b"x" * 1_000_000), "413 close", splits=False),
    case("a chunk beyond the limit and 1 MB of it", "9112 9.6",
         (post(CHUNKED, b"7fffffff\r\n"), b"x" * 1_000_000), "413 close", "waits", house="413 close", splits=False),
    case("a bad chunk and 200 KB behind it", "9112 9.6", post(CHUNKED, chunk(BODY) + b"x" * 200_000), "400 close", "post close",
         house="400 close", splits=False),
    case("200 KB behind close", "9112 9.6", connection(b" close") + b"x" * 200_000, "get close", splits=False),
]
