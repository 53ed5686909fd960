// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Which parts of the loop's output are short answers of one wake-up that wait to be sent, and whose
/// they are.
struct PendingAnswers {
    struct Part {
        /// The connection's, which may be closed by now.
        let token: UInt64
        /// Where its bytes end; they begin where those of the part before end.
        let end: Int
    }

    /// An answer that is longer is sent by itself.
    static let mostBytes = 4 << 10
    /// Who came first is not to wait for many, nor for those whose answers take long to make.
    private static let mostParts = 16
    private static let longestNanoseconds: UInt64 = 100_000

    private(set) var parts: [Part] = []
    /// Where the last of them ends: what the output holds behind it waits for nobody.
    private(set) var end = 0
    /// Nothing is added meanwhile: an answer that follows from sending another is sent at once.
    var isBeingSent = false

    /// When the first was added, on the monotonic clock.
    private var start: UInt64 = 0

    /// Whether they are to be sent before another is made; the first has not waited yet.
    var isDue: Bool {
        parts.count >= Self.mostParts
            || parts.count > 1
                && MonotonicClock.nanoseconds() &- start >= Self.longestNanoseconds
    }

    /// Adds the answer that the output ends with, at `end`.
    mutating func add(_ token: UInt64, upTo end: Int) {
        if parts.isEmpty { start = MonotonicClock.nanoseconds() }
        parts.append(Part(token: token, end: end))
        self.end = end
    }

    mutating func removeAll() {
        parts.removeAll(keepingCapacity: true)
        end = 0
        isBeingSent = false
    }
}
