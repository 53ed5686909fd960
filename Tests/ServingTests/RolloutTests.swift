// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct RolloutTests {
    private let now = MonotonicClock.now

    private func limits(_ change: (inout Settings.Rollout) -> Void = { _ in }) -> Settings.Rollout {
        var limits = Settings.Rollout()
        limits.shadowFor = .zero
        limits.stepFor = .seconds(10)
        limits.minimumRows = 50
        limits.steps = "10 50"
        limits.shadowShare = 0
        change(&limits)
        return limits
    }

    private struct Pair {
        let stable: ModelVersion
        let candidate: ModelVersion

        init() throws {
            stable = try servedModel("diamonds-price/1")
            candidate = try servedModel("diamonds-price/2")
            for version in [stable, candidate] { version.note(.passed(deviation: 0)) }
        }
    }

    /// Answers some stones and lets the rollout see them.
    private func answer(
        _ version: ModelVersion,
        _ rollout: Rollout,
        requests: Int = 10,
        stones: Int = 2,
        nanoseconds: UInt64 = 1000
    ) throws {
        let all = (0..<stones).map { stone($0.isMultiple(of: 2) ? [:] : ["carat": "0.9"]) }
        let body = Array(#"{"instances": [\#(all.joined(separator: ", "))]}"#.utf8)
        for _ in 0..<requests {
            try version.decodeRows(body, into: version.reserved)
            _ = try version.answer(
                version.reserved,
                PredictionContext(override: .auto, now: now)
            )
            rollout.observe(
                version,
                .rows,
                body.span,
                jsonByteCount: body.count,
                version.reserved.tables,
                nanoseconds: nanoseconds
            )
        }
    }

    @Test func `it goes on when time and rows are enough, and ends behind the last step`() throws {
        let pair = try Pair()
        let rollout = Rollout(from: pair.stable, to: pair.candidate, limits(), now: now)
        #expect(rollout.version(for: "anybody") === pair.stable)
        guard case .stepped(let percent) = rollout.judge(at: now) else {
            Issue.record("no step")
            return
        }
        #expect(percent == 10)
        try answer(pair.candidate, rollout, requests: 30)
        guard case .wait(let reason) = rollout.judge(at: now + .seconds(1)) else {
            Issue.record("too early")
            return
        }
        #expect(reason == "for time")
        let later = now + .seconds(11)
        guard case .stepped(let next) = rollout.judge(at: later) else {
            Issue.record("no second step")
            return
        }
        #expect(next == 50)
        guard case .wait(let lack) = rollout.judge(at: later + .seconds(11)) else {
            Issue.record("counts of the step before must not count")
            return
        }
        #expect(lack == "for 50 rows more")
        try answer(pair.candidate, rollout, requests: 30)
        guard case .finished = rollout.judge(at: later + .seconds(11)) else {
            Issue.record("not finished")
            return
        }
    }

    @Test func `keys are spread evenly, stay where they are, and differ by version`() throws {
        let points = (0..<20_000).map { stickyPoint(of: "customer-\($0)", version: 3) }
        #expect(points.allSatisfy { (0..<10_000).contains($0) })
        for decile in 0..<10 {
            let inside = points.count { $0 / 1000 == decile }
            // Five standard deviations of a fair spread.
            #expect(abs(inside - 2000) < 215, "\(decile): \(inside)")
        }
        #expect(points[7] == stickyPoint(of: "customer-7", version: 3))
        let others = (0..<20_000).map { stickyPoint(of: "customer-\($0)", version: 4) }
        let both = zip(points, others).count { $0 < 1000 && $1 < 1000 }
        #expect(both < 300, "the same clients would always try what is new")
        #expect(stickyPoint(of: "", version: 1) >= 0)
    }

    @Test func `a version whose golden records fail, or whose breaker is open, fails`() throws {
        let pair = try Pair()
        let rollout = Rollout(from: pair.stable, to: pair.candidate, limits(), now: now)
        openBreaker(of: pair.candidate)
        guard case .failed(let gate) = rollout.judge(at: now) else {
            Issue.record("not failed")
            return
        }
        #expect(gate.name == "breaker")
        pair.candidate.note(.wrong([goldenDeviation]))
        guard case .failed(let first) = rollout.judge(at: now) else {
            Issue.record("not failed")
            return
        }
        #expect(first.name == "canary")
    }

    /// As its own refused answers do.
    private func openBreaker(of version: ModelVersion) {
        version.guards.withLock { state in
            let rows = state.breaker.settings.minimumRequests
            let admission = state.breaker.admit(rows: rows, at: now)
            _ = state.breaker.record(admission, passed: 0, refused: rows, at: now)
        }
    }

    @Test func `what is not its own fault makes it wait`() throws {
        let pair = try Pair()
        let rollout = Rollout(from: pair.stable, to: pair.candidate, limits(), now: now)
        _ = pair.candidate.guards.withLock { $0.breaker.trip(reason: "an operator's") }
        guard case .wait = rollout.judge(at: now) else {
            Issue.record("an operator opens the breakers of all versions")
            return
        }
        _ = pair.candidate.guards.withLock { $0.breaker.reset() }
        // Golden records that have not run for long say nothing of the answers.
        guard case .wait = rollout.judge(at: now + .seconds(3600)) else {
            Issue.record("a verdict that is old")
            return
        }
        guard case .stepped = rollout.judge(at: now) else {
            Issue.record("no step")
            return
        }
    }

    @Test func `requests that it does not answer are counted, and too many of them fail`() throws {
        let pair = try Pair()
        let rollout = Rollout(from: pair.stable, to: pair.candidate, limits(), now: now)
        try answer(pair.stable, rollout, requests: 100)
        for _ in 0..<60 {
            let tables = pair.candidate.reserved
            rollout.noteUnanswered(pair.candidate, tables.tables, isInterrupted: true)
        }
        #expect(rollout.failedGate(at: now)?.name == "unanswered")
    }

    @Test func `requests of unlike size are not held against each other`() throws {
        let pair = try Pair()
        let rollout = Rollout(
            from: pair.stable,
            to: pair.candidate,
            limits { $0.maximumPSI = 1e6 },
            now: now
        )
        try answer(pair.stable, rollout, requests: 60)
        try answer(pair.candidate, rollout, requests: 60, stones: 12, nanoseconds: 900_000)
        #expect(rollout.failedGate(at: now) == nil)
        try answer(pair.candidate, rollout, requests: 60, nanoseconds: 900_000)
        #expect(rollout.failedGate(at: now)?.name == "latency")
    }

    @Test func `answers of the fallback alone say nothing of its time`() throws {
        let pair = try Pair()
        let rollout = Rollout(from: pair.stable, to: pair.candidate, limits(), now: now)
        openBreaker(of: pair.stable)
        try answer(pair.stable, rollout, requests: 60)
        try answer(pair.candidate, rollout, requests: 60, nanoseconds: 900_000)
        #expect(rollout.failedGate(at: now) == nil)
    }

    @Test func `the same version agrees with itself, and another is told by its bins`() async throws
    {
        let pair = try Pair()
        let wanted = limits {
            $0.shadowShare = 1
            $0.shadowFor = .seconds(3600)
            $0.tolerance = 1e-6
        }
        let twin = try servedModel("diamonds-price/1")
        for (candidate, agrees) in [(twin, true), (pair.candidate, false)] {
            let rollout = Rollout(from: pair.stable, to: candidate, wanted, now: now)
            try answer(pair.stable, rollout, requests: 5)
            for _ in 0..<200 where rollout.shadowCounts.run < 5 {
                try await Task.sleep(for: .milliseconds(10))
            }
            let agreement = rollout.gates(at: now).agreement
            #expect(agreement.rows == 10)
            #expect((agreement.agreeing == 10) == agrees)
            let bins = agreement.json["worst_bins"]?.asArray ?? []
            #expect(bins.isEmpty == agrees)
            guard !agrees else { continue }
            #expect(bins.contains { $0["feature"] == "cut" && $0["bin"] == "Ideal" })
        }
    }

    @Test func `steps are rising percents`() {
        #expect(RolloutSteps("1 5 25")?.percents == [1, 5, 25])
        #expect(RolloutSteps("0.5")?.percents == [0.5])
        #expect(RolloutSteps("0.01")?.percents == [0.01])
        for text in ["", "0", "0.009", "5 5", "5 1", "100", "x", "-1", "nan", "1 inf"] {
            #expect(RolloutSteps(text) == nil, "\(text)")
        }
    }
}

