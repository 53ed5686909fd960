// SPDX-License-Identifier: Apache-2.0

/// Counts observations in fixed buckets.
package final class Histogram: Sendable {
    /// The buckets' upper ends, each included, rising; one more bucket takes what lies above.
    package let bounds: [Double]
    private let counts: [Counter]
    private let total = Gauge()

    /// For HTTP durations in seconds (OpenTelemetry's advice for `http.server.request.duration`).
    package static let requestDurations: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ]

    /// For phases of a request, in seconds: 10 us to 10 s.
    package static let phaseDurations: [Double] = [
        0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
        0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// Takes bounds as they come: puts them in order, leaves out what is twice there or not finite.
    init(bounds: [Double]) {
        var rising: [Double] = []
        for bound in bounds.filter(\.isFinite).sorted() where bound != rising.last {
            rising.append(bound)
        }
        self.bounds = rising
        counts = (0...rising.count).map { _ in Counter() }
    }

    /// Counts one value; what is not finite counts in the last bucket and not in the sum.
    package func observe(_ value: Double) {
        counts[bucket(of: value)].add()
        if value.isFinite { total.add(value) }
    }

    /// Counts the values of a list that are marked; others see their sum when all are counted.
    package func observe(_ values: Span<Double>, where isMarked: Span<Bool>) {
        var sum = 0.0
        for index in 0..<min(values.count, isMarked.count) where isMarked[index] {
            let value = values[index]
            counts[bucket(of: value)].add()
            if value.isFinite { sum += value }
        }
        total.add(sum)
    }

    private func bucket(of value: Double) -> Int {
        var low = 0
        // Most phases of most requests are shorter than the first bound.
        var high = bounds.first.map { value <= $0 } == true ? 0 : bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }

    package func observe(nanoseconds: UInt64) { observe(Double(nanoseconds) * 1e-9) }

    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// What was counted, each bucket by itself, the one above all bounds last.
    package struct Snapshot: Sendable, Equatable {
        package let bounds: [Double]
        package let counts: [UInt64]
        package let sum: Double

        package var count: UInt64 { counts.reduce(0, &+) }

        /// The value below which the share `rank` of the observations lies, interpolated in its
        /// bucket; the highest bound for what lies above; nil without observations.
        package func quantile(_ rank: Double) -> Double? {
            let wanted = rank * Double(count)
            guard count > 0, let highest = bounds.last else { return nil }
            var before: UInt64 = 0
            for (index, bound) in bounds.enumerated() {
                let inside = counts[index]
                if inside > 0, Double(before + inside) >= wanted {
                    let start = index > 0 ? bounds[index - 1] : min(bound, 0)
                    return start + (bound - start) * max(0, wanted - Double(before))
                        / Double(inside)
                }
                before += inside
            }
            return highest
        }
    }

    package var snapshot: Snapshot {
        Snapshot(bounds: bounds, counts: counts.map(\.value), sum: total.value)
    }
}
