// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Counts what happened; only ever grows.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Counts `number` events more.
    package func add(_ number: UInt64 = 1) {
        count.wrappingAdd(number, ordering: .relaxed)
    }

    package var value: UInt64 { count.load(ordering: .relaxed) }
}
