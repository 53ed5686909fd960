// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A number as it stands in a text: its bytes, and its value as far as 64 bits hold it.
///
/// The number is `mantissa * 10^exponent`, negative if `isNegative`; where `isExact` is false,
/// digits of the text are missing from `mantissa` and its last place counts them.
package struct JSONNumberToken: Sendable, Equatable {
    /// Offset of the first byte, the sign included.
    package let start: Int
    /// Offset behind the last byte.
    package let end: Int
    package let mantissa: UInt64
    package let exponent: Int
    /// The three claims below in one word: a token of words only is copied without stalls, which
    /// were a quarter of the time that reading a number takes.
    private let claims: UInt

    package var isNegative: Bool { claims & 1 != 0 }
    /// Written without fraction and exponent.
    package var isInteger: Bool { claims & 2 != 0 }
    package var isExact: Bool { claims & 4 != 0 }

    @inline(__always)
    init(
        start: Int,
        end: Int,
        mantissa: UInt64,
        exponent: Int,
        isNegative: Bool,
        isInteger: Bool,
        isExact: Bool
    ) {
        self.start = start
        self.end = end
        self.mantissa = mantissa
        self.exponent = exponent
        claims = (isNegative ? 1 : 0) | (isInteger ? 2 : 0) | (isExact ? 4 : 0)
    }

    /// The exact value, however it is written (`2`, `2.0`, `20e-1`).
    ///
    /// nil when it is no whole number or does not fit. `-0` is 0.
    package var int64: Int64? {
        guard let magnitude else { return nil }
        guard isNegative else { return Int64(exactly: magnitude) }
        if magnitude == UInt64(Int64.max) + 1 { return .min }
        guard let positive = Int64(exactly: magnitude) else { return nil }
        return -positive
    }

    /// As `int64`, for numbers from 0 to 2^64 - 1.
    package var uint64: UInt64? {
        guard let magnitude, !isNegative || magnitude == 0 else { return nil }
        return magnitude
    }

    private var magnitude: UInt64? {
        guard isExact else { return nil }
        guard mantissa != 0 else { return 0 }
        var value = mantissa
        guard (-19...19).contains(exponent) else { return nil }
        for _ in 0..<max(exponent, 0) {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            guard !overflows else { return nil }
            value = product
        }
        for _ in 0..<max(-exponent, 0) {
            guard value.isMultiple(of: 10) else { return nil }
            value /= 10
        }
        return value
    }

    /// The nearest double, ties to even; infinite when beyond the greatest finite one.
    ///
    /// - Parameter bytes: the text that the token was read from.
    /// - Returns: the value; -0 for `-0`.
    package func double(in bytes: Span<UInt8>) -> Double {
        if let value = exactDouble { return value }
        if isExact, let bits = nearestBits(mantissa: mantissa, power: exponent, format: .double) {
            return Double(bitPattern: isNegative ? bits | 1 << 63 : bits)
        }
        // Safety: the callee reads the bytes within their count and keeps nothing.
        return unsafe bytes.extracting(start..<end).withUnsafeBufferPointer { text in
            unsafe serin_json_double(text.baseAddress, text.count)
        }
    }

    /// The nearest float, rounded once, ties to even; infinite when beyond the greatest finite one.
    ///
    /// A double that lies exactly between two floats may have been rounded to there, so it says
    /// nothing about the side that the number itself lies on; those are read anew.
    ///
    /// - Parameter bytes: the text that the token was read from.
    /// - Returns: the value; -0 for `-0`.
    package func float(in bytes: Span<UInt8>) -> Float {
        if let value = exactDouble, value.bitPattern & 0x1FFF_FFFF != 0x1000_0000 {
            return Float(value)
        }
        if isExact, let bits = nearestBits(mantissa: mantissa, power: exponent, format: .float) {
            let bits = UInt32(truncatingIfNeeded: bits)
            return Float(bitPattern: isNegative ? bits | 1 << 31 : bits)
        }
        // Safety: the callee reads the bytes within their count and keeps nothing.
        return unsafe bytes.extracting(start..<end).withUnsafeBufferPointer { text in
            unsafe serin_json_float(text.baseAddress, text.count)
        }
    }

    /// Clinger's fast path: both factors are exact doubles, so one operation rounds once.
    ///
    /// (W. D. Clinger, How to Read Floating Point Numbers Accurately, 1990.) Its results are 0 or
    /// between 1e-22 and 1e38, where a float has all its 24 bits.
    @inline(__always)
    package var exactDouble: Double? {
        guard isExact, mantissa <= 1 << 53 else { return nil }
        let magnitude = Double(mantissa)
        let value: Double
        if exponent == 0 || mantissa == 0 {
            value = magnitude
        } else if exponent < 0, exponent >= -22 {
            value = magnitude / powersOfTen[-exponent]
        } else if exponent > 0, exponent <= 22 {
            value = magnitude * powersOfTen[exponent]
        } else {
            return nil
        }
        return isNegative ? -value : value
    }
}

@usableFromInline
let powersOfTen: [23 of Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]