@Suite struct ObservedShareTests {
    private func share(_ count: Int, of rows: Int) -> ObservedShare {
        ObservedShare(count: count, of: rows, independent: Double(rows))
    }

    @Test func `what chance explains is no excess`() {
        // A twin of a version that refuses one row in a hundred, at its fiftieth row.
        #expect(!share(2, of: 50).exceeds(share(99, of: 10_000), by: 0.01))
        #expect(!share(10, of: 500).exceeds(share(100, of: 10_000), by: 0.01))
        #expect(!share(0, of: 0).exceeds(share(0, of: 0), by: 0.01))
        // Nothing is known of the old version.
        #expect(!share(10, of: 50).exceeds(share(0, of: 0), by: 0.01))
    }

    @Test func `what chance does not explain is`() {
        #expect(share(50, of: 50).exceeds(share(0, of: 200), by: 0.01))
        #expect(share(8, of: 50).exceeds(share(0, of: 10_000), by: 0.01))
        #expect(share(500, of: 10_000).exceeds(share(100, of: 10_000), by: 0.01))
        #expect(!share(500, of: 10_000).exceeds(share(100, of: 10_000), by: 0.05))
    }

    @Test func `rows of one request count as one`() {
        let one = ObservedShare(count: 10, of: 100, independent: 1)
        #expect(!one.exceeds(share(0, of: 10_000), by: 0.01))
    }
}

