// SPDX-License-Identifier: Apache-2.0
package import Synchronization

/// What a server counts, for metrics; every figure may be read from any thread.
package final class ServerCounters: Sendable {
    /// Connections ever accepted.
    package let accepted = Atomic(0)
    /// Connections open now.
    package let open = Atomic(0)
    /// Connections refused because there were too many, or no descriptors.
    package let turnedAway = Atomic(0)
    /// Idle connections that were closed because there were too many.
    package let evicted = Atomic(0)
    /// Requests that reached the handler.
    package let requests = Atomic(0)
    /// Requests that the protocol itself answered with an error.
    package let refusals = Atomic(0)
    /// Connections that a deadline ended.
    package let timeouts = Atomic(0)
    /// Answers that came when their client was gone.
    package let droppedAnswers = Atomic(0)
    package let receivedBytes = Atomic(0)
    package let sentBytes = Atomic(0)
    /// What connections hold now: arriving bodies, starts of requests, answers not yet taken.
    package let bufferBytes = Atomic(0)

    package init() {}
}

extension Atomic<Int> {
    /// Adds without ordering anything else; answers the sum.
    @discardableResult
    func add(_ count: Int) -> Int {
        wrappingAdd(count, ordering: .relaxed).newValue
    }

    /// The figure now.
    package var current: Int { load(ordering: .relaxed) }
}
