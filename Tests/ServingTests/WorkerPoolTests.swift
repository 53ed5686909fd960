// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Testing

@testable import Serving

@Suite struct WorkerPoolTests {
    @Test func `jobs run in the order in which they came`() {
        let pool = WorkerPool(label: "test", width: 1, limit: 1000, lifoAfter: .seconds(600))
        let order = OrderedLog()
        let done = DispatchSemaphore(value: 0)
        for job in 0..<500 {
            let refusal = pool.submit { _ in
                order.append(job)
                if job == 499 { done.signal() }
            }
            #expect(refusal == nil)
        }
        done.wait()
        #expect(order.values == Array(0..<500))
    }

    @Test func `a full queue refuses and takes again once it has drained`() {
        let pool = WorkerPool(label: "test", width: 2, limit: 3)
        let gate = DispatchSemaphore(value: 0)
        let started = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let job: WorkerPool.Job = { _ in
            started.signal()
            gate.wait()
            ended.signal()
        }
        for _ in 0..<2 { #expect(pool.submit(job) == nil) }
        for _ in 0..<2 { started.wait() }
        for _ in 0..<3 { #expect(pool.submit(job) == nil) }
        #expect(pool.depth == 3)
        #expect(pool.submit(job) == .full)
        for _ in 0..<5 { gate.signal() }
        for _ in 0..<5 { ended.wait() }
        #expect(pool.depth == 0)
        gate.signal()
        #expect(pool.submit(job) == nil)
        ended.wait()
    }

    @Test func `a pool without a queue refuses everything`() {
        #expect(WorkerPool(label: "test", width: 1, limit: 0).submit { _ in } == .full)
    }

    @Test func `one that waits too long is given up while all workers are held up`() {
        let pool = WorkerPool(label: "test", width: 1, limit: 8)
        let gate = DispatchSemaphore(value: 0)
        let turns = Guarded<[WorkerPool.Turn]>([])
        #expect(pool.submit { _ in gate.wait() } == nil)
        while pool.depth > 0 {}
        let soon = MonotonicClock.nanoseconds() + 1_000_000
        #expect(pool.submit(deadline: soon) { turn in turns.withLock { $0.append(turn) } } == nil)
        while MonotonicClock.nanoseconds() < soon {}
        pool.expire()
        #expect(turns.withLock { $0 } == [.expired])
        #expect(pool.depth == 0)
        gate.signal()
    }

    @Test func `a workspace is leased to one at a time`() throws {
        let pool = try servedModel(workspaces: 2).pool
        let first = try #require(pool.lease())
        let second = try #require(pool.lease())
        #expect(first !== second)
        #expect(pool.lease() == nil)
        pool.giveBack(first)
        #expect(pool.lease() === first)
    }
}

private final class OrderedLog: Sendable {
    private let list = Guarded<[Int]>([])
    var values: [Int] { list.withLock { $0 } }
    func append(_ value: Int) { list.withLock { $0.append(value) } }
}
