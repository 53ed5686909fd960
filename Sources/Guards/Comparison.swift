// SPDX-License-Identifier: Apache-2.0
/// How far an answer is from the recorded one.
package struct Comparison: Sendable, Equatable {
    package let passes: Bool
    /// Relative to the recorded answer, or to the floor where that is near zero.
    ///
    /// At most the tolerance exactly when it passes; infinite where there is no measure.
    package let deviation: Double
}

/// Compares a number with the recorded one: both finite, and
/// `|got - want| <= max(absolute, tolerance * |want|)`.
///
/// - Parameters:
///   - got: the answer.
///   - want: the recorded answer.
///   - tolerance: relative, not negative.
///   - absolute: the floor for recorded answers at or near zero, not negative.
/// - Returns: the verdict; NaN never passes.
package func compare(
    got: Double,
    want: Double,
    tolerance: Double,
    absolute: Double
) -> Comparison {
    guard got.isFinite, want.isFinite else {
        return Comparison(passes: false, deviation: .infinity)
    }
    let difference = abs(got - want)
    let passes = difference <= max(absolute, tolerance * abs(want))
    guard difference > 0 else { return Comparison(passes: passes, deviation: 0) }
    let scale = tolerance > 0 ? max(abs(want), absolute / tolerance) : abs(want)
    let relative = scale > 0 ? difference / scale : .infinity
    // One division may round to the other side of the tolerance.
    let deviation = passes ? min(relative, tolerance) : max(relative, tolerance.nextUp)
    return Comparison(passes: passes, deviation: deviation)
}

/// Compares an integer with the recorded one, exactly.
package func compare(got: Int64, want: Int64) -> Comparison {
    let scale = max(abs(Double(want)), 1)
    let deviation = abs(Double(got) - Double(want)) / scale
    return Comparison(
        passes: got == want,
        deviation: got == want ? 0 : max(deviation, .leastNonzeroMagnitude)
    )
}

/// Compares a text with the recorded one, byte by byte.
package func compare(got: String, want: String) -> Comparison {
    let passes = got.utf8.elementsEqual(want.utf8)
    return Comparison(passes: passes, deviation: passes ? 0 : .infinity)
}
