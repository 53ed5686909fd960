// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import JSON
import Platform

/// Filling from a JSON text without a copy; the literal decides, not what a double makes of it.
extension FeatureTable {
    /// Takes a number of a JSON text.
    ///
    /// - Parameters:
    ///   - token: the number.
    ///   - bytes: the text that it was read from.
    ///   - feature: the feature's index.
    ///   - row: from 0.
    package mutating func setNumber(
        _ token: JSONNumberToken,
        in bytes: Span<UInt8>,
        feature: Int,
        row: Int
    ) {
        if takeReal(token, feature: feature, row: row) { return }
        switch layouts[feature].kind {
        case .real:
            guard let place = claim(feature, row) else { return }
            setReal(token, in: bytes, place, feature, row)
        case .integer:
            guard let place = claim(feature, row) else { return }
            setInteger(token, in: bytes, place, feature, row)
        case .boolean, .category, .text:
            let literal = violations.isFull ? "" : token.literal(in: bytes)
            setWrongType(feature: feature, row: row, found: "a number", value: literal)
        }
    }

    /// Takes a number in the way that nearly all go: it is short, exact, in range, and the first of its
    /// cell.
    ///
    /// - Returns: false, with nothing done, where one of that does not hold.
    @inline(__always)
    private mutating func takeReal(
        _ token: JSONNumberToken,
        feature: Int,
        row: Int
    ) -> Bool {
        let layout = layouts[feature]
        guard layout.lane == .float || layout.lane == .double,
            var value = token.exactDouble
        else { return false }
        if case .float = layout.lane {
            // Halfway between two floats, and an integer that may lose digits, need a closer look.
            guard value.bitPattern & 0x1FFF_FFFF != 0x1000_0000,
                !token.isInteger || token.mantissa < 1 << 24
            else { return false }
            value = Double(Float(value))
        }
        guard layout.lower <= value, value <= layout.upper, fill(feature, row) else {
            return false
        }
        reals[layout.base * rows + row] = value
        return true
    }

    /// Fills a cell of one element with a value that is right; false where it is filled already.
    @inline(__always)
    mutating func fill(_ feature: Int, _ row: Int) -> Bool {
        let cell = cellIndex(feature, row)
        guard case .absent = cells[cell] else { return false }
        cells[cell] = .given
        filled[cell] = 1
        filledCount += 1
        return true
    }

    /// Whether a text of a request is the name of the feature's datatype.
    package func hasDatatype(_ feature: Int, _ text: JSONText, in json: Span<UInt8>) -> Bool {
        if text.hasEscapes { return text.equals(layouts[feature].datatype.rawValue, in: json) }
        let utf8 = json.extracting(text.start..<text.end)
        return utf8.count <= 8 && utf8.firstWord == layouts[feature].datatypeWord
    }

    /// Takes a string of a JSON text.
    package mutating func setText(
        _ text: JSONText,
        in bytes: Span<UInt8>,
        feature: Int,
        row: Int
    ) {
        guard text.hasEscapes else {
            setText(bytes.extracting(text.start..<text.end), feature: feature, row: row)
            return
        }
        var decoded: [UInt8] = []
        text.appendUTF8(in: bytes, to: &decoded)
        setText(decoded.span, feature: feature, row: row)
    }

    private mutating func setReal(
        _ token: JSONNumberToken,
        in bytes: Span<UInt8>,
        _ place: Int,
        _ feature: Int,
        _ row: Int
    ) {
        let datatype = layouts[feature].datatype
        let value: Double
        switch datatype {
        case .fp32: value = Double(token.float(in: bytes))
        case .fp16: value = Double(Float16(token.double(in: bytes)))
        default: value = token.double(in: bytes)
        }
        if !value.isFinite {
            refuseOverflow(violations.isFull ? "" : token.literal(in: bytes), feature, row)
        } else if token.isInteger, !token.isExactly(in: bytes, bits: datatype.significandBits) {
            let literal = violations.isFull ? "" : token.literal(in: bytes)
            refuseRounding(literal, to: value, feature, row)
        } else {
            store(real: value, place, feature, row)
        }
    }

    private mutating func setInteger(
        _ token: JSONNumberToken,
        in bytes: Span<UInt8>,
        _ place: Int,
        _ feature: Int,
        _ row: Int
    ) {
        guard token.isInteger else {
            let literal = violations.isFull ? "" : token.literal(in: bytes)
            refuseFraction(literal, whole: token.int64, feature, row)
            return
        }
        if layouts[feature].datatype == .uint64, let value = token.uint64 {
            store(integer: Int64(bitPattern: value), place, feature, row)
        } else if layouts[feature].datatype != .uint64, let value = token.int64 {
            store(integer: value, place, feature, row)
        } else {
            refuseOverflow(violations.isFull ? "" : token.literal(in: bytes), feature, row)
        }
    }
}

extension JSONNumberToken {
    /// As the client wrote it, cut where no one would read on.
    fileprivate func literal(in bytes: Span<UInt8>) -> String {
        let shown = 2 * Violations.maximumValueLength
        return String(copying: bytes.extracting(start..<end).extracting(first: shown))
    }

    /// Whether a floating-point type with a significand of `bits` bits holds this integer, which
    /// must be within its largest number, without rounding.
    fileprivate func isExactly(in bytes: Span<UInt8>, bits: Int) -> Bool {
        guard mantissa >= 1 << UInt64(bits) || exponent != 0 || !isExact else { return true }
        if isExact, exponent == 0 { return mantissa.significantBits <= bits }
        return significantBits(of: bytes.extracting(start..<end)) <= bits
    }
}

extension FixedWidthInteger {
    /// Bits from the highest 1 to the lowest.
    fileprivate var significantBits: Int {
        self == 0 ? 0 : bitWidth - leadingZeroBitCount - trailingZeroBitCount
    }
}

/// Bits from the highest 1 to the lowest of a decimal integer of any length, by long
/// multiplication; called for numbers that a double can hold, so at most 309 digits matter.
private func significantBits(of literal: Span<UInt8>) -> Int {
    var words: [UInt32] = []
    for index in literal.indices {
        guard case let digit = literal[index], (0x30...0x39).contains(digit) else { continue }
        var carry = UInt64(digit - 0x30)
        for place in words.indices {
            let sum = UInt64(words[place]) * 10 + carry
            words[place] = UInt32(truncatingIfNeeded: sum)
            carry = sum >> 32
        }
        if carry > 0 { words.append(UInt32(truncatingIfNeeded: carry)) }
    }
    guard let high = words.last, let lowest = words.firstIndex(where: { $0 != 0 }) else { return 0 }
    let top = words.count * 32 - high.leadingZeroBitCount
    return top - lowest * 32 - words[lowest].trailingZeroBitCount
}
