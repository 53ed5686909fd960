// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Platform
import Testing

@testable import Guards

@Suite struct BreakerTests {
    let start = MonotonicClock.now

    func settings(probes: Int = 3) -> BreakerSettings {
        var settings = BreakerSettings()
        settings.probes = probes
        return settings
    }

    /// Serves `rows`, of which `refused` are, as one request.
    @discardableResult
    func serve(
        _ rows: Int,
        refused: Int = 0,
        on breaker: inout Breaker,
        at now: MonotonicClock.Instant
    ) -> Breaker.Effect? {
        let admission = breaker.admit(rows: rows, at: now)
        return breaker.record(
            admission,
            passed: admission.rows - min(refused, admission.rows),
            refused: min(refused, admission.rows),
            at: now
        )
    }

    func opened() -> Breaker {
        var breaker = Breaker(settings: settings())
        serve(20, refused: 20, on: &breaker, at: start)
        return breaker
    }

    func probing() -> Breaker {
        var breaker = opened()
        _ = breaker.advance(at: start + .seconds(30))
        _ = breaker.recordGolden(passed: true, at: start + .seconds(30))
        return breaker
    }

    @Test func `closed lets every row through`() {
        var breaker = Breaker(settings: settings())
        #expect(breaker.admit(rows: 1000, at: start).rows == 1000)
        #expect(breaker.advance(at: start + .seconds(999)) == nil)
        #expect(breaker.recordGolden(passed: false, at: start) == nil)
        #expect(breaker.state == .closed)
    }

    struct Trip: Sendable {
        var rows: Int
        var refused: Int
        var trips: Bool
    }

    static let trips: [Trip] = [
        Trip(rows: 19, refused: 19, trips: false), Trip(rows: 20, refused: 0, trips: false),
        Trip(rows: 20, refused: 1, trips: true), Trip(rows: 21, refused: 1, trips: false),
        Trip(rows: 100, refused: 4, trips: false), Trip(rows: 100, refused: 5, trips: true),
        Trip(rows: 1000, refused: 10, trips: false), Trip(rows: 1000, refused: 50, trips: true),
    ]

    @Test(arguments: trips)
    func `it trips at the share of enough rows`(trip: Trip) {
        var breaker = Breaker(settings: settings())
        let effect = serve(trip.rows, refused: trip.refused, on: &breaker, at: start)
        #expect((effect != nil) == trip.trips)
        #expect(breaker.state == (trip.trips ? .open : .closed))
    }

    @Test func `only the latest rows count`() {
        var breaker = Breaker(settings: settings())
        serve(96, on: &breaker, at: start)
        serve(4, refused: 4, on: &breaker, at: start)
        #expect(breaker.snapshot(at: start).refused == 4)
        serve(96, on: &breaker, at: start)
        #expect(breaker.snapshot(at: start).refused == 4)
        serve(4, on: &breaker, at: start)
        #expect(breaker.snapshot(at: start).refused == 0)
        #expect(breaker.snapshot(at: start).counted == 100)
    }

    @Test func `a trip says how many of how many`() {
        var breaker = Breaker(settings: settings())
        serve(50, on: &breaker, at: start)
        #expect(serve(10, refused: 3, on: &breaker, at: start) == .trip(refused: 3, of: 60))
    }

    @Test func `open lets nothing through until it has cooled down`() {
        var breaker = opened()
        #expect(breaker.admit(rows: 5, at: start + .seconds(29)).rows == 0)
        #expect(breaker.advance(at: start + .milliseconds(29_999)) == nil)
        let rest = breaker.snapshot(at: start + .seconds(10)).remainingCoolDown
        #expect(rest == .seconds(20))
        #expect(breaker.state == .open)
        #expect(breaker.advance(at: start + .seconds(30)) == .runGolden)
        #expect(breaker.state == .halfOpen)
    }

    @Test func `half-open waits for the golden records, and asks again when nothing comes`() {
        var breaker = opened()
        let now = start + .seconds(30)
        #expect(breaker.advance(at: now) == .runGolden)
        #expect(breaker.admit(rows: 5, at: now).rows == 0)
        #expect(breaker.advance(at: now + .seconds(29)) == nil)
        #expect(breaker.advance(at: now + .seconds(30)) == .runGolden)
        #expect(breaker.recordGolden(passed: true, at: now + .seconds(31)) == .probe)
        #expect(breaker.recordGolden(passed: false, at: now + .seconds(32)) == nil)
        #expect(breaker.state == .halfOpen)
    }

    @Test func `golden records that fail open it again`() {
        var breaker = opened()
        let now = start + .seconds(30)
        _ = breaker.advance(at: now)
        #expect(breaker.recordGolden(passed: false, at: now) == .reopen(.goldenFailed))
        #expect(breaker.state == .open)
        #expect(breaker.advance(at: now + .seconds(29)) == nil)
        #expect(breaker.advance(at: now + .seconds(30)) == .runGolden)
    }

    @Test func `probes go one by one, and all must pass`() {
        var breaker = probing()
        let now = start + .seconds(31)
        for passed in 0..<3 {
            #expect(breaker.snapshot(at: now).probesPassed == passed)
            let probe = breaker.admit(rows: 8, at: now)
            #expect(probe.rows == 1)
            #expect(probe.isProbe)
            #expect(breaker.admit(rows: 8, at: now).rows == 0)
            let effect = breaker.record(probe, passed: 1, refused: 0, at: now)
            #expect(effect == (passed == 2 ? .close : nil))
        }
        #expect(breaker.state == .closed)
        #expect(breaker.snapshot(at: now).counted == 0)
    }

