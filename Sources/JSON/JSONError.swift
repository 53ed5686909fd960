// SPDX-License-Identifier: Apache-2.0

/// Why a text is not the JSON it should be, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// In bytes from the start; the number of bytes where the text ended too soon.
    package let offset: Int
    /// From 1.
    package let line: Int
    /// From 1, in characters (Unicode scalars).
    package let column: Int
    /// One sentence without its end: what was found, what would be right.
    package let problem: String

    package var description: String { "line \(line), column \(column): \(problem)" }

    init(in bytes: Span<UInt8>, at offset: Int, _ problem: String) {
        let end = min(offset, bytes.count)
        var line = 1
        var column = 1
        for index in 0..<end {
            if bytes[index] == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if bytes[index] & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.offset = end
        self.line = line
        self.column = column
        self.problem = problem
    }
}

/// What stands at `offset`, for an error: `'x'`, `the end of the text`, `byte 0xFF`.
func found(in bytes: Span<UInt8>, at offset: Int) -> String {
    guard offset < bytes.count else { return "the end of the text" }
    let byte = bytes[offset]
    switch byte {
    case UInt8(ascii: "/")
    where starts("//", in: bytes, at: offset)
        || starts("/*", in: bytes, at: offset):
        return "a comment, which JSON does not have"
    case 0x21...0x7E: return "'\(Character(Unicode.Scalar(byte)))'"
    case 0x20: return "a space"
    case 0x0A: return "a line end"
    case 0xEF
    where offset + 2 < bytes.count && bytes[offset + 1] == 0xBB
        && bytes[offset + 2] == 0xBF:
        return "a byte order mark"
    default:
        let digits = String(byte, radix: 16, uppercase: true)
        return "byte 0x\(digits.count < 2 ? "0" : "")\(digits)"
    }
}

/// The error for a value that does not start here; names the words that are often taken for JSON.
func valueExpected(in bytes: Span<UInt8>, at offset: Int) -> JSONError {
    for (word, name) in [
        ("NaN", "NaN"), ("nan", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"),
        ("inf", "inf"), ("-inf", "-inf"), ("+Infinity", "Infinity"),
    ] where starts(word, in: bytes, at: offset) {
        return JSONError(in: bytes, at: offset, "\(name) is not JSON; use null or leave it out")
    }
    for (word, right) in [
        ("True", "true"), ("False", "false"), ("None", "null"), ("undefined", "null"),
    ] where starts(word, in: bytes, at: offset) {
        return JSONError(in: bytes, at: offset, "\(word) is not JSON; it is written \(right)")
    }
    let problem = "expected a value, found \(found(in: bytes, at: offset))"
    return JSONError(in: bytes, at: offset, problem)
}

/// Whether the bytes from `offset` on begin with `word`.
func starts(_ word: String, in bytes: Span<UInt8>, at offset: Int) -> Bool {
    var index = offset
    for byte in word.utf8 {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
    }
    return true
}
