// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Short answers of one wake-up, one behind the other, and whose they are.
struct PendingAnswers {
    struct Part {
        let connection: Connection
        /// Where its bytes end; they begin where those of the part before end.
        let end: Int
    }

    /// An answer that is longer is sent by itself.
    static let mostBytes = 4 << 10
    /// Who came first is not to wait for many, nor for those whose answers take long to make.
    private static let mostParts = 16
    private static let longestNanoseconds: UInt64 = 100_000

    private(set) var bytes: [UInt8] = []
    private(set) var parts: [Part] = []
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

    mutating func add(_ answer: [UInt8], for connection: Connection) {
        if parts.isEmpty { start = MonotonicClock.nanoseconds() }
        bytes.append(contentsOf: answer)
        parts.append(Part(connection: connection, end: bytes.count))
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        isBeingSent = false
    }
}