    @Test(arguments: 0..<3)
    func `one refused probe opens it again`(before: Int) {
        var breaker = probing()
        let now = start + .seconds(31)
        for _ in 0..<before { serve(1, on: &breaker, at: now) }
        #expect(serve(1, refused: 1, on: &breaker, at: now) == .reopen(.probeRefused))
        #expect(breaker.state == .open)
        #expect(breaker.admit(rows: 1, at: now).rows == 0)
    }

    @Test func `a probe that did not run makes room for the next and counts for nothing`() {
        var breaker = probing()
        let now = start + .seconds(31)
        let probe = breaker.admit(rows: 1, at: now)
        #expect(breaker.record(probe, passed: 0, refused: 0, at: now) == nil)
        #expect(breaker.admit(rows: 1, at: now).rows == 1)
        #expect(breaker.snapshot(at: now).probesPassed == 0)
    }

    @Test func `a probe that is never heard of is given up, and counts no more`() {
        var breaker = probing()
        let now = start + .seconds(31)
        let lost = breaker.admit(rows: 1, at: now)
        #expect(breaker.admit(rows: 1, at: now + .seconds(29)).rows == 0)
        let second = breaker.admit(rows: 1, at: now + .seconds(30))
        #expect(second.rows == 1)
        #expect(breaker.record(lost, passed: 0, refused: 1, at: now + .seconds(31)) == nil)
        #expect(breaker.state == .halfOpen)
        #expect(breaker.record(second, passed: 1, refused: 0, at: now + .seconds(31)) == nil)
        #expect(breaker.snapshot(at: now).probesPassed == 1)
    }

    @Test func `answers from before a change of state do not count`() {
        var breaker = Breaker(settings: settings())
        let slow = breaker.admit(rows: 50, at: start)
        serve(20, refused: 20, on: &breaker, at: start)
        #expect(breaker.state == .open)
        #expect(breaker.record(slow, passed: 0, refused: 50, at: start) == nil)
        _ = breaker.advance(at: start + .seconds(30))
        _ = breaker.recordGolden(passed: true, at: start + .seconds(30))
        #expect(breaker.record(slow, passed: 50, refused: 0, at: start + .seconds(31)) == nil)
        #expect(breaker.snapshot(at: start).probesPassed == 0)
    }

    private func tripped() -> Breaker {
        var breaker = Breaker(settings: settings())
        _ = breaker.trip(reason: "since yesterday")
        return breaker
    }

    @Test(arguments: 0..<4)
    func `a person opens it in any state, and only a person closes it`(state: Int) {
        var breaker = [
            Breaker(settings: settings()), opened(), probing(), tripped(),
        ][state]
        let now = start + .seconds(40)
        #expect(breaker.trip(reason: "odd prices") == .forceOpen(reason: "odd prices"))
        #expect(breaker.state == .forcedOpen)
        #expect(breaker.snapshot(at: now).reason == "odd prices")
        #expect(breaker.advance(at: now + .seconds(9999)) == nil)
        #expect(breaker.recordGolden(passed: true, at: now) == nil)
        #expect(breaker.admit(rows: 3, at: now).rows == 0)
        #expect(breaker.reset() == .reset)
        #expect(breaker.state == .closed)
        #expect(breaker.admit(rows: 3, at: now).rows == 3)
    }

    /// Every sequence of seven events leads through the edges of the state machine only.
    @Test func `no other edge exists`() {
        let edges: [Breaker.State: Set<Breaker.State>] = [
            .closed: [.closed, .open, .forcedOpen],
            .open: [.open, .halfOpen, .forcedOpen, .closed],
            .halfOpen: [.halfOpen, .open, .closed, .forcedOpen],
            .forcedOpen: [.forcedOpen, .closed],
        ]
        for code in 0..<78_125 {
            var (breaker, rest, now) = (Breaker(settings: settings(probes: 1)), code, start)
            for _ in 0..<7 {
                let before = breaker.state
                var isByHand = false
                switch rest % 5 {
                case 0: serve(20, on: &breaker, at: now)
                case 1: serve(20, refused: 20, on: &breaker, at: now)
                case 2:
                    now = now + .seconds(30)
                    _ = breaker.advance(at: now)
                case 3: _ = breaker.recordGolden(passed: rest % 2 == 0, at: now)
                default:
                    isByHand = true
                    _ = rest % 2 == 0 ? breaker.trip(reason: "r") : breaker.reset()
                }
                rest /= 5
                let after = breaker.state
                guard edges[before]?.contains(after) == true else {
                    Issue.record("\(before) to \(after) in \(code)")
                    return
                }
                if before == .forcedOpen, !isByHand { #expect(after == .forcedOpen) }
                if before == .open, after == .closed { #expect(isByHand) }
            }
        }
    }

    @Test func `refusals are spread over a long request`() {
        var window = OutcomeWindow(capacity: 100)
        window.append(passed: 990, refused: 10)
        #expect(window.counted == 100)
        #expect(window.refused == 1)
        window.append(passed: 0, refused: 7)
        #expect((7...8).contains(window.refused))
        window.append(passed: -1, refused: -1)
        #expect(window.counted == 100)
    }
}
