// SPDX-License-Identifier: Apache-2.0

/// Why a request gets an answer from the protocol itself, without reaching a handler.
package struct Refusal: Error, Equatable, Sendable {
    package var status: Int
    /// A word for machines, such as `bad_framing`.
    package var code: String
    /// A sentence for people.
    package var sentence: String

    init(_ status: Int, _ code: String, _ sentence: String) {
        self.status = status
        self.code = code
        self.sentence = sentence
    }

    static func badRequest(_ sentence: String) -> Refusal { Refusal(400, "bad_request", sentence) }
    static func badFraming(_ sentence: String) -> Refusal { Refusal(400, "bad_framing", sentence) }

    static var bareLineEnd: Refusal {
        .badRequest("a line of the request's head must end with CR LF, both of them")
    }
    static var controlByte: Refusal {
        .badRequest("the request's head holds a control character")
    }
    static var badRequestLine: Refusal {
        .badRequest("the request line must be METHOD SP TARGET SP HTTP/1.1")
    }
    static var badTarget: Refusal {
        .badRequest("the request target is not a path with well-formed percent escapes")
    }
    static var unknownMethod: Refusal {
        Refusal(501, "unknown_method", "the method is not one of \(Method.all)")
    }
    static var unsupportedVersion: Refusal {
        Refusal(505, "unsupported_version", "only HTTP/1.1 and HTTP/1.0 are spoken here")
    }
    static var badHeaderName: Refusal {
        .badRequest("a header line must be NAME: VALUE without a space before the colon")
    }
    static var foldedHeader: Refusal {
        .badRequest("a header line must not begin with a space or tab (obsolete folding)")
    }
    static var badHost: Refusal {
        .badRequest("there must be exactly one Host header, and it must be HOST or HOST:PORT")
    }
    static func repeatedHeader(_ name: StaticString) -> Refusal {
        .badRequest("the header \(name) must come once only")
    }
    static var badContentLength: Refusal {
        .badFraming("Content-Length must be one decimal number, given once")
    }
    static var lengthAndEncoding: Refusal {
        .badFraming("Content-Length and Transfer-Encoding must not come together")
    }
    static var badTransferEncoding: Refusal {
        .badFraming("Transfer-Encoding must end with chunked, once, and needs HTTP/1.1")
    }
    static var unknownTransferEncoding: Refusal {
        Refusal(501, "unknown_transfer_encoding", "the only transfer encoding known is chunked")
    }
    static var badChunk: Refusal {
        .badFraming("the chunked body is not well-formed")
    }
    static var chunkOverhead: Refusal {
        .badFraming("the chunk extensions are longer than allowed")
    }
    static func targetTooLong(limit: Int) -> Refusal {
        Refusal(414, "target_too_long", "the request target is longer than \(limit) bytes")
    }
    static func headTooLong(limit: Int) -> Refusal {
        Refusal(431, "head_too_long", "the request's head is longer than \(limit) bytes")
    }
    static func tooManyHeaders(limit: Int) -> Refusal {
        Refusal(431, "too_many_headers", "the request has more than \(limit) header lines")
    }
    static func bodyTooLong(limit: Int) -> Refusal {
        Refusal(413, "body_too_long", "the request's body is longer than \(limit) bytes")
    }
    static func unknownExpectation() -> Refusal {
        Refusal(417, "unknown_expectation", "the only expectation known is 100-continue")
    }
    static func unknownContentEncoding() -> Refusal {
        Refusal(
            415,
            "unknown_content_encoding",
            "the content encodings known are gzip, deflate and identity"
        )
    }
    static func badCompression() -> Refusal {
        Refusal(400, "bad_compression", "the body is not what its Content-Encoding says")
    }
    static func unpackedRatio(limit: Int) -> Refusal {
        Refusal(
            413,
            "unpacked_ratio",
            "the request's body unpacks to more than \(limit) times what came of it"
        )
    }
    static func timeout(_ part: String) -> Refusal {
        Refusal(408, "request_timeout", "the request's \(part) did not arrive in time")
    }
    static var plainOnTLSPort: Refusal {
        Refusal(
            400,
            "tls_required",
            "this port speaks TLS and the request came without; use https://"
        )
    }
    static var tooManyConnections: Refusal {
        Refusal(503, "too_many_connections", "the server has as many connections as it may have")
    }
    static var bufferMemory: Refusal {
        Refusal(503, "buffer_memory", "the memory set aside for requests is used up")
    }
    static var unanswered: Refusal {
        Refusal(503, "unanswered", "the request was not answered in time")
    }
}
