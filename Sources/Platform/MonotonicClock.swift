// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// The clock that only goes forward while the machine runs; for measuring and deadlines.
package enum MonotonicClock {
    /// A moment of this process's machine, in nanoseconds since it started.
    ///
    /// The one of `ContinuousClock` has no fixed layout, so that each access to what holds one is
    /// looked up while running.
    package struct Instant: Sendable, Hashable, Comparable {
        package let nanoseconds: UInt64

        package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

        package static var now: Instant { Instant(nanoseconds: MonotonicClock.nanoseconds()) }

        package static func < (one: Instant, other: Instant) -> Bool {
            one.nanoseconds < other.nanoseconds
        }

        /// The moment after `duration`, at the ends of the representable time clamped.
        package static func + (moment: Instant, duration: Duration) -> Instant {
            let step = duration.nanoseconds
            let distance = UInt64(step.magnitude)
            let (sum, overflow) =
                step < 0
                ? moment.nanoseconds.subtractingReportingOverflow(distance)
                : moment.nanoseconds.addingReportingOverflow(distance)
            return Instant(nanoseconds: overflow ? (step < 0 ? 0 : .max) : sum)
        }

        /// The moment before which `duration` passes, clamped likewise.
        package static func - (moment: Instant, duration: Duration) -> Instant {
            moment + (.zero - duration)
        }

        /// The time from `earlier` to `later`.
        package static func - (later: Instant, earlier: Instant) -> Duration {
            later < earlier
                ? .zero - .nanoseconds(Int64(clamping: earlier.nanoseconds - later.nanoseconds))
                : .nanoseconds(Int64(clamping: later.nanoseconds - earlier.nanoseconds))
        }
    }

    /// Nanoseconds since the machine started.
    package static func nanoseconds() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    package static var now: Instant { .now }
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
