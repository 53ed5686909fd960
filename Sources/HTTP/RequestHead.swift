// SPDX-License-Identifier: Apache-2.0
private import Platform

/// What a request says before its body: method, target and header fields.
///
/// The bytes stay as they came; text is made only of what is asked for. A head belongs to the loop
/// that read it and is valid while the handler runs; whoever answers later takes out what it needs.
package final class RequestHead {
    private var bytes: [UInt8] = []
    private(set) var parts = HeadParts()
    /// Whether they are those of a whole head.
    private var isWhole = false
    private var memo = RouteMemo()
    private var connection: Connection?
    /// When the request's first byte was read, in nanoseconds of `MonotonicClock`.
    package var arrival: UInt64 = 0
    /// How the client is called in the certificate that it showed and that was verified; nil where it
    /// showed none.
    package var clientName: String?

    package init() {}

    /// Reads a head from text, for tests and tools.
    package convenience init(parsing text: String) throws(Refusal) {
        self.init()
        arrival = MonotonicClock.nanoseconds()
        let bytes = Array(text.utf8)
        switch parse(bytes.span, from: 0, with: RequestParser(), on: nil) {
        case .complete: return
        case .incomplete: throw .badRequest("the head is not whole")
        case .refused(let refusal): throw refusal
        }
    }

    /// Takes the head that begins at `start`, or leaves this one undefined.
    ///
    /// Clients send the same head again and again, and so do the others of their kind: one that is the
    /// last one byte by byte says the same. It does so by words, not by bytes, so that the time it takes
    /// is no way to guess another client's head piece by piece. `parser` must be that of before.
    func parse(
        _ source: Span<UInt8>,
        from start: Int,
        with parser: RequestParser,
        on connection: Connection?
    ) -> HeadOutcome {
        self.connection = connection
        if isWhole, isPrefix(bytes, of: source.extracting(start..<source.count)) {
            return .complete(end: start + bytes.count)
        }
        let outcome = parser.parse(source, from: start, into: &parts)
        if case .complete(let end) = outcome {
            bytes.removeAll(keepingCapacity: true)
            bytes.append(source.extracting(start..<end))
            isWhole = true
        } else {
            isWhole = false
        }
        return outcome
    }

    package var method: Method { parts.method }

    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    package var minorVersion: Int { parts.minorVersion }

    /// Whether the client lets the connection stay open after the answer.
    package var isKeepAlive: Bool { parts.isKeepAlive }

    /// The target as it came, with query and escapes.
    package var target: String { text(parts.target) }

    /// The path as it came, with escapes and without query; empty for `OPTIONS *`.
    package var path: String { text(parts.path) }

    /// What follows the question mark, as it came.
    package var query: String? { parts.query.map(text) }

    /// The path's segments with escapes resolved; nil where one is not UTF-8.
    package var segments: [String]? {
        let bytes = bytes
        var segments: [String] = []
        for range in segmentRanges(bytes.span, in: parts.path) {
            guard let segment = decodedText(bytes.span, range) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// The parameters of the query in order, with escapes and plus signs resolved.
    ///
    /// One without an equals sign has an empty value.
    package var queryItems: [(name: String, value: String)] {
        guard let query = parts.query else { return [] }
        let bytes = bytes
        return HTTP.queryItems(bytes.span, in: query)
    }

    /// The first value of a parameter of the query.
    package func queryValue(_ name: String) -> String? {
        queryItems.first { $0.name == name }?.value
    }

    /// The value of the first header field with this name, in any case.
    package func header(_ name: StaticString) -> String? {
        guard parts.mayHave(name) else { return nil }
        return parts.place(of: name, in: bytes).map { text(parts.fields[$0].value) }
    }

    /// Lends the value of the first header field with this name; makes no text.
    @inline(__always)
    package func withHeader<Output>(
        _ name: StaticString,
        _ body: (Span<UInt8>) -> Output
    ) -> Output? {
        guard parts.mayHave(name), let place = parts.place(of: name, in: bytes) else { return nil }
        return withBytes(of: parts.fields[place].value, in: bytes, body)
    }

    /// The values of all header fields with this name, in order.
    package func headers(_ name: StaticString) -> [String] {
        let bytes = bytes
        let span = bytes.span
        var values: [String] = []
        for field in parts.fields where span.extracting(field.name).equalsIgnoringCase(name) {
            values.append(text(field.value))
        }
        return values
    }

    /// Whether a header field has this value but for the case; makes no text.
    package func header(_ name: StaticString, is value: StaticString) -> Bool {
        let bytes = bytes
        let span = bytes.span
        for field in parts.fields
        where span.extracting(field.name).equalsIgnoringCase(name)
            && span.extracting(field.value).equalsIgnoringCase(value)
        {
            return true
        }
        return false
    }

    /// All header fields in order.
    package var fields: [(name: String, value: String)] {
        parts.fields.map { (text($0.name), text($0.value)) }
    }

    /// The client's address and port; "unknown" where that cannot be found out any more.
    package var peer: String { connection?.peer?.description ?? "unknown" }

    /// The client's address without the port.
    package var peerHost: String { connection?.peer?.host ?? "unknown" }

    /// The client's address as far as it stands for one customer of a network.
    package var peerNetwork: String { connection?.peerNetwork ?? "unknown" }

    /// The route of the method and the path.
    func findRoute(
        in table: RouteTable
    ) throws(RouteMiss) -> (index: Int, parameters: RouteParameters) {
        let bytes = bytes
        return try memo.find(parts.method, bytes.span.extracting(parts.path), in: table)
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}

/// Whether a text begins with another.
private func isPrefix(_ bytes: borrowing [UInt8], of text: Span<UInt8>) -> Bool {
    bytes.count <= text.count && bytes.span.isSame(as: text.extracting(0..<bytes.count))
}

/// Lends some of the bytes, whose owner a class's property cannot be.
private func withBytes<Output>(
    of range: Range<Int>,
    in bytes: borrowing [UInt8],
    _ body: (Span<UInt8>) -> Output
) -> Output {
    body(bytes.span.extracting(range))
}
