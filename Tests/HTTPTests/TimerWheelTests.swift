// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct TimerWheelTests {
    @Test func `an entry comes up once, after its moment and within a tick of it`() {
        for start in [Int64(0), 5, 1_000_003] {
            for delay in [Int64(0), 1, 15, 16, 17, 100, 1000, 16_000] {
                var wheel = TimerWheel(now: start)
                let moment = start + delay
                wheel.add(7, at: wheel.tick(of: moment))
                var found: Int64?
                for now in start...(moment + 40) {
                    while let due = wheel.takeDue(at: now) {
                        #expect(due.tokens == [7] && found == nil)
                        found = now
                    }
                }
                #expect(
                    found.map { moment <= $0 && $0 <= moment + 32 } == true,
                    "\(start) \(delay)"
                )
                #expect(wheel.next == nil)
            }
        }
    }

    @Test func `what is far away comes up early to be added again`() {
        let wheel = TimerWheel(now: 0)
        let tick = wheel.tick(of: .max)
        #expect(tick == wheel.tick(of: 1 << 50))
        #expect(tick * TimerWheel.millisecondsPerTick <= 17_000)
    }

    @Test func `a loop that stood still finds all that is over`() {
        var wheel = TimerWheel(now: 0)
        for token in 0..<100 { wheel.add(UInt64(token), at: wheel.tick(of: Int64(token) * 150)) }
        var tokens: [UInt64] = []
        while let due = wheel.takeDue(at: 1_000_000_000) { tokens += due.tokens }
        #expect(tokens == Array(0..<100))
        wheel.add(1, at: wheel.tick(of: 1_000_000_050))
        #expect(wheel.takeDue(at: 1_000_000_000) == nil)
        #expect(wheel.takeDue(at: 1_000_000_100)?.tokens == [1])
    }

    @Test func `a wheel agrees with a list that is looked through`() {
        var generator = SystemRandomNumberGenerator()
        var now: Int64 = .random(in: 0..<1 << 40, using: &generator)
        var wheel = TimerWheel(now: now)
        var pending: [UInt64: Int64] = [:]
        for token in 0..<UInt64(20_000) {
            let tick = wheel.tick(of: now + .random(in: 0..<20_000, using: &generator))
            wheel.add(token, at: tick)
            pending[token] = tick
            #expect(
                wheel.next == pending.values.min().map { $0 * TimerWheel.millisecondsPerTick }
            )
            now += .random(in: 0..<64, using: &generator)
            while let (tick, tokens) = wheel.takeDue(at: now) {
                #expect(tick * TimerWheel.millisecondsPerTick <= now)
                for token in tokens { #expect(pending.removeValue(forKey: token) == tick) }
            }
            #expect(pending.values.allSatisfy { $0 * TimerWheel.millisecondsPerTick > now })
            if pending.count > 60 { now += 3000 }
        }
    }
}

@Suite struct IdleListTests {
    @Test func `the list agrees with an array`() {
        var generator = SystemRandomNumberGenerator()
        var list = IdleList()
        var model: [UInt32] = []
        for _ in 0..<20_000 {
            let slot = UInt32.random(in: 0..<40, using: &generator)
            model.removeAll { $0 == slot }
            if Bool.random(using: &generator) {
                list.append(slot)
                model.append(slot)
            } else {
                list.remove(slot)
            }
            #expect(list.first == model.first)
        }
        while let slot = list.first {
            #expect(slot == model.removeFirst())
            list.remove(slot)
        }
        #expect(model.isEmpty)
    }
}
