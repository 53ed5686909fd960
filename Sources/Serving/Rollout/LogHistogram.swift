// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Counts of positive values in eight bins an octave, from 1e-9 on: quantiles to 10 % in little room.
struct LogHistogram: Sendable {
    private static let smallest = 1e-9
    private static let perOctave = 8.0
    private static let binCount = 560

    private var counts = [Int](repeating: 0, count: LogHistogram.binCount)
    /// Values at or below the smallest.
    private var zeros = 0
    private(set) var count = 0

    mutating func add(_ value: Double) {
        count += 1
        guard value > Self.smallest else {
            zeros += 1
            return
        }
        let place = (log2(value / Self.smallest) * Self.perOctave).rounded(.down)
        counts[min(Self.binCount - 1, place.isFinite ? Int(place) : Self.binCount - 1)] += 1
    }

    /// The middle of the bin that holds a quantile; nil without values.
    func quantile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        var left = Int((share * Double(count)).rounded(.up)) - zeros
        guard left > 0 else { return 0 }
        for (place, number) in counts.enumerated() {
            left -= number
            if left <= 0 { return Self.smallest * exp2((Double(place) + 0.5) / Self.perOctave) }
        }
        return Self.smallest * exp2(Double(Self.binCount) / Self.perOctave)
    }
}
