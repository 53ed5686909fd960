// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import Platform
import Testing

@Suite struct CanaryTests {
    let start = MonotonicClock.now
    static let wrong = CanaryOutcome.wrong([
        RecordDeviation(record: 3, output: "price", got: "1", want: "2", deviation: 0.5)
    ])

    /// A run every 30 seconds: `p`assed, `w`rong, `c`ould not run, `-` no run; and the verdict after
    /// each: `P`assing, `F`ailing, `S`tale, `.` pending.
    struct Story: Sendable, CustomTestStringConvertible {
        var runs: String
        var verdicts: String
        var failures = 1
        var successes = 2
        var testDescription: String { "\(runs) (\(failures), \(successes))" }
    }

    static let stories: [Story] = [
        Story(runs: "pppp", verdicts: "PPPP"),
        Story(runs: "w", verdicts: "F"),
        Story(runs: "pwpp", verdicts: "PFFP"),
        Story(runs: "pwpwpp", verdicts: "PFFFFP"),
        Story(runs: "pwppwpp", verdicts: "PFFPFFP"),
        Story(runs: "pwcpcp", verdicts: "PFFFFP"),
        Story(runs: "pcccp", verdicts: "PPPSP"),
        Story(runs: "p---p", verdicts: "PPPSP"),
        Story(runs: "pc-cp", verdicts: "PPPSP"),
        Story(runs: "ccccp", verdicts: "..SSP"),
        Story(runs: "---p", verdicts: "..SP"),
        Story(runs: "pw---", verdicts: "PFFFF"),
        Story(runs: "pwp---p-p", verdicts: "PFFFFFFFP"),
        Story(runs: "pwwpwwwp", verdicts: "PPPPPPFF", failures: 3),
        Story(runs: "pwwwppp", verdicts: "PPPFFFP", failures: 3, successes: 3),
        Story(runs: "wp", verdicts: ".P", failures: 2),
        Story(runs: "pwp", verdicts: "PFP", successes: 1),
    ]

    @Test(arguments: stories)
    func `runs add up to a verdict`(story: Story) {
        var settings = CanarySettings()
        settings.failures = story.failures
        settings.successes = story.successes
        var canary = CanaryState(settings: settings, startedAt: start)
        var now = start
        var verdicts = ""
        for run in story.runs {
            now = now + .seconds(30)
            switch run {
            case "p": canary.record(.passed(deviation: 1e-6), at: now)
            case "w": canary.record(Self.wrong, at: now)
            case "c": canary.record(.couldNotRun(reason: "no arena"), at: now)
            default: break
            }
            switch canary.verdict(at: now) {
            case .passing: verdicts += "P"
            case .failing: verdicts += "F"
            case .stale: verdicts += "S"
            case .pending: verdicts += "."
            }
        }
        #expect(verdicts == story.verdicts)
    }

    @Test func `a good verdict is believed for two intervals, not longer`() {
        var canary = CanaryState(settings: CanarySettings(), startedAt: start)
        #expect(canary.verdict(at: start) == .pending)
        #expect(canary.verdict(at: start + .seconds(60)) == .pending)
        #expect(canary.verdict(at: start + .seconds(60) + .nanoseconds(1)) == .stale)
        canary.record(.passed(deviation: 0), at: start + .seconds(100))
        #expect(canary.verdict(at: start + .seconds(160)) == .passing)
        #expect(canary.verdict(at: start + .seconds(160) + .nanoseconds(1)) == .stale)
        #expect(canary.age(at: start + .seconds(130)) == .seconds(30))
    }

    @Test func `the last deviation is that of the last answers`() {
        var canary = CanaryState(settings: CanarySettings(), startedAt: start)
        #expect(canary.lastDeviation == nil)
        canary.record(.passed(deviation: 1e-6), at: start)
        canary.record(.couldNotRun(reason: "deadline"), at: start)
        #expect(canary.lastDeviation == 1e-6)
        #expect(canary.lastOutcome == .couldNotRun(reason: "deadline"))
        canary.record(Self.wrong, at: start)
        #expect(canary.lastDeviation == 0.5)
    }

    @Test func `the interval is jittered downwards by a tenth at most`() {
        let intervals = (0..<1000).map { jittered(interval: .seconds(30), seed: $0) }
        #expect(intervals.allSatisfy { $0 >= .seconds(27) && $0 <= .seconds(30) })
        #expect(Set(intervals).count > 990)
        #expect(intervals.contains { $0 < .milliseconds(27_300) })
        #expect(intervals.contains { $0 > .milliseconds(29_700) })
        #expect(jittered(interval: .seconds(30), seed: 5) == intervals[5])
    }
}
