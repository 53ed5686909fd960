// SPDX-License-Identifier: Apache-2.0
import JSON

/// Reads rows that are JSON objects, one a line or as one list, by column.
///
/// One row is parsed at a time; what a row does not have is missing. A list of numbers is a tensor.
struct JSONRowsReader {
    let file: String
    let options: DataOptions

    private var rowCount = 0
    private var columns: [JSONColumn] = []
    private var places: [String: Int] = [:]
    private var ignored: Set<String> = []

    init(file: String, options: DataOptions) {
        (self.file, self.options) = (file, options)
    }

    mutating func read(_ bytes: Span<UInt8>) throws(ArtifactError) -> DataTable {
        let start = Self.afterBlanks(0, in: bytes)
        guard start < bytes.count else { throw ArtifactError(file, found: "nothing in it") }
        if bytes[start] == UInt8(ascii: "[") {
            try readList(bytes, from: start + 1)
        } else {
            try readLines(bytes)
        }
        guard rowCount > 0 else { throw ArtifactError(file, found: "no rows") }
        for index in columns.indices { columns[index].fill(to: rowCount) }
        var table = DataTable(
            file: file,
            rowCount: rowCount,
            columns: columns.map(\.column),
            firstLine: bytes[start] == UInt8(ascii: "[") ? nil : 1
        )
        table.ignored = Array(ignored)
        return table
    }

    private mutating func readLines(_ bytes: Span<UInt8>) throws(ArtifactError) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            if Self.afterBlanks(start, in: bytes) < end { try add(start..<end, in: bytes) }
            start = end + 1
        }
    }

    /// The elements of a list, cut out by their brackets and quotes alone.
    private mutating func readList(_ bytes: Span<UInt8>, from first: Int) throws(ArtifactError) {
        var start = Self.afterBlanks(first, in: bytes)
        if start < bytes.count, bytes[start] == UInt8(ascii: "]") { return }
        var depth = 0
        var isQuoted = false
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if isQuoted {
                if byte == UInt8(ascii: "\\") { index += 1 }
                if byte == UInt8(ascii: "\"") { isQuoted = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isQuoted = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "]") where depth == 0:
                    try add(start..<index, in: bytes)
                    guard Self.afterBlanks(index + 1, in: bytes) == bytes.count else {
                        throw ArtifactError(
                            file,
                            "byte \(index + 1)",
                            found: "more behind the list"
                        )
                    }
                    return
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: ",") where depth == 0:
                    try add(start..<index, in: bytes)
                    start = index + 1
                default: break
                }
            }
            index += 1
        }
        throw ArtifactError(file, "byte \(bytes.count)", found: "the list does not end")
    }

    private mutating func add(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ArtifactError) {
        let row = rowCount
        let value: JSONValue
        do throws(JSONError) {
            value = try parseJSON(range.map { bytes[$0] }, maximumDepth: 16)
        } catch {
            throw ArtifactError(file, "row \(row), byte \(error.offset)", found: error.problem)
        }
        guard let members = value.asObject else {
            throw ArtifactError(
                file,
                "row \(row)",
                found: value.kindName,
                expected: "an object with a value for each column"
            )
        }
        for member in members {
            if options.ignored.contains(member.name) {
                ignored.insert(member.name)
                continue
            }
            let place: Int
            if let known = places[member.name] {
                place = known
            } else {
                place = columns.count
                places[member.name] = place
                columns.append(
                    JSONColumn(member.name, isText: options.texts.contains(member.name))
                )
            }
            guard columns[place].name.isSame(as: member.name) else {
                throw ArtifactError(
                    file,
                    "row \(row), column '\(member.name)'",
                    found: "a name that another row writes in another Unicode form",
                    expected: "each name always in the same bytes",
                    remedy: "write names in one form, such as NFC"
                )
            }
            columns[place].fill(to: row)
            do throws(JSONColumn.Problem) {
                try columns[place].append(member.value)
            } catch {
                throw ArtifactError(
                    file,
                    "row \(row), column '\(member.name)'",
                    found: error.found,
                    expected: error.expected
                )
            }
        }
        rowCount += 1
        guard rowCount <= options.valueLimit / max(columns.count, 1) else {
            throw ArtifactError(
                file,
                found: "more than \(rowCount - 1) rows of \(columns.count) columns",
                expected: "at most \(options.valueLimit) values",
                remedy: "give a sample of the rows"
            )
        }
        if rowCount & 0x3FFF == 0 { options.progress?(range.upperBound, bytes.count) }
    }

    private static func afterBlanks(_ start: Int, in bytes: Span<UInt8>) -> Int {
        var index = start
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
        return index
    }
}
