// SPDX-License-Identifier: Apache-2.0
import Platform

/// Reads a string (RFC 8259, section 7), checks its escapes and its UTF-8.
///
/// An escape for half of a surrogate pair is refused, since no UTF-8 text has it.
///
/// - Parameters:
///   - bytes: the whole text; nothing in it is trusted.
///   - offset: where the opening quote stands; moved behind the closing one, or left on failure.
///   - dialect: whether `\'` is an escape.
/// - Returns: where the string lies.
/// - Throws: `JSONError` at the byte that does not fit.
func readText(
    in bytes: Span<UInt8>,
    at offset: inout Int,
    dialect: JSONDialect = .strict
) throws(JSONError) -> JSONText {
    let quote = bytes[offset]
    var index = offset + 1
    var hasEscapes = false
    while index < bytes.count {
        if index + 8 <= bytes.count {
            let word = bytes.word(at: index)
            let special =
                word.marks(of: quote) | word.marks(of: UInt8(ascii: "\\")) | word.marks(below: 0x20)
                | word.marksBeyondASCII
            index += special == 0 ? 8 : special.unmarkedCount
            if special == 0 { continue }
        }
        let byte = bytes[index]
        if byte == quote {
            let text = JSONText(start: offset + 1, end: index, hasEscapes: hasEscapes)
            offset = index + 1
            return text
        }
        if byte == UInt8(ascii: "\\") {
            hasEscapes = true
            try skipEscape(in: bytes, at: &index, dialect: dialect)
        } else if byte >= 0x80 {
            try skipScalar(in: bytes, at: &index)
        } else if byte >= 0x20 {
            index += 1
        } else {
            let problem = "a control character in a string must be escaped"
            throw JSONError(in: bytes, at: index, problem)
        }
    }
    throw JSONError(in: bytes, at: bytes.count, "a string is not closed before the text ends")
}

private func skipEscape(
    in bytes: Span<UInt8>,
    at index: inout Int,
    dialect: JSONDialect
) throws(JSONError) {
    guard index + 1 < bytes.count else {
        throw JSONError(in: bytes, at: bytes.count, "a string is not closed before the text ends")
    }
    switch bytes[index + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
        UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        index += 2
    case UInt8(ascii: "'") where dialect == .json5:
        index += 2
    case UInt8(ascii: "u"):
        try skipUnicodeEscape(in: bytes, at: &index)
    default:
        let problem = "unknown escape: \(found(in: bytes, at: index + 1)) after '\\'"
        throw JSONError(in: bytes, at: index, problem)
    }
}

private func skipUnicodeEscape(in bytes: Span<UInt8>, at index: inout Int) throws(JSONError) {
    guard let value = hexadecimal(in: bytes, at: index + 2) else {
        throw JSONError(in: bytes, at: index, "expected four hexadecimal digits after '\\u'")
    }
    guard value & 0xF800 == 0xD800 else {
        index += 6
        return
    }
    guard value < 0xDC00, starts("\\u", in: bytes, at: index + 6),
        let low = hexadecimal(in: bytes, at: index + 8), low & 0xFC00 == 0xDC00
    else {
        let problem = "half of a surrogate pair; both halves stand one after the other"
        throw JSONError(in: bytes, at: index, problem)
    }
    index += 12
}

/// Moves behind one scalar of two to four bytes (Unicode 15, table 3-7).
private func skipScalar(in bytes: Span<UInt8>, at index: inout Int) throws(JSONError) {
    let first = bytes[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0:
        length = 3
        second = 0xA0...0xBF
    case 0xED:
        length = 3
        second = 0x80...0x9F
    case 0xE1...0xEF: length = 3
    case 0xF0:
        length = 4
        second = 0x90...0xBF
    case 0xF4:
        length = 4
        second = 0x80...0x8F
    case 0xF1...0xF3: length = 4
    default: length = 0
    }
    var isValid = length > 0 && index + length <= bytes.count && second.contains(bytes[index + 1])
    if isValid {
        for place in index + 2..<max(index + length, index + 2) where bytes[place] & 0xC0 != 0x80 {
            isValid = false
        }
    }
    guard isValid else {
        let problem = "not UTF-8: \(found(in: bytes, at: index)) in a string"
        throw JSONError(in: bytes, at: index, problem)
    }
    index += length
}