@Suite struct LogHistogramTests {
    @Test func `quantiles are within a tenth`() throws {
        var histogram = LogHistogram()
        #expect(histogram.quantile(0.5) == nil)
        for value in 1...1000 { histogram.add(Double(value)) }
        for share in [0.01, 0.5, 0.9, 0.99] {
            let found = try #require(histogram.quantile(share))
            #expect(abs(found / (share * 1000) - 1) < 0.1, "\(share): \(found)")
        }
    }

    @Test func `zeros, infinities and what is no number have a place`() {
        var histogram = LogHistogram()
        for value in [0, -1, .infinity, .nan, 1e300] { histogram.add(value) }
        #expect(histogram.count == 5)
        #expect(histogram.quantile(0.1) == 0)
        #expect(histogram.quantile(1).map { $0 > 1e10 } == true)
    }
}

@Suite struct PredictionBinsTests {
    /// SciPy: sum((p - q) * log(p / q)) of the smoothed shares, entropy(p, q) + entropy(q, p).
    @Test func `the stability index is that of its definition`() {
        let same = PredictionBins.stabilityIndex([10, 20, 30], [10, 20, 30])
        #expect(same == 0)
        let index = PredictionBins.stabilityIndex([50, 30, 20], [20, 30, 50])
        #expect(abs(index - 0.532935044415932) < 1e-9, "\(index)")
    }

    @Test func `values go where the baseline counts them`() {
        #expect(bin(of: 0.5, among: [1, 2, 3]) == 0)
        #expect(bin(of: 1, among: [1, 2, 3]) == 1)
        #expect(bin(of: 2.5, among: [1, 2, 3]) == 2)
        #expect(bin(of: 3, among: [1, 2, 3]) == 3)
        #expect(bin(of: .nan, among: [1, 2, 3]) == 0)
        #expect(bin(of: 1, among: []) == 0)
    }
}
