// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

struct MonotonicClockTests {
    private typealias Instant = MonotonicClock.Instant

    @Test func `moments move by durations and are apart by them`() {
        let start = Instant(nanoseconds: 5_000_000_000)
        #expect((start + .milliseconds(1500)).nanoseconds == 6_500_000_000)
        #expect((start - .milliseconds(1500)).nanoseconds == 3_500_000_000)
        #expect((start + .milliseconds(-1500)).nanoseconds == 3_500_000_000)
        #expect(start + .seconds(2) - start == .seconds(2))
        #expect(start - (start + .seconds(2)) == .seconds(-2))
        #expect(start < start + .nanoseconds(1))
        #expect(start + .zero == start)
    }

    @Test func `beyond the ends of time is at the ends`() {
        let start = Instant(nanoseconds: 1000)
        #expect((start - .seconds(1)).nanoseconds == 0)
        let last = Instant(nanoseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect((start + .seconds(Int64.max)).nanoseconds == 1000 + UInt64(Int64.max))
        #expect((last - .seconds(Int64.max)) > start)
        #expect(last - start == .nanoseconds(Int64.max))
        #expect(start - last == .nanoseconds(-Int64.max))
    }

    @Test func `it goes forward`() {
        let first = MonotonicClock.now
        let second = MonotonicClock.now
        #expect(first <= second)
        #expect(second - first < .seconds(60))
    }
}
