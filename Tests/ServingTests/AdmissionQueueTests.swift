// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Serving

@Suite struct AdmissionQueueTests {
    typealias Queue = AdmissionQueue<String>

    private func queue(limit: Int = 8, width: Int = 1, lifoAfter: UInt64 = 100) -> Queue {
        Queue(limit: limit, width: width, lifoAfter: lifoAfter)
    }

    private func drain(_ queue: inout Queue, at now: UInt64) -> [String] {
        var jobs: [String] = []
        while let job = queue.take(at: now) { jobs.append(job) }
        return jobs
    }

    @Test func `first come first served while nobody waits long`() {
        var queue = queue()
        for job in ["a", "b", "c"] { _ = queue.offer(job, .init(), at: 10) }
        #expect(drain(&queue, at: 110) == ["a", "b", "c"])
    }

    @Test func `the latest come first where too many wait for too long`() {
        var queue = queue(limit: 100)
        for job in 0..<20 { _ = queue.offer("\(job)", .init(), at: 0) }
        #expect(queue.take(at: 10) == "0")
        #expect(queue.take(at: 20) == "1", "nobody has waited for 100")
        #expect(queue.take(at: 101) == "19")
        #expect(queue.take(at: 111) == "18")
        _ = queue.offer("new", .init(), at: 112)
        #expect(queue.take(at: 121) == "new")
        // When those who are left can all have their turn in time, they get it in their order.
        let rest = (0..<16).compactMap { queue.take(at: 131 + UInt64($0)) }
        #expect(rest.suffix(3) == rest.suffix(3).sorted { Int($0) ?? 0 < Int($1) ?? 0 })
        #expect(queue.count == 0)
    }

    @Test func `a jam that is over dissolves although others keep coming`() {
        var queue = queue(limit: 100)
        // Eight clients whose requests stood still for longer than the limit.
        for client in 0..<8 { _ = queue.offer("\(client)", .init(), at: 0) }
        var lastServed: [String: UInt64] = [:]
        var longestWait: UInt64 = 0
        for turn in 0..<200 {
            // One is served every 10, and asks again at once.
            let now = 200 + UInt64(turn) * 10
            guard let job = queue.take(at: now) else { break }
            if turn > 100 { longestWait = max(longestWait, now - (lastServed[job] ?? 0)) }
            lastServed[job] = now
            _ = queue.offer(job, .init(), at: now)
        }
        #expect(lastServed.count == 8)
        #expect(longestWait == 80, "in order of arrival again")
    }

    @Test func `what matters more comes first`() {
        var queue = queue()
        _ = queue.offer("low", .init(priority: .low), at: 0)
        _ = queue.offer("normal", .init(priority: .normal), at: 0)
        _ = queue.offer("high", .init(priority: .high), at: 0)
        #expect(drain(&queue, at: 1) == ["high", "normal", "low"])
    }

    @Test func `a full queue gives the place of who matters less away`() {
        var queue = queue(limit: 2)
        _ = queue.offer("low 1", .init(priority: .low), at: 0)
        _ = queue.offer("low 2", .init(priority: .low), at: 1)
        guard case .full = queue.offer("low 3", .init(priority: .low), at: 2) else {
            Issue.record("a third of the same priority found room")
            return
        }
        guard case .admitted("low 1") = queue.offer("normal", .init(), at: 3) else {
            Issue.record("the oldest of the lowest has to go")
            return
        }
        #expect(queue.count == 2)
        #expect(drain(&queue, at: 4) == ["normal", "low 2"])
    }

    @Test func `who cannot be answered in time is told at once`() {
        var queue = queue(width: 2)
        _ = queue.offer("a", .init(deadline: 1000, cost: 400), at: 0)
        _ = queue.offer("b", .init(deadline: 1000, cost: 400), at: 0)
        // 800 of work on two workers, then 300 of its own: 700.
        guard case .late = queue.offer("c", .init(deadline: 699, cost: 300), at: 0) else {
            Issue.record("699 is not enough")
            return
        }
        guard case .admitted(nil) = queue.offer("d", .init(deadline: 700, cost: 300), at: 0) else {
            Issue.record("700 is enough")
            return
        }
        guard
            case .admitted = queue.offer(
                "e",
                .init(priority: .high, deadline: 300, cost: 300),
                at: 0
            )
        else {
            Issue.record("nobody is before one of higher priority")
            return
        }
    }

    @Test func `with nothing before it a request is tried however dear it looks`() {
        var queue = queue()
        guard case .admitted = queue.offer("a", .init(deadline: 1, cost: .max / 2), at: 0) else {
            Issue.record("a wrong guess would never be found out")
            return
        }
    }

    @Test func `those whose time has come are taken out wherever they wait`() {
        var queue = queue()
        _ = queue.offer("a", .init(deadline: 50, cost: 1), at: 0)
        _ = queue.offer("b", .init(deadline: 90, cost: 2), at: 0)
        _ = queue.offer("c", .init(priority: .low, deadline: 50, cost: 3), at: 0)
        _ = queue.offer("d", .init(deadline: 49, cost: 4), at: 0)
        #expect(queue.takeExpired(at: 50) == ["c", "a", "d"])
        #expect(queue.takeExpired(at: 50) == [])
        #expect(drain(&queue, at: 51) == ["b"])
        #expect(queue.count == 0)
    }

    @Test func `no job is lost and none comes twice`() {
        var generator = SystemRandomNumberGenerator()
        var queue = Queue(limit: 20, width: 2, lifoAfter: 5)
        var (entered, left) = (Set<String>(), Set<String>())
        func leave(_ job: String) {
            #expect(entered.contains(job))
            #expect(left.insert(job).inserted)
        }
        for step in 0..<20_000 {
            let now = UInt64(step)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0...2:
                let wish = Queue.Wish(
                    priority: .allCases.randomElement(using: &generator) ?? .normal,
                    deadline: now + .random(in: 0..<60, using: &generator),
                    cost: .random(in: 0..<4, using: &generator)
                )
                if case .admitted(let displaced) = queue.offer("\(step)", wish, at: now) {
                    entered.insert("\(step)")
                    if let displaced { leave(displaced) }
                }
            case 3: if let job = queue.take(at: now) { leave(job) }
            default: queue.takeExpired(at: now).forEach(leave)
            }
            #expect(queue.count == entered.count - left.count)
            #expect(queue.count <= 20)
        }
        drain(&queue, at: 20_000).forEach(leave)
        #expect(entered == left)
    }
}
