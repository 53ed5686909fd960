// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// A measure that rises and falls; also a total that something else counts.
package final class Gauge: Sendable {
    /// The bits of a double.
    private let bits = Atomic<UInt64>(0)

    init() {}

    package func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    package func set(_ flag: Bool) { set(flag ? 1 : 0) }

    /// Adds to the value; exact under contention.
    package func add(_ change: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + change).bitPattern
            let result = bits.weakCompareExchange(
                expected: old,
                desired: new,
                ordering: .relaxed
            )
            if result.exchanged { return }
            old = result.original
        }
    }

    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}
