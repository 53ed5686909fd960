// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A number of at most seven characters without an exponent: `mantissa / 10^places`.
@usableFromInline
package struct ShortDecimal: Sendable {
    @usableFromInline package let mantissa: UInt64
    @usableFromInline package let places: Int
    @usableFromInline package let isNegative: Bool
    /// How many bytes it takes.
    @usableFromInline package let length: Int

    @inlinable @inline(__always)
    init(mantissa: UInt64, places: Int, isNegative: Bool, length: Int) {
        self.mantissa = mantissa
        self.places = places
        self.isNegative = isNegative
        self.length = length
    }

    /// The nearest float; nil where that takes a closer look.
    ///
    /// The power's reciprocal and the product are each rounded, to no more than two units of a
    /// double's last place together: too little to reach the middle between two floats from farther
    /// away than that. A division would take three times as long.
    @inlinable @inline(__always)
    package var float: Float? {
        let magnitude = Double(mantissa) * reciprocalsOfTen[places]
        let rest = Int(truncatingIfNeeded: magnitude.bitPattern & 0x1FFF_FFFF)
        guard abs(rest - 0x1000_0000) > 8 else { return nil }
        return Float(isNegative ? -magnitude : magnitude)
    }

    /// The nearest double: both factors are exact, so one division rounds once.
    @inlinable @inline(__always)
    package var double: Double {
        let magnitude = places == 0 ? Double(mantissa) : Double(mantissa) / powersOfTen[places]
        return isNegative ? -magnitude : magnitude
    }
}

/// A string of at most six bytes of ASCII, without escapes.
@usableFromInline
package struct ShortText: Sendable {
    /// Its bytes, the first lowest, and zeros behind them.
    @usableFromInline package let word: UInt64
    @usableFromInline package let count: Int

    @inlinable @inline(__always)
    init(word: UInt64, count: Int) {
        self.word = word
        self.count = count
    }
}

/// Values that end within eight bytes are read from one register: most of them do. What does not, and
/// what is wrong, is nil here and read by the long way, which says what is wrong.
extension UInt64 {
    /// The number that begins in the word's first byte and ends before its last.
    @inlinable @inline(__always)
    package var shortDecimal: ShortDecimal? {
        let isNegative = self & 0xFF == 0x2D
        let word = isNegative ? self >> 8 : self
        let whole = word.digitCount
        // At least one digit, no zero before another.
        guard whole > 0, whole < 8, word & 0xFF != 0x30 || whole == 1 else { return nil }
        var digits = word
        var count = whole
        var length = whole
        if word >> UInt64(8 * whole) & 0xFF == 0x2E {
            // Without the point the digits on both sides of it are one number.
            let before: UInt64 = 1 << UInt64(8 * whole) &- 1
            digits = word & before | word >> 8 & ~before
            count = digits.digitCount
            length = count + 1
            guard count > whole else { return nil }
        }
        if isNegative { length += 1 }
        // What follows must be there, and must not be an exponent.
        guard length < 8, self >> UInt64(8 * length) & 0xDF != 0x45 else { return nil }
        return ShortDecimal(
            mantissa: eightDigitValue(digits << UInt64(8 * (8 - count))),
            places: count - whole,
            isNegative: isNegative,
            length: length
        )
    }

    /// The string whose opening quote is the word's first byte, and whose closing one is in the word.
    @inlinable @inline(__always)
    package var shortText: ShortText? {
        guard self & 0xFF == 0x22 else { return nil }
        let inside = self >> 8 | 0xFF << 56
        let special =
            inside.marks(of: 0x22) | inside.marks(of: 0x5C) | inside.marks(below: 0x20)
            | inside.marksBeyondASCII
        let count = special.unmarkedCount
        guard inside >> UInt64(8 * count) & 0xFF == 0x22 else { return nil }
        return ShortText(word: inside & (1 << UInt64(8 * count) &- 1), count: count)
    }

    /// How many of the bytes from the first on are digits.
    @inlinable @inline(__always)
    package var digitCount: Int {
        (~marks(from: 0x30, to: 0x39) & 0x8080_8080_8080_8080).unmarkedCount
    }
}

/// The number that eight digits are, the first of them lowest; a byte of zero is a digit 0.
///
/// All at once in a register, each step joining neighbours: eight digits, four pairs, two fours.
@inlinable @inline(__always)
package func eightDigitValue(_ word: UInt64) -> UInt64 {
    var value = word & 0x0F0F_0F0F_0F0F_0F0F
    value = (value &* 2561) >> 8 & 0x00FF_00FF_00FF_00FF
    value = (value &* 6_553_601) >> 16 & 0x0000_FFFF_0000_FFFF
    return (value &* 42_949_672_960_001) >> 32
}

@usableFromInline
let reciprocalsOfTen: [8 of Double] = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]
