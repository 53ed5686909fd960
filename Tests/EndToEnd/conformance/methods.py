# SPDX-License-Identifier: Apache-2.0
"""Methods, and which answers have a body (RFC 9110 sections 9 and 15)."""

from .case import BODY, CHUNKED, LENGTH, SMUGGLED, case, chunk, get, post

BAD = "400 close"


def ask(method, fields=b"", target=b"{target}", body=b""):
    return get(fields, target, method=method) + body


CASES = [
    case("HEAD", "9110 9.3.2", ask(b"HEAD"), "get keep", heads=(0,), needs=("same length",)),
    case("HEAD on a resource that is not there", "9110 9.3.2", ask(b"HEAD", target=b"/no/such/thing"), "get keep", "404 keep",
         "404 close", heads=(0,)),
    case("HEAD on a resource without GET", "9110 9.3.2", ask(b"HEAD", target=b"{post}"), "2xx keep", "post keep", "404|405 keep",
         heads=(0,)),
    case("HEAD between two GETs", "9110 9.3.2", get() + ask(b"HEAD") + get(), "get get get keep", heads=(1,)),
    case("HEAD that is refused for its Host", "9110 9.3.2", get(method=b"HEAD", host=b""), "400", heads=(0,)),
    case("HEAD that is refused for a field", "9110 9.3.2", ask(b"HEAD", b"X\0: a\r\n"), BAD, heads=(0,)),
    case("HEAD that is refused for its length", "9110 9.3.2", ask(b"HEAD", b"Content-Length: x\r\n"), BAD, heads=(0,)),
    case("HEAD with a head that is too long", "9110 9.3.2", ask(b"HEAD", b"X: %s\r\n" % (b"a" * 60_000)), "400|431 close",
         heads=(0,), splits=False),
    case("HEAD with a target that is too long", "9110 9.3.2", ask(b"HEAD", target=b"/" + b"a" * 60_000), "400|414 close",
         heads=(0,), splits=False),
    case("HEAD in HTTP/1.0", "9110 9.3.2", get(method=b"HEAD", version=b"HTTP/1.0"), "get close", heads=(0,)),
    case("HEAD with a body", "9110 9.3.2", ask(b"HEAD", LENGTH, body=BODY), "get keep", "400 close", heads=(0,), house="get keep"),
    case("GET with a body", "9110 9.3.1", ask(b"GET", LENGTH, body=BODY), "get keep", "400 close", house="get keep"),
    case("GET with a body that looks like a request", "9110 9.3.1",
         ask(b"GET", b"Content-Length: %d\r\n" % len(SMUGGLED), body=SMUGGLED), "get keep", "400 close", house="get keep"),
    case("GET with a chunked body", "9110 9.3.1", ask(b"GET", CHUNKED, body=chunk(BODY) + b"0\r\n\r\n"), "get keep",
         "400 close", house="get keep"),
    case("GET with a chunked body that looks like a request", "9110 9.3.1",
         ask(b"GET", CHUNKED, body=chunk(SMUGGLED) + b"0\r\n\r\n"), "get keep", "400 close", house="get keep"),
    case("DELETE with a body", "9110 9.3.5", ask(b"DELETE", LENGTH, body=BODY), "2xx keep", "400|404|405 keep",
         "400|404|405 close", house="405 keep"),
    case("a method that is not here", "9110 15.5.6", ask(b"DELETE"), "2xx keep", "405 keep", "405 close", house="405 keep"),
    case("PUT where it is not here, with a body", "9110 15.5.6", ask(b"PUT", LENGTH, body=BODY), "2xx keep", "405 keep",
         "405 close", house="405 keep"),
    case("POST where it is not here, with chunks", "9110 15.5.6", ask(b"POST", CHUNKED, body=chunk(BODY) + b"0\r\n\r\n"),
         "2xx keep", "405 keep", "405 close", house="405 keep"),
    case("PATCH where it is not here", "5789 2.2", ask(b"PATCH", LENGTH, body=BODY), "2xx keep", "405|501", house="405 keep"),
    case("GET where only POST is", "9110 15.5.6", ask(b"GET", target=b"{post}"), "2xx keep", "404|405 keep", house="405 keep"),
    case("a 405 and a GET behind it", "9110 15.5.6", ask(b"DELETE") + get(), "405 get keep", "405 close", "2xx get keep",
         house="405 get keep"),
    case("a 404 and a GET behind it", "9110 15.5.5", ask(b"GET", target=b"/no/such/thing") + get(), "404 get keep", "404 close",
         "get get keep", house="404 get keep"),
    # 9.1: unknown methods SHOULD be 501.
    case("a method that nobody knows", "9110 9.1", ask(b"BREW"), "2xx keep", "400|405|501", house="501 close"),
    case("a method that nobody knows, with a body", "9110 9.1", ask(b"BREW", LENGTH, body=BODY), "2xx keep", "400|405|501",
         house="501 close"),
    case("a method that looks like another", "9110 9.1", ask(b"GETS"), "2xx keep", "400|405|501", house="501 close"),
    case("a method with every sign that it may have", "9110 9.1", ask(b"!#$%&'*+-.^_`|~"), "2xx keep", "400|405|501",
         house="501 close"),
    case("get in lower case", "9110 9.1", ask(b"get"), "400|405|501", house="501 close"),
    case("Get with a capital", "9110 9.1", ask(b"Get"), "400|405|501", house="501 close"),
    case("TRACE", "9110 9.3.8", ask(b"TRACE"), "2xx", "400|403|405|501", house="405"),
    case("OPTIONS", "9110 9.3.7", ask(b"OPTIONS"), "2xx keep", "405|501", house="204 keep"),
    case("OPTIONS with a body", "9110 9.3.7", ask(b"OPTIONS", LENGTH, body=BODY), "2xx keep", "405|501", house="204 keep"),
    case("OPTIONS *", "9110 9.3.7", ask(b"OPTIONS", target=b"*"), "2xx keep", "405|501", house="204 keep", needs=("allow",)),
    case("OPTIONS * with a body", "9112 3.2.4", ask(b"OPTIONS", LENGTH, b"*", BODY), "2xx keep", "405|501", house="204 keep"),
    case("OPTIONS in absolute form without a path", "9112 3.2.4", ask(b"OPTIONS", target=b"http://localhost"), "2xx keep",
         "404|405|501", house="204 keep"),
    case("OPTIONS and a GET behind it", "9110 15.3.5", ask(b"OPTIONS") + get(), "2xx get keep", "405|501 get keep",
         "405|501 close", house="204 get keep"),
    # What asks for another form of the answer may be passed over.
    case("If-None-Match: *", "9110 13.1.2", get(b"If-None-Match: *\r\n"), "get keep", "304 keep"),
    case("If-Modified-Since", "9110 13.1.3", get(b"If-Modified-Since: Sat, 29 Oct 2050 19:43:31 GMT\r\n"), "get keep", "304 keep"),
    case("If-Match that does not hold", "9110 13.1.1", get(b'If-Match: "no"\r\n'), "get keep", "412"),
    case("Range", "9110 14.2", get(b"Range: bytes=0-1\r\n"), "get keep", "206 keep"),
    case("a Range that cannot be", "9110 14.2", get(b"Range: bytes=9-1\r\n"), "get keep", "400|416 keep"),
    case("Accept that nothing fits", "9110 12.5.1", get(b"Accept: image/x-none\r\n"), "get keep", "406 keep"),
    case("Accept-Encoding: identity;q=0", "9110 12.5.3", get(b"Accept-Encoding: identity;q=0\r\n"), "get keep", "406|415 keep"),
    case("TE: trailers", "9110 10.1.4", get(b"TE: trailers\r\nConnection: TE\r\n"), "get keep"),
    case("TE in HTTP/1.0", "9112 7.4", get(b"TE: chunked, trailers\r\n", version=b"HTTP/1.0"), "get close"),
    case("Max-Forwards: 0 on GET", "9110 7.6.2", get(b"Max-Forwards: 0\r\n"), "get keep"),
    case("Upgrade to something unknown", "9110 7.8", get(b"Connection: Upgrade\r\nUpgrade: foo/2\r\n"), "get keep"),
    case("Upgrade: h2c", "9110 7.8",
         get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), "get keep"),
    case("Upgrade: websocket", "6455 4.2.1", get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "get keep", "400|403|426"),
    case("Upgrade on a POST", "9110 7.8", post(b"Connection: Upgrade\r\nUpgrade: foo/2\r\n" + LENGTH), "post keep"),
]
