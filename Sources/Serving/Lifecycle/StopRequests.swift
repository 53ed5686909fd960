// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization

/// Signals that ask for the end: the first begins the drain, the second cuts it short.
final class StopRequests: Sendable {
    private let count = Atomic(0)
    private let isDrained = Atomic(false)
    private let wake = DispatchSemaphore(value: 0)

    func note() {
        count.wrappingAdd(1, ordering: .acquiringAndReleasing)
        wake.signal()
    }

    func noteDrained() {
        isDrained.store(true, ordering: .releasing)
        wake.signal()
    }

    func waitForFirst() {
        while count.load(ordering: .acquiring) < 1 { wake.wait() }
    }

    /// Whether the second has come.
    var isCutShort: Bool { count.load(ordering: .acquiring) > 1 }

    /// Waits for the time to pass, unless the second comes.
    func wait(atMost limit: Duration) { wait(atMost: limit) { false } }

    /// Waits until all is drained, unless the second comes or the time passes.
    ///
    /// - Returns: whether it is drained.
    func waitUntilDrained(atMost limit: Duration) -> Bool {
        wait(atMost: limit) { isDrained.load(ordering: .acquiring) }
        return isDrained.load(ordering: .acquiring)
    }

    private func wait(atMost limit: Duration, until isOver: () -> Bool) {
        let end = DispatchTime.now() + .nanoseconds(limit.nanoseconds)
        while !isCutShort, !isOver() {
            guard wake.wait(timeout: end) == .success else { return }
        }
    }
}
