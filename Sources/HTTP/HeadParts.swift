// SPDX-License-Identifier: Apache-2.0
internal import Platform

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
    private(set) var fields: [Field] = []
    /// A bit for each name that is there, by its length and first letter: most of those that are
    /// asked for are not, and need not be looked for.
    private var names: UInt64 = 0
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
        names = 0
        framing = .none
        contentEncoding = .identity
        isKeepAlive = true
        expectsContinue = false
    }

    /// Takes a field whose name has `first` as its first letter.
    mutating func append(_ field: Field, first: UInt8) {
        fields.append(field)
        names |= Self.mark(field.name.count, first)
    }

    /// Whether a field of the name may be there; false is certain.
    @inline(__always)
    func mayHave(_ name: StaticString) -> Bool {
        name.withBytes { $0.count > 0 && names & Self.mark($0.count, $0[0]) != 0 }
    }

    /// Which of the fields is the first with the name; `bytes` are the head's.
    func place(of name: StaticString, in bytes: borrowing [UInt8]) -> Int? {
        let fields = fields.span
        let bytes = bytes.span
        for index in fields.indices
        where bytes.extracting(fields[index].name).equalsIgnoringCase(name) {
            return index
        }
        return nil
    }

    @inline(__always)
    private static func mark(_ count: Int, _ first: UInt8) -> UInt64 {
        1 << ((UInt64(truncatingIfNeeded: count) &* 7 &+ UInt64(first | 0x20)) & 63)
    }
}
