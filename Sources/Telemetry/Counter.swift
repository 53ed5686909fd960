// SPDX-License-Identifier: Apache-2.0
public import Synchronization

/// Counts what happened; only ever grows.
///
/// Public so that counting is compiled into other modules: a request counts a dozen times.
public final class Counter: Sendable {
    @usableFromInline let count = Atomic<UInt64>(0)

    init() {}

    /// Counts `number` events more.
    @inlinable @inline(__always)
    package func add(_ number: UInt64 = 1) {
        count.wrappingAdd(number, ordering: .relaxed)
    }

    package var value: UInt64 { count.load(ordering: .relaxed) }
}
