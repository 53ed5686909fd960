// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A moment of civil time in microseconds since 1970 in UTC, as people and logs read it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (one: Timestamp, other: Timestamp) -> Bool {
        one.microseconds < other.microseconds
    }

    /// The moment after `duration`, at the ends of the representable time clamped.
    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let rest = attoseconds / 1_000_000_000_000
        let (sum, second) = moment.microseconds.addingReportingOverflow(scaled)
        let (whole, third) = sum.addingReportingOverflow(rest)
        guard !overflow, !second, !third else {
            return Timestamp(microseconds: seconds < 0 ? .min : .max)
        }
        return Timestamp(microseconds: whole)
    }

    /// The time from `earlier` to `later`.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.microseconds.subtractingReportingOverflow(
            earlier.microseconds
        )
        return .microseconds(overflow ? (later < earlier ? .min : .max) : difference)
    }
}

/// The clock on the wall, which people set and which may step; never for measuring.
package enum WallClock {
    package static func now() -> Timestamp { read(CLOCK_REALTIME) }

    /// As of the kernel's last tick, some milliseconds ago; takes a fifth of the time.
    package static func lately() -> Timestamp { read(CLOCK_REALTIME_COARSE) }

    private static func read(_ clock: clockid_t) -> Timestamp {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return Timestamp(
            microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        )
    }
}

/// The time that a processor has spent on work; for measuring where others share the machine.
package enum ProcessorClock {
    /// Nanoseconds spent on the calling thread.
    package static func threadNanoseconds() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    /// Nanoseconds spent on all threads of this process.
    package static func processNanoseconds() -> UInt64 { nanoseconds(CLOCK_PROCESS_CPUTIME_ID) }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
