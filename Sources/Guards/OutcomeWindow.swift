// SPDX-License-Identifier: Apache-2.0
/// The outcomes of the latest rows, passed or refused, in a ring of fixed size.
struct OutcomeWindow: Sendable {
    private var isRefused: [Bool]
    /// Where the next outcome goes.
    private var next = 0
    private(set) var counted = 0
    private(set) var refused = 0

    init(capacity: Int) {
        isRefused = Array(repeating: false, count: max(capacity, 1))
    }

    /// Adds a request's rows, the refused ones spread evenly among the others: of a request longer
    /// than the window the ring keeps a fair share of both, and its end is no worse than its whole.
    mutating func append(passed: Int, refused: Int) {
        let total = max(passed, 0) + max(refused, 0)
        var remainder = total / 2
        for _ in 0..<total {
            remainder += max(refused, 0)
            append(isRefused: remainder >= total)
            if remainder >= total { remainder -= total }
        }
    }

    mutating func removeAll() {
        (next, counted, refused) = (0, 0, 0)
    }

    private mutating func append(isRefused outcome: Bool) {
        if counted == isRefused.count {
            refused -= isRefused[next] ? 1 : 0
        } else {
            counted += 1
        }
        refused += outcome ? 1 : 0
        isRefused[next] = outcome
        // A division would take longer than all else here.
        next += 1
        if next == isRefused.count { next = 0 }
    }
}
