// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Why a request's method and path name no route.
package enum RouteMiss: Error, Equatable {
    /// No pattern fits the path.
    case notFound
    /// The path is there, the method is not; `allow` is the value of the `Allow` field.
    case methodNotAllowed(allow: String)
    /// `OPTIONS` on a path that is there.
    case options(allow: String)
}

/// The texts that stood where a pattern has names, in the order of the pattern.
package struct RouteParameters: Sendable {
    private let texts: [(name: String, value: String)]

    init(names: [String], values: [String]) { texts = Array(zip(names, values)) }

    package var values: [String] { texts.map(\.value) }

    /// The text at a name of the pattern.
    package subscript(_ name: String) -> String? {
        for text in texts where text.name == name { return text.value }
        return nil
    }
}

/// Finds the route of a request by patterns such as `/v1/models/{model}:predict`.
///
/// A name in braces stands for one segment of the path, or for what is left of the segment beside
/// the text around it; it is never empty. Where several patterns fit, the one that is literal
/// earlier wins, and text around a name beats a name alone. `HEAD` finds the routes of `GET`.
package struct Router<Route> {
    private var table = RouteTable()
    private var routes: [Route] = []

    package init() {}

    /// Adds a route; the same method and pattern twice is a mistake of ours.
    package mutating func add(_ method: Method, _ pattern: String, _ route: Route) {
        table.add(method, pattern, index: routes.count)
        routes.append(route)
    }

    /// The route that a request names, and what stood in its path's places.
    package func find(
        _ request: RequestHead
    ) throws(RouteMiss) -> (route: Route, parameters: RouteParameters) {
        let (index, parameters) = try request.findRoute(in: table)
        return (routes[index], parameters)
    }
}

/// The last route that was found, because most requests of a loop ask for the same path again.
struct RouteMemo {
    private var method = Method.get
    private var path: [UInt8] = []
    /// Whose routes they are.
    private var table: ObjectIdentifier?
    private var index = 0
    private var parameters = RouteParameters(names: [], values: [])

    mutating func find(
        _ method: Method,
        _ path: Span<UInt8>,
        in table: RouteTable
    ) throws(RouteMiss) -> (index: Int, parameters: RouteParameters) {
        if self.table == table.identity, method == self.method, path.isSame(as: self.path.span) {
            return (index, parameters)
        }
        let (index, parameters) = try table.find(method, path)
        self.method = method
        self.path.removeAll(keepingCapacity: true)
        self.path.append(path)
        self.table = table.identity
        self.index = index
        self.parameters = parameters
        return (index, parameters)
    }
}

extension Router: Sendable where Route: Sendable {}

/// The patterns of a router and where their routes are in its list.
struct RouteTable: Sendable {
    /// Nothing but an address that no other table has.
    private final class Identity: Sendable {}

    private enum Segment: Equatable, Sendable {
        case literal(String)
        case parameter(before: String, name: String, after: String)

        /// Lower is more special.
        var rank: Int {
            switch self {
            case .literal: 0
            case .parameter(let before, _, let after): before.isEmpty && after.isEmpty ? 2 : 1
            }
        }

        func isSameShape(_ other: Segment) -> Bool {
            switch (self, other) {
            case (.literal(let one), .literal(let two)): one == two
            case (.parameter(let one, _, let two), .parameter(let three, _, let four)):
                one == three && two == four
            default: false
            }
        }
    }

    private struct Entry: Sendable {
        var segments: [Segment]
        var indices: [Method: Int]
        var allow: String
        var names: [String]
    }

    private var entries: [Entry] = []
    private var owner = Identity()

    /// Tells these patterns from those of another table, or of this one before it changed.
    var identity: ObjectIdentifier { ObjectIdentifier(owner) }

    mutating func add(_ method: Method, _ pattern: String, index: Int) {
        owner = Identity()
        precondition(pattern.hasPrefix("/"), "the pattern \(pattern) does not begin with a slash")
        let segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map(Self.parse)
        let names = segments.compactMap { segment in
            if case .parameter(_, let name, _) = segment { name } else { nil }
        }
        let place = entries.firstIndex { entry in
            entry.segments.count == segments.count
                && zip(entry.segments, segments).allSatisfy { $0.isSameShape($1) }
        }
        if let place {
            precondition(
                entries[place].indices[method] == nil,
                "\(method.name) \(pattern) is there twice"
            )
            precondition(entries[place].names == names, "\(pattern) has other names elsewhere")
            entries[place].indices[method] = index
            entries[place].allow = Self.allow(entries[place].indices)
        } else {
            let indices = [method: index]
            entries.append(
                Entry(
                    segments: segments,
                    indices: indices,
                    allow: Self.allow(indices),
                    names: names
                )
            )
            entries.sort {
                $0.segments.map(\.rank).lexicographicallyPrecedes($1.segments.map(\.rank))
            }
        }
    }

    func find(
        _ method: Method,
        _ path: Span<UInt8>
    ) throws(RouteMiss) -> (index: Int, parameters: RouteParameters) {
        if let plain = withoutNeedlessEscapes(path) { return try find(method, plain.span) }
        let ranges = segmentRanges(path, in: 0..<path.count)
        var values: [Range<Int>] = []
        entries: for entry in entries where entry.segments.count == ranges.count {
            values.removeAll(keepingCapacity: true)
            for (segment, range) in zip(entry.segments, ranges) {
                guard let value = Self.fit(segment, path, range) else { continue entries }
                if case .parameter = segment { values.append(value) }
            }
            var texts: [String] = []
            for value in values {
                guard let text = decodedText(path, value) else { throw .notFound }
                texts.append(text)
            }
            let parameters = RouteParameters(names: entry.names, values: texts)
            if let index = entry.indices[method] { return (index, parameters) }
            if method == .head, let index = entry.indices[.get] { return (index, parameters) }
            if method == .options { throw .options(allow: entry.allow) }
            throw .methodNotAllowed(allow: entry.allow)
        }
        throw .notFound
    }

    /// What of a path's segment a name stands for, an empty range for a literal; nil where it does
    /// not fit.
    private static func fit(
        _ segment: Segment,
        _ path: Span<UInt8>,
        _ range: Range<Int>
    ) -> Range<Int>? {
        switch segment {
        case .literal(let text):
            return path.extracting(range).equals(text) ? range.lowerBound..<range.lowerBound : nil
        case .parameter(let before, _, let after):
            let low = range.lowerBound + before.utf8.count
            let high = range.upperBound - after.utf8.count
            guard low < high, path.extracting(range.lowerBound..<low).equals(before),
                path.extracting(high..<range.upperBound).equals(after)
            else { return nil }
            return low..<high
        }
    }

    private static func parse(_ text: Substring) -> Segment {
        guard let open = text.firstIndex(of: "{") else { return .literal(String(text)) }
        guard let close = text.firstIndex(of: "}"), open < close else {
            preconditionFailure("the pattern segment \(text) has a brace without its other half")
        }
        return .parameter(
            before: String(text[..<open]),
            name: String(text[text.index(after: open)..<close]),
            after: String(text[text.index(after: close)...])
        )
    }

    private static func allow(_ indices: [Method: Int]) -> String {
        Method.allCases.filter {
            indices[$0] != nil || $0 == .options || ($0 == .head && indices[.get] != nil)
        }.map(\.name).joined(separator: ", ")
    }
}
