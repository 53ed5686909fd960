// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON

/// Reads a tensor's `data` list, flat or nested to its shape, into the feature table.
struct DataReader {
    private(set) var scanner: JSONScanner
    private let shape: ClaimedShape
    private let width: Int
    private let feature: Int
    private let total: Int
    private var count = 0
    /// The row of the next element, and how many elements the row has already.
    private var row = 0
    private var rowCount = 0
    private(set) var disagreement = ""

    /// `shape` was checked: its product is that of the table's rows and the feature's width.
    init(scanner: JSONScanner, shape: ClaimedShape, width: Int, feature: Int) {
        self.scanner = scanner
        self.shape = shape
        self.width = width
        self.feature = feature
        total = (0..<shape.rank).reduce(1) { $0 * shape[$1] }
    }

    /// - Returns: false where the data has not the number of elements that the shape says.
    mutating func read(_ json: Span<UInt8>, into table: inout FeatureTable) throws -> Bool {
        guard try readLevel(0, json, &table) else { return false }
        if count != total { disagreement = "\(count) elements" }
        return count == total
    }

    private mutating func advance() {
        count += 1
        rowCount += 1
        if rowCount == width { (row, rowCount) = (row + 1, 0) }
    }

    private mutating func readLevel(
        _ level: Int,
        _ json: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> Bool {
        try scanner.enterArray(in: json)
        let first = row
        if width == 1 { row = table.takeElements(of: feature, from: row, &scanner, in: json) }
        var elements = row - first
        count += elements
        var isNested = false
        while try scanner.nextElement(in: json) {
            elements += 1
            if !isNested, count < total {
                if let number = try scanner.takeNumber(in: json) {
                    table.setNumber(number, in: json, feature: feature, row: row)
                    advance()
                    continue
                }
                if let text = try scanner.takeString(in: json) {
                    table.setText(text, in: json, feature: feature, row: row)
                    advance()
                    continue
                }
            }
            let kind = try scanner.peekKind(in: json)
            if elements == 1 { isNested = kind == .array && level + 1 < shape.rank }
            guard isNested else {
                guard count < total else {
                    disagreement = "more than \(total) elements"
                    return false
                }
                try scanner.decodeScalar(feature, row: row, json, into: &table)
                advance()
                continue
            }
            guard kind == .array else {
                disagreement = "lists and single values side by side"
                return false
            }
            guard try readLevel(level + 1, json, &table) else { return false }
        }
        let expected = level == 0 && !isNested ? total : shape[level]
        if elements != expected { disagreement = "\(elements) elements at depth \(level + 1)" }
        return elements == expected
    }
}

extension JSONScanner {
    /// Reads one element, which must not be a list, whatever the feature is.
    fileprivate mutating func decodeScalar(
        _ feature: Int,
        row: Int,
        _ json: Span<UInt8>,
        into table: inout FeatureTable
    ) throws {
        if try peekKind(in: json) == .array {
            try skipValue(in: json)
            table.setWrongType(feature: feature, row: row, found: "an array", value: nil)
        } else {
            try decodeValue(feature, row: row, json, into: &table)
        }
    }
}
