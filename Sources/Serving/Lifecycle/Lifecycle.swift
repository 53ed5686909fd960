// SPDX-License-Identifier: Apache-2.0
package import Platform
import Synchronization

/// Whether the daemon has been asked to stop.
package final class Lifecycle: Sendable {
    private let stopping = Atomic(false)
    package let startedAt = MonotonicClock.now

    package init() {}

    package var isStopping: Bool { stopping.load(ordering: .acquiring) }

    package func beginStopping() {
        stopping.store(true, ordering: .releasing)
    }
}
