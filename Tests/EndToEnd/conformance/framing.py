# SPDX-License-Identifier: Apache-2.0
"""Where a request ends: Content-Length, Transfer-Encoding, and both (RFC 9112 section 6).

Whatever two readers could understand differently carries a request in its body's place, so that a smuggled one shows
as an answer too many.
"""

from .case import BODY, CHUNKED, HALF_CLOSE, HOST, LENGTH, PAUSE, SMUGGLED, case, chunk, get, post

BAD = "400 close"
# A server may answer from the head alone, and must then close where it cannot tell the end.
EARLY = ("400 close", "post close")
COUNT = b"%d" % len(BODY)
CHUNKS = chunk(BODY) + b"0\r\n\r\n"


def length(value, body=BODY):
    return post(b"Content-Length:" + value + b"\r\n", body)


def coded(value, body=CHUNKS):
    return post(b"Transfer-Encoding:" + value + b"\r\n", body)


def encoded(name, value=b" chunked", more=b""):
    """The name is not quite Transfer-Encoding; without it the body has the length given."""
    return post(LENGTH + name + b":" + value + b"\r\n" + more)


CASES = [
    case("Content-Length: 0", "9112 6.2", get(b"Content-Length: 0\r\n"), "get keep"),
    case("leading zeros", "9110 8.6", length(b" 000" + COUNT), "post keep"),
    case("many leading zeros", "9110 8.6", length(b" " + b"0" * 40 + COUNT), "post keep", "400|413 close", house="post keep"),
    case("spaces and tabs around the number", "9112 5.1", length(b" \t" + COUNT + b"\t "), "post keep"),
    case("a plus sign", "9110 8.6", length(b" +" + COUNT), *EARLY[:1]),
    case("a minus sign", "9110 8.6", length(b" -" + COUNT), BAD),
    case("minus zero", "9110 8.6", length(b" -0", b""), BAD),
    case("hexadecimal", "9110 8.6", length(b" 0x7c"), BAD),
    case("a letter behind the number", "9110 8.6", length(b" " + COUNT + b"a"), BAD),
    case("a fraction", "9110 8.6", length(b" " + COUNT + b".0"), BAD),
    case("an exponent", "9110 8.6", length(b" 1e2"), BAD),
    case("a space within the number", "9110 8.6", length(b" 1 2"), BAD),
    case("an underscore within the number", "9110 8.6", length(b" 1_2"), BAD),
    case("quotes around the number", "9110 8.6", length(b' "' + COUNT + b'"'), BAD),
    case("a number in another script", "9110 8.6", length(" ١٢".encode()), BAD),
    case("an empty length", "9112 6.3", length(b""), BAD),
    case("an empty length behind spaces", "9112 6.3", length(b"   "), BAD),
    case("a NUL behind the number", "9110 5.5", length(b" " + COUNT + b"\0"), BAD),
    case("a vertical tab before the number", "9110 5.5", length(b" \x0b" + COUNT), BAD),
    case("a list of one number twice", "9112 6.3", length(b" " + COUNT + b", " + COUNT), "post keep", BAD, house=BAD),
    case("one number in two fields", "9110 8.6", post(LENGTH + LENGTH), "post keep", BAD, house=BAD),
    case("one number in two forms", "9112 6.3", post(LENGTH + b"Content-Length: 0" + COUNT + b"\r\n"), "post keep", BAD,
         house=BAD),
    case("a list of two numbers", "9112 6.3", length(b" " + COUNT + b", 5"), BAD),
    case("two numbers in two fields", "9112 6.3", post(LENGTH + b"Content-Length: 5\r\n"), BAD),
    case("two numbers, the first of them 0", "9112 6.3", post(b"Content-Length: 0\r\n" + b"Content-Length: %d\r\n"
         % len(SMUGGLED), SMUGGLED), BAD),
    case("a number and an empty field", "9112 6.3", post(LENGTH + b"Content-Length:\r\n"), BAD),
    case("a list that ends with a comma", "9112 6.3", length(b" " + COUNT + b","), "post keep", BAD, house=BAD),
    case("2^64 and more", "9110 8.6", length(b" 18446744073709551625"), "400|413 close", house="413 close"),
    case("2^63", "9110 8.6", length(b" 9223372036854775808"), "400|413 close", house="413 close"),
    case("a hundred digits", "9110 8.6", length(b" " + b"9" * 100), "400|413 close", house="413 close"),
    case("a name that is not Content-Length", "9110 5.1", get(b"Content_Length: 5\r\nContentLength: 5\r\n"), "get keep"),
    case("a space in Content-Length's name", "9112 5.1", post(b"Content-Length : %d\r\n" % len(SMUGGLED), SMUGGLED), "400",
         house=BAD),
    case("no length and no body", "9112 6.3", post(b"", b""), "4xx keep", "post keep", "411", house="400 keep"),
    case("no length but bytes", "9112 6.3", post(b"", b"GARBAGE\r\n\r\n"), "4xx 400 close", "post 400 close", "411 close",
         house="400 400 close"),
    # An incomplete body is no request (6.3, 8).
    case("a body that is not there yet", "9112 6.3", post()[:-20], "waits"),
    case("a body cut by a half-close", "9112 8", (post()[:-20], HALF_CLOSE), "400|408 close", "close"),
    case("chunks cut by a half-close", "9112 8", (post(CHUNKED, CHUNKS[:-2]), HALF_CLOSE), "400|408 close", "close"),
    case("a head cut by a half-close", "9112 8", (get()[:-10], HALF_CLOSE), "400|408 close", "close"),
    case("a body in three pieces", "9112 6.3", (post()[:-60], PAUSE, BODY[-60:-9], PAUSE, BODY[-9:]), "post keep"),
    case("a head in three pieces", "9112 2.1", (b"GET ", PAUSE, get()[4:-1], PAUSE, b"\n"), "get keep"),
    # Both: Transfer-Encoding wins and the connection ends, or it is refused.
    case("a length and chunks", "9112 6.1", post(LENGTH + CHUNKED, CHUNKS), *EARLY, house=BAD),
    case("chunks and a length", "9112 6.1", post(CHUNKED + LENGTH, CHUNKS), *EARLY, house=BAD),
    case("a length that would hide a request behind chunks", "9112 6.1",
         post(CHUNKED + b"Content-Length: %d\r\n" % (5 + len(SMUGGLED)), b"0\r\n\r\n" + SMUGGLED), "4xx close", "post close",
         house=BAD),
    case("chunks that would hide a request behind a length", "9112 6.1",
         post(b"Content-Length: 4\r\n" + CHUNKED, chunk(SMUGGLED) + b"0\r\n\r\n"), BAD, "post close", house=BAD),
    case("a length of 0 and chunks", "9112 6.1", post(b"Content-Length: 0\r\n" + CHUNKED, CHUNKS), *EARLY, house=BAD),
    case("a bad length and chunks", "9112 6.3", post(b"Content-Length: x\r\n" + CHUNKED, CHUNKS), *EARLY, house=BAD),
    case("GET with a length and chunks", "9112 6.1", get(b"Content-Length: 5\r\n" + CHUNKED) + b"0\r\n\r\n", BAD, "get close",
         house=BAD),
    # Transfer-Encoding: what is not chunked last is 400 and the end, what is not known SHOULD be 501.
    case("chunked in capitals", "9112 7", coded(b" CHUNKED"), "post keep"),
    case("chunked behind a tab", "9112 5.1", coded(b"\tchunked\t"), "post keep"),
    case("chunked without a space", "9112 5", coded(b"chunked"), "post keep"),
    case("an empty element and chunked", "9110 5.6.1", coded(b" , chunked"), "post keep", "400|501 close", house="post keep"),
    case("gzip", "9112 6.3", coded(b" gzip"), "400|501 close", house="501 close"),
    case("identity", "9112 6.3", coded(b" identity"), "400|501 close", house="501 close"),
    case("something unknown", "9112 6.1", coded(b" foo"), "400|501 close", house="501 close"),
    case("gzip, chunked", "9112 6.1", coded(b" gzip, chunked"), "400|501 close", house="501 close"),
    case("chunked, gzip", "9112 6.3", coded(b" chunked, gzip"), "400|501 close", house=BAD),
    case("chunked, identity", "9112 6.3", coded(b" chunked, identity"), "400|501 close", house=BAD),
    case("chunked, chunked", "9112 6.1", coded(b" chunked, chunked"), "400|501 close", house=BAD),
    case("chunked twice in two fields", "9112 6.1", post(CHUNKED + CHUNKED, CHUNKS), "400|501 close", house=BAD),
    case("chunked in one field, gzip in another", "9112 6.3", post(CHUNKED + b"Transfer-Encoding: gzip\r\n", CHUNKS),
         "400|501 close", house=BAD),
    case("identity in one field, chunked in another", "9112 6.1", post(b"Transfer-Encoding: identity\r\n" + CHUNKED, CHUNKS),
         "400|501 close", "post keep", house="501 close"),
    case("chunked with a parameter", "9112 7.1", coded(b" chunked;a=b"), "400|501 close", "post keep", house="501 close"),
    case("chunked in quotes", "9112 7", coded(b' "chunked"'), "400|501 close", house="501 close"),
    case("xchunked", "9112 7", coded(b" xchunked"), "400|501 close", house="501 close"),
    case("chunkedx", "9112 7", coded(b" chunkedx"), "400|501 close", house="501 close"),
    case("chunked and a space and more", "9112 7", coded(b" chunked x"), "400|501 close", house="501 close"),
    case("chunked behind a vertical tab", "9110 5.5", coded(b" \x0bchunked"), "400|501 close", house=BAD),
    case("chunked before a NUL", "9110 5.5", coded(b" chunked\0"), BAD),
    case("chunked in a folded line", "9112 5.2", post(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS), BAD, "post keep",
         house=BAD),
    case("an empty Transfer-Encoding", "9112 6.3", coded(b""), "400|501 close", house=BAD),
    case("an empty Transfer-Encoding and a length", "9112 6.1", encoded(b"Transfer-Encoding", b""), "400|501 close", "post close",
         house=BAD),
    case("chunked in HTTP/1.0", "9112 6.1", post(CHUNKED, CHUNKS, b"HTTP/1.0"), "4xx close", "501 close", "post close", house=BAD),
    case("chunked in HTTP/1.0 that wants to stay", "9112 6.1",
         post(CHUNKED + b"Connection: keep-alive\r\n", CHUNKS, b"HTTP/1.0"), "4xx close", "501 close", "post close", house=BAD),
    case("chunked and a length in HTTP/1.0", "9112 6.1", post(CHUNKED + LENGTH, BODY, b"HTTP/1.0"), "4xx close", "501 close",
         "post close", house=BAD),
    # Names that are not quite Transfer-Encoding: MUST be 400, or another field and so nothing.
    case("a space behind Transfer-Encoding", "9112 5.1", encoded(b"Transfer-Encoding "), "400", house=BAD),
    case("a tab behind Transfer-Encoding", "9112 5.1", encoded(b"Transfer-Encoding\t"), "400", house=BAD),
    case("a space before Transfer-Encoding", "9112 5.2", encoded(b" Transfer-Encoding"), *EARLY, "post keep", house=BAD),
    case("a NUL in Transfer-Encoding", "9110 5.1", encoded(b"Transfer\0-Encoding"), BAD),
    case("a vertical tab behind Transfer-Encoding", "9110 5.1", encoded(b"Transfer-Encoding\x0b"), BAD, "post keep", house=BAD),
    case("an underscore in Transfer_Encoding", "9110 5.1", encoded(b"Transfer_Encoding"), "post keep", BAD, house="post keep"),
    case("another name with Transfer-Encoding in it", "9110 5.1", encoded(b"X-Transfer-Encoding"), "post keep"),
    case("Transfer-Encoding behind a bare LF", "9112 2.2", post(LENGTH + b"X: a\nTransfer-Encoding: chunked\r\n", CHUNKS), *EARLY,
         house=BAD),
    case("Transfer-Encoding behind a bare CR", "9112 2.2", post(LENGTH + b"X: a\rTransfer-Encoding: chunked\r\n"), BAD,
         "post keep", house=BAD),
    case("a second Host behind a body", "9112 6.3", post(LENGTH, BODY + b"POST {post} HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
         "post 400 close", "post 400 keep", house="post 400 close"),
]
