// SPDX-License-Identifier: Apache-2.0

/// How a floating-point type of at most eight bits is written: sign, exponent, fraction, and what
/// stands for infinity and for not-a-number.
///
/// OCP 8-bit Floating Point (e4m3fn, e5m2), OCP Microscaling (e2m1, e8m0), and the "fnuz" forms, which
/// have neither infinity nor a negative zero: its pattern is their not-a-number.
package struct SmallFloat: Sendable {
    private enum NotANumber { case none, largestPattern, aboveInfinity, negativeZero }

    private let fractionBits: Int
    private let bias: Int
    private let notANumber: NotANumber
    /// The pattern of the largest finite number.
    private let largest: Int
    private let signBit: Int

    /// Nil for a type that is not one of these; e8m0 has functions of its own.
    package init?(_ type: DataType) {
        switch type {
        case .float8e4m3fn: self.init(3, bias: 7, .largestPattern, largest: 0x7E)
        case .float8e4m3fnuz: self.init(3, bias: 8, .negativeZero, largest: 0x7F)
        case .float8e5m2: self.init(2, bias: 15, .aboveInfinity, largest: 0x7B)
        case .float8e5m2fnuz: self.init(2, bias: 16, .negativeZero, largest: 0x7F)
        case .float4e2m1: self.init(1, bias: 1, .none, largest: 0x7, signBit: 0x8)
        default: return nil
        }
    }

    private init(
        _ fractionBits: Int,
        bias: Int,
        _ notANumber: NotANumber,
        largest: Int,
        signBit: Int = 0x80
    ) {
        (self.fractionBits, self.bias, self.notANumber) = (fractionBits, bias, notANumber)
        (self.largest, self.signBit) = (largest, signBit)
    }

    /// The number that a pattern stands for; bits beyond the type's width are ignored.
    package func decode(_ pattern: UInt8) -> Double {
        let magnitude = Int(pattern) & (signBit - 1)
        let isNegative = Int(pattern) & signBit != 0
        if notANumber == .negativeZero, isNegative, magnitude == 0 { return .nan }
        if magnitude > largest {
            let isInfinite = notANumber == .aboveInfinity && magnitude == largest + 1
            return isInfinite ? (isNegative ? -.infinity : .infinity) : .nan
        }
        let exponent = magnitude >> fractionBits
        let fraction = magnitude & (1 << fractionBits - 1)
        // Subnormal numbers have the exponent of the smallest normal ones and no leading one.
        let significand = exponent == 0 ? fraction : fraction + 1 << fractionBits
        let value = Double(significand).scaled(by: max(exponent, 1) - bias - fractionBits)
        return isNegative ? -value : value
    }

    /// The nearest pattern, ties to even.
    ///
    /// - Parameters:
    ///   - value: any number.
    ///   - saturates: whether what is too large, infinity included, becomes the largest finite number;
    ///     otherwise it becomes infinity, or not-a-number where the type has no infinity.
    /// - Returns: the pattern, in the lowest bits.
    package func encode(_ value: Double, saturates: Bool) -> UInt8 {
        let sign = value.sign == .minus ? signBit : 0
        guard !value.isNaN else { return pattern(ofNaN: sign) }
        let magnitude = value.magnitude
        var code = largest + 1
        if magnitude.isFinite {
            let exponent = max(magnitude == 0 ? 1 - bias : Int(magnitude.exponent), 1 - bias)
            let units = magnitude.scaled(by: fractionBits - exponent).rounded(.toNearestOrEven)
            // The leading one of a normal number adds one to the exponent that stands above it.
            if exponent + bias < 64 {
                code = (exponent + bias - 1) << fractionBits + Int(units)
            }
        }
        if code > largest {
            guard !saturates, notANumber != .none else {
                return UInt8(truncatingIfNeeded: sign | largest)
            }
            guard notANumber == .aboveInfinity else { return pattern(ofNaN: sign) }
            return UInt8(truncatingIfNeeded: sign | (largest + 1))
        }
        if code == 0, notANumber == .negativeZero { return 0 }
        return UInt8(truncatingIfNeeded: sign | code)
    }

    private func pattern(ofNaN sign: Int) -> UInt8 {
        switch notANumber {
        case .none, .negativeZero: UInt8(truncatingIfNeeded: signBit)
        case .largestPattern: UInt8(truncatingIfNeeded: sign | 0x7F)
        case .aboveInfinity: UInt8(truncatingIfNeeded: sign | 0x7E)
        }
    }
}

/// The power-of-two scale of microscaling formats: eight bits of exponent, 255 being not-a-number.
package enum ScaleFloat {
    package enum Rounding: String, Sendable { case up, down, nearest }

    package static func decode(_ pattern: UInt8) -> Double {
        pattern == 255 ? .nan : Double(1).scaled(by: Int(pattern) - 127)
    }

    /// The power of two beside `value`; its sign counts for nothing, zero is the smallest power.
    ///
    /// - Parameters:
    ///   - value: rounded to single precision first.
    ///   - rounding: to the next power, to the one before, or to the nearer with ties upwards.
    ///   - saturates: whether numbers above the largest power become it instead of not-a-number.
    /// - Returns: the exponent.
    package static func encode(_ value: Float, rounding: Rounding, saturates: Bool) -> UInt8 {
        let bits = value.bitPattern
        let exponent = UInt8(truncatingIfNeeded: bits >> 23)
        guard exponent != 255 else { return 255 }
        let fraction = bits & 0x7F_FFFF
        let isRaised =
            switch rounding {
            case .down: false
            case .up: fraction > 0
            case .nearest: fraction > 0x40_0000 || fraction == 0x40_0000 && exponent > 0
            }
        guard isRaised, exponent != 254 || !saturates else { return exponent }
        return exponent + 1
    }
}

extension Double {
    fileprivate func scaled(by exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: self)
    }
}
