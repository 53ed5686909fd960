// SPDX-License-Identifier: Apache-2.0
import Platform

/// Reads a number in the grammar of RFC 8259, section 6.
///
/// - Parameters:
///   - bytes: the whole text; nothing in it is trusted.
///   - offset: where the number starts; moved behind it, or left when reading fails.
/// - Returns: the number.
/// - Throws: `JSONError` at the byte that does not fit.
func readNumber(
    in bytes: Span<UInt8>,
    at offset: inout Int
) throws(JSONError) -> JSONNumberToken {
    if let number = shortNumber(in: bytes, at: &offset) { return number }
    var digits = Digits()
    var index = offset
    var isNegative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") {
        isNegative = true
        index += 1
    }

    let first = index
    digits.take(from: bytes, at: &index)
    guard index > first else {
        if isNegative, !starts("-Inf", in: bytes, at: offset),
            !starts("-inf", in: bytes, at: offset)
        {
            let problem = "expected a digit after '-', found \(found(in: bytes, at: index))"
            throw JSONError(in: bytes, at: index, problem)
        }
        throw valueExpected(in: bytes, at: offset)
    }
    guard bytes[first] != UInt8(ascii: "0") || index == first + 1 else {
        throw JSONError(in: bytes, at: first, "a number does not start with 0 before a digit")
    }
    var exponent = digits.dropped
    var isInteger = true

    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
        isInteger = false
        index += 1
        let start = index
        let before = digits.dropped
        digits.take(from: bytes, at: &index)
        guard index > start else {
            let problem = "expected a digit after '.', found \(found(in: bytes, at: index))"
            throw JSONError(in: bytes, at: index, problem)
        }
        exponent -= (index - start) - (digits.dropped - before)
    }

    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
        isInteger = false
        exponent += try readExponent(in: bytes, at: &index)
    }

    let start = offset
    offset = index
    return JSONNumberToken(
        start: start,
        end: index,
        mantissa: digits.mantissa,
        exponent: exponent,
        isNegative: isNegative,
        isInteger: isInteger,
        isExact: digits.isExact
    )
}

/// Reads a number as nearly all are written: a sign perhaps, and up to 18 digits, a point perhaps among
/// them.
///
/// - Returns: nil, and nothing read, for any other number and for what is none.
@inline(__always)
private func shortNumber(in bytes: Span<UInt8>, at offset: inout Int) -> JSONNumberToken? {
    var index = offset
    let isNegative = index < bytes.count && bytes[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let first = index
    var mantissa: UInt64 = 0
    var next: UInt8 = 0
    while index < bytes.count {
        next = bytes[index] &- UInt8(ascii: "0")
        guard next < 10, index - first < 18 else { break }
        mantissa = mantissa &* 10 &+ UInt64(next)
        index += 1
    }
    // A zero at the front must be alone.
    guard index > first, bytes[first] != UInt8(ascii: "0") || index == first + 1 else { return nil }
    let point = index
    if next == UInt8(ascii: ".") &- UInt8(ascii: "0"), index < bytes.count {
        index += 1
        while index < bytes.count {
            next = bytes[index] &- UInt8(ascii: "0")
            guard next < 10, index - first < 19 else { break }
            mantissa = mantissa &* 10 &+ UInt64(next)
            index += 1
        }
        guard index > point + 1 else { return nil }
    }
    // What is longer, or has an exponent, takes the long way; at the end of the text there is neither.
    if index < bytes.count, next < 10 || bytes[index] | 0x20 == UInt8(ascii: "e") { return nil }
    let start = offset
    offset = index
    return JSONNumberToken(
        start: start,
        end: index,
        mantissa: mantissa,
        exponent: index == point ? 0 : point + 1 - index,
        isNegative: isNegative,
        isInteger: index == point,
        isExact: true
    )
}

/// Collects decimal digits into 64 bits for as long as they fit; from then on counts them.
private struct Digits {
    var mantissa: UInt64 = 0
    /// Digits that found no place.
    var dropped = 0
    /// Whether all of those were 0.
    var isExact = true

    mutating func take(from bytes: Span<UInt8>, at index: inout Int) {
        let limit = UInt64.max / 10
        while index < bytes.count {
            if mantissa < 100_000_000_000, let eight = eightDigits(in: bytes, at: index) {
                mantissa = mantissa * 100_000_000 + eight
                index += 8
                continue
            }
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return }
            index += 1
            if mantissa < limit {
                mantissa = mantissa &* 10 &+ UInt64(digit)
            } else if dropped == 0, mantissa == limit, digit <= 5 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
            } else {
                dropped += 1
                if digit != 0 { isExact = false }
            }
        }
    }
}

/// Reads `e`, a sign and digits.
///
/// What lies beyond a trillion stays there: no text is that long.
private func readExponent(
    in bytes: Span<UInt8>,
    at index: inout Int
) throws(JSONError) -> Int {
    index += 1
    var isNegative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
        isNegative = bytes[index] == UInt8(ascii: "-")
        index += 1
    }
    let start = index
    var value = 0
    while index < bytes.count {
        let digit = bytes[index] &- UInt8(ascii: "0")
        guard digit < 10 else { break }
        value = min(value * 10 + Int(digit), 1_000_000_000_000)
        index += 1
    }
    guard index > start else {
        let problem = "expected a digit in the exponent, found \(found(in: bytes, at: index))"
        throw JSONError(in: bytes, at: index, problem)
    }
    return isNegative ? -value : value
}

/// The value of the eight digits at `index`; nil where there are not eight.
@inline(__always)
private func eightDigits(in bytes: Span<UInt8>, at index: Int) -> UInt64? {
    guard index + 8 <= bytes.count else { return nil }
    let word = bytes.word(at: index)
    return word.digitCount == 8 ? eightDigitValue(word) : nil
}
