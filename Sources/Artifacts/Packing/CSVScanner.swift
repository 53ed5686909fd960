// SPDX-License-Identifier: Apache-2.0

/// Walks over comma-separated records (RFC 4180), one after the other, without keeping any.
///
/// Lines end with LF or CR LF; a line without anything on it is passed over; a byte order mark too. A
/// quoted field may hold commas, quotes (written twice) and line ends.
package struct CSVScanner {
    /// One field, as a place in the bytes.
    package struct Field: Sendable, Equatable {
        package var start: Int
        package var end: Int
        package var isQuoted = false
        /// Whether quotes in it are written twice.
        package var hasDoubledQuotes = false

        package var range: Range<Int> { start..<end }
        package var isEmpty: Bool { start == end }
    }

    /// What is wrong, and in which line, from 1.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package var line: Int
        package var problem: String

        package init(line: Int, problem: String) {
            (self.line, self.problem) = (line, problem)
        }

        package var description: String { "line \(line): \(problem)" }
    }

    /// Where the next record starts.
    package private(set) var offset = 0
    /// The line of the record that was read last, from 1.
    package private(set) var line = 0
    /// How many lines of the file lie before `offset`.
    private var passedLines = 0

    package init() {}

    /// Reads the next record.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - fields: replaced by the record's.
    /// - Returns: false at the end of the file.
    /// - Throws: what breaks the form, and in which line.
    package mutating func next(
        in bytes: Span<UInt8>,
        _ fields: inout [Field]
    ) throws(Problem) -> Bool {
        if offset == 0, bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            offset = 3
        }
        fields.removeAll(keepingCapacity: true)
        while offset < bytes.count {
            line = passedLines + 1
            while true {
                fields.append(try field(in: bytes))
                guard offset < bytes.count, bytes[offset] == UInt8(ascii: ",") else { break }
                offset += 1
            }
            endLine(in: bytes)
            if fields.count > 1 || fields[0].isQuoted || !fields[0].isEmpty { return true }
            fields.removeAll(keepingCapacity: true)
        }
        return false
    }

    /// The text of a field; nil where it is no UTF-8.
    package static func text(_ field: Field, in bytes: Span<UInt8>) -> String? {
        var unpacked: [UInt8] = []
        unpacked.reserveCapacity(field.range.count)
        var index = field.start
        while index < field.end {
            unpacked.append(bytes[index])
            index += field.hasDoubledQuotes && bytes[index] == UInt8(ascii: "\"") ? 2 : 1
        }
        return String(validating: unpacked, as: UTF8.self)
    }

    private mutating func field(in bytes: Span<UInt8>) throws(Problem) -> Field {
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
            return try quotedField(in: bytes)
        }
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: ","), UInt8(ascii: "\n"): return Field(start: start, end: offset)
            case UInt8(ascii: "\r") where isLineEnd(offset, in: bytes):
                return Field(start: start, end: offset)
            case UInt8(ascii: "\""):
                throw Problem(
                    line: line,
                    problem: "a quote inside a field that does not start with one"
                )
            default: offset += 1
            }
        }
        return Field(start: start, end: offset)
    }

    private mutating func quotedField(in bytes: Span<UInt8>) throws(Problem) -> Field {
        let firstLine = passedLines + 1
        offset += 1
        var field = Field(start: offset, end: offset, isQuoted: true)
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == UInt8(ascii: "\"") else {
                if byte == UInt8(ascii: "\n") { passedLines += 1 }
                offset += 1
                continue
            }
            if offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\"") {
                field.hasDoubledQuotes = true
                offset += 2
                continue
            }
            field.end = offset
            offset += 1
            guard
                offset == bytes.count || bytes[offset] == UInt8(ascii: ",")
                    || bytes[offset] == UInt8(ascii: "\n") || isLineEnd(offset, in: bytes)
            else {
                throw Problem(line: passedLines + 1, problem: "text behind a closing quote")
            }
            return field
        }
        throw Problem(line: firstLine, problem: "a quoted field does not end")
    }

    /// Whether a CR stands here that belongs to a line's end.
    private func isLineEnd(_ index: Int, in bytes: Span<UInt8>) -> Bool {
        bytes[index] == UInt8(ascii: "\r")
            && (index + 1 == bytes.count || bytes[index + 1] == UInt8(ascii: "\n"))
    }

    private mutating func endLine(in bytes: Span<UInt8>) {
        passedLines += 1
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\r") { offset += 1 }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\n") { offset += 1 }
    }
}
