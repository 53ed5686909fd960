// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Testing

@testable import Platform

@Suite struct ThreadsTests {
    /// Dispatch makes some 250 threads for queues that block, and no more.
    @Test func `more threads run at once than Dispatch would make`() throws {
        let count = 400
        let (all, end) = (DispatchGroup(), DispatchSemaphore(value: 0))
        let ended = DispatchGroup()
        for number in 0..<count {
            all.enter()
            ended.enter()
            try startThread("test-\(number)") {
                all.leave()
                end.wait()
                ended.leave()
            }
        }
        // Each waits for the end, so all have begun only if all have a thread.
        all.wait()
        for _ in 0..<count { end.signal() }
        ended.wait()
    }

    @Test func `a thread bears its name`() throws {
        let name = Guarded("")
        let isOver = DispatchSemaphore(value: 0)
        try startThread("a name of which the kernel keeps a part") {
            let text = try? readPseudoFile(path: "/proc/thread-self/comm", limit: 64)
            name.withLock { $0 = String(decoding: text ?? [], as: UTF8.self) }
            isOver.signal()
        }
        isOver.wait()
        #expect(name.withLock { $0 } == "a name of which\n")
    }
}
