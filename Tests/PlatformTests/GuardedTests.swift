// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Testing

@testable import Platform

@Suite struct GuardedTests {
    private final class Counter: Sendable {
        let value = Guarded(0)
    }

    @Test func `threads that add under the lock lose nothing`() {
        let counter = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<1000 { counter.value.withLock { $0 += 1 } }
        }
        #expect(counter.value.withLock { $0 } == 8000)
    }
}
