// SPDX-License-Identifier: Apache-2.0

/// How the body of a request is delimited (RFC 9112 section 6).
package enum BodyFraming: Equatable, Sendable {
    case none
    case fixed(Int)
    case chunked
}

/// How the body's content is compressed (RFC 9110 section 8.4).
package enum ContentEncoding: Equatable, Sendable {
    case identity, gzip, deflate, unknown
}

/// Where the parts of a request's head stand, in bytes from its first.
struct HeadParts {
    /// One header line.
    struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    var method = Method.get
    var target = 0..<0
    /// The target without query, scheme and authority; empty for `*`.
    var path = 0..<0
    var query: Range<Int>?
    var minorVersion = 1
    var fields: [Field] = []
    var framing = BodyFraming.none
    var contentEncoding = ContentEncoding.identity
    var isKeepAlive = true
    var expectsContinue = false

    mutating func reset() {
        method = .get
        target = 0..<0
        path = 0..<0
        query = nil
        minorVersion = 1
        fields.removeAll(keepingCapacity: true)
        framing = .none
        contentEncoding = .identity
        isKeepAlive = true
        expectsContinue = false
    }
}
