// SPDX-License-Identifier: Apache-2.0
package import Platform

extension Timestamp {
    /// Whole seconds since 1970, as overrides count them.
    package var epochSeconds: Int64 { microseconds / 1_000_000 }

    package init(epochSeconds: Int64) {
        let (microseconds, overflow) = epochSeconds.multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? .max : microseconds)
    }
}

extension Duration {
    /// Seconds with their fraction, for people and metrics.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// What 64 bits do not hold is as long as they can say: some 292 years.
    package var nanoseconds: Int {
        let whole = Int(clamping: components.seconds)
        let fraction = Int(clamping: components.attoseconds / 1_000_000_000)
        let (product, isTooLong) = whole.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = product.addingReportingOverflow(fraction)
        guard !isTooLong, !overflows else { return whole < 0 ? .min : .max }
        return sum
    }
}

extension Span<UInt8> {
    /// The bytes as an array of their own.
    func copied() -> [UInt8] {
        [UInt8](capacity: count) { output in
            for index in indices { output.append(self[index]) }
        }
    }
}

extension ContinuousClock.Instant {
    /// The same moment in nanoseconds of `MonotonicClock`.
    var monotonic: UInt64 {
        let rest = (self - .now).nanoseconds
        let now = MonotonicClock.nanoseconds()
        return rest >= 0 ? now &+ UInt64(rest) : now &- min(now, UInt64(rest.magnitude))
    }
}
