// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How a range follows from what was seen.
///
/// Real numbers: the span that was seen and a quarter of it more at each end, the ends rounded outwards
/// to the first digit of that quarter. Whole numbers likewise, with whole ends; where there are at most
/// twenty different ones, they are codes or counts and the range is what was seen. No end crosses
/// zero: what was never negative may not be negative, what was never positive not positive.
package enum RangeRule {
    /// The share of the span that is added at each end.
    package static let share = 0.25
    /// With so many different whole numbers or fewer, nothing is added.
    package static let codeCount = 20

    /// The range for values that were seen.
    ///
    /// - Parameters:
    ///   - low: the least value seen.
    ///   - high: the greatest.
    ///   - isWhole: whether all values are whole numbers.
    ///   - distinctCount: how many different ones there are, counted up to `codeCount` + 1.
    ///   - limits: what the datatype can have.
    /// - Returns: both ends included.
    package static func widened(
        _ low: Double,
        _ high: Double,
        isWhole: Bool = false,
        distinctCount: Int = .max,
        limits: ClosedRange<Double>? = nil
    ) -> ClosedRange<Double> {
        guard low <= high, low.isFinite, high.isFinite else { return 0...0 }
        if isWhole, distinctCount <= codeCount { return low...high }
        var margin = share * (high - low)
        if margin == 0 { margin = share * abs(low) }
        if isWhole { margin = margin.rounded(.down) }
        guard margin > 0, margin.isFinite else { return low...high }
        let exponent = max(Int(log10(margin).rounded(.down)), isWhole ? 0 : -300)
        var least = outwards(low - margin, exponent, .down)
        var most = outwards(high + margin, exponent, .up)
        if low >= 0 { least = max(least, 0) }
        if high <= 0 { most = min(most, 0) }
        if let limits {
            least = max(least, limits.lowerBound)
            most = min(most, limits.upperBound)
        }
        return min(least, low)...max(most, high)
    }

    /// `value` on the grid of a power of ten; the division makes it the double next to the decimal.
    static func outwards(
        _ value: Double,
        _ exponent: Int,
        _ rule: FloatingPointRoundingRule
    ) -> Double {
        let scale = pow(10, Double(abs(exponent)))
        let rounded =
            exponent >= 0
            ? (value / scale).rounded(rule) * scale : (value * scale).rounded(rule) / scale
        return rounded.isFinite ? rounded + 0 : value
    }

    /// The least number of two significant digits that is not below `value`, which is above 0.
    package static func twoDigitsUp(_ value: Double) -> Double {
        outwards(value, Int(log10(value).rounded(.down)) - 1, .up)
    }
}

/// The least and the greatest of a column's values, and how many different ones there are.
package struct Extent: Sendable, Equatable {
    package var low = Double.infinity
    package var high = -Double.infinity
    package var isWhole = true
    /// Counted up to `RangeRule.codeCount` + 1.
    package var distinct: Set<Double> = []

    package init() {}

    package init(_ column: DataColumn) {
        switch column.values {
        case .texts: break
        case .tensors(let values):
            for index in 0..<values.count { add(values.real(index)) }
        default:
            for row in 0..<column.rowCount { add(column.real(row)) }
        }
    }

    package var isEmpty: Bool { low > high }

    package mutating func add(_ value: Double) {
        guard !value.isNaN else { return }
        low = min(low, value)
        high = max(high, value)
        if isWhole, value != value.rounded() { isWhole = false }
        if distinct.count <= RangeRule.codeCount { distinct.insert(value) }
    }

    package mutating func add(_ range: ClosedRange<Double>) {
        add(range.lowerBound)
        add(range.upperBound)
    }

    /// The range for a contract; nil where nothing was seen.
    ///
    /// `readsCodes` says that a few whole numbers are codes whatever the datatype: libraries hold whole
    /// numbers with holes as reals.
    package func range(
        for datatype: Datatype,
        readsCodes: Bool = false
    ) -> ClosedRange<Double>? {
        guard !isEmpty, low.isFinite, high.isFinite, let limits = datatype.limits else {
            return nil
        }
        return RangeRule.widened(
            low,
            high,
            isWhole: datatype.isInteger
                || readsCodes && isWhole && distinct.count <= RangeRule.codeCount,
            distinctCount: distinct.count,
            limits: limits
        )
    }
}

extension RangeRule {
    /// The nearest number of three significant digits.
    package static func threeDigits(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return value }
        return outwards(value, Int(log10(abs(value)).rounded(.down)) - 2, .toNearestOrEven)
    }
}
