// SPDX-License-Identifier: Apache-2.0
import JSON

/// What the text of a table's field can be.
enum CellText {
    case empty
    case integer(Int64)
    case real(Double)
    case boolean(Bool)
    /// A word that stands for a missing number: NaN, NA, null… Among texts it is a text.
    case missingWord
    case text

    init(_ range: Range<Int>, in bytes: Span<UInt8>) {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, Self.isBlank(bytes[start]) { start += 1 }
        while start < end, Self.isBlank(bytes[end - 1]) { end -= 1 }
        guard start < end else {
            self = .empty
            return
        }
        if let token = readWholeNumber(in: bytes, start..<end) {
            if token.isInteger, let whole = token.int64 {
                self = .integer(whole)
            } else {
                self = .real(token.double(in: bytes.extracting(start..<end)))
            }
            return
        }
        self = Self.unusual(start..<end, in: bytes)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    private static func unusual(_ range: Range<Int>, in bytes: Span<UInt8>) -> CellText {
        guard range.count <= 40 else { return .text }
        let text = String(decoding: range.map { bytes[$0] }, as: UTF8.self)
        switch text {
        case "true", "True", "TRUE": return .boolean(true)
        case "false", "False", "FALSE": return .boolean(false)
        case "NaN", "nan", "NAN", "NA", "N/A", "<NA>", "null", "NULL", "None": return .missingWord
        case "inf", "Inf", "Infinity", "+inf", "+Infinity": return .real(.infinity)
        case "-inf", "-Inf", "-Infinity": return .real(-.infinity)
        default: break
        }
        // `+1`, `.5`, `5.` and `007` are numbers everywhere but in JSON.
        let isNumber = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0)
        }
        guard isNumber, let value = Double(text) else { return .text }
        let isWhole = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-".utf8.contains($0) }
        if isWhole, let whole = Int64(text) { return .integer(whole) }
        return .real(value)
    }
}
