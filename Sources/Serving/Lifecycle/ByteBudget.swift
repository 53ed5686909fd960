// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Bytes that may be held at once, over all threads.
package final class ByteBudget: Sendable {
    package let limit: Int
    private let held = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// - Returns: false, and takes nothing, where the bytes do not fit what is left.
    package func reserve(_ count: Int) -> Bool {
        let after = held.wrappingAdd(count, ordering: .relaxed).newValue
        guard after <= limit else {
            release(count)
            return false
        }
        return true
    }

    package func release(_ count: Int) {
        held.wrappingSubtract(count, ordering: .relaxed)
    }
}
