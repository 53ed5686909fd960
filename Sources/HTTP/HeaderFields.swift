// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The header fields of an answer, kept as they stand on the wire, so that writing them is one copy.
package struct HeaderFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// `NAME: VALUE CR LF` for each field.
    package private(set) var lines: [UInt8] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// Begins anew and keeps the memory.
    package mutating func removeAll() { lines.removeAll(keepingCapacity: true) }

    package mutating func append(_ name: String, _ value: String) {
        append(name, value.utf8.span)
    }

    /// Appends a field; a control character in its value, such as a line end, becomes a space, so
    /// that no value can end the line it stands in.
    package mutating func append(_ name: String, _ value: Span<UInt8>) {
        lines.append(name.utf8.span)
        lines.append(Byte.colon)
        lines.append(Byte.space)
        let start = lines.count
        lines.append(value)
        if value.hasControls {
            for index in start..<lines.count where lines[index] < 0x20 || lines[index] == 0x7F {
                lines[index] = Byte.space
            }
        }
        lines.append("\r\n")
    }

    /// Appends whole lines of which the caller knows that their values are visible ASCII.
    ///
    /// - Parameters:
    ///   - byteCount: how long they are at most.
    ///   - write: writes `NAME: VALUE CR LF` for each.
    @inline(__always)
    package mutating func append(
        lines byteCount: Int,
        _ write: (inout OutputSpan<UInt8>) -> Void
    ) {
        lines.append(addingCapacity: byteCount, initializingWith: write)
    }

    package mutating func append(contentsOf other: HeaderFields) {
        lines.append(contentsOf: other.lines)
    }

    /// The value of the first field with this name, in any case.
    package subscript(_ name: String) -> String? {
        pairs.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// All fields in order.
    package var pairs: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for line in lines.split(separator: Byte.lineFeed) {
            guard let colon = line.firstIndex(of: Byte.colon) else { continue }
            let value = line[colon...].dropFirst(2).dropLast()
            pairs.append(
                (
                    String(decoding: line[..<colon], as: UTF8.self),
                    String(decoding: value, as: UTF8.self)
                )
            )
        }
        return pairs
    }
}

extension Span<UInt8> {
    /// Whether a control character of ASCII is among the bytes.
    fileprivate var hasControls: Bool {
        !allWords(filler: Byte.space) { $0.marks(below: 0x20) | $0.marks(of: 0x7F) == 0 }
    }
}
