// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import Platform

/// Whether a model's golden records still come out right.
package enum CanaryVerdict: String, Sendable, CaseIterable {
    case passing
    /// An answer was wrong.
    case failing
    /// The last good verdict is too old, whether golden runs fail to run or have stopped.
    case stale
    /// No golden run has passed yet.
    case pending
}

/// How one run of the golden records ended.
package enum CanaryOutcome: Sendable, Equatable {
    /// All were right; the greatest deviation among them.
    case passed(deviation: Double)
    case wrong([RecordDeviation])
    case couldNotRun(reason: String)
}

/// One golden answer that did not come out right.
package struct RecordDeviation: Sendable, Equatable {
    /// From 0.
    package var record: Int
    package var output: String
    package var got: String
    package var want: String
    /// Infinite where there is no measure: texts, NaN.
    package var deviation: Double

    package init(record: Int, output: String, got: String, want: String, deviation: Double) {
        self.record = record
        self.output = output
        self.got = got
        self.want = want
        self.deviation = deviation
    }
}

/// What a model's golden runs add up to.
///
/// One wrong run (`failures` of them in a row) is a failing verdict, `successes` right ones in a row
/// end it. A run that could not run says nothing about the answers: it only fails to renew the last
/// good verdict, which is believed for two intervals. So a canary that is stuck is a canary that
/// fails.
package struct CanaryState: Sendable {
    package private(set) var settings: CanarySettings
    /// How long a good verdict is believed.
    package private(set) var freshness: Duration
    private let startedAt: MonotonicClock.Instant
    private var isFailing = false
    private var lastPass: MonotonicClock.Instant? {
        didSet {
            hasPassed = lastPass != nil
            freshUntil = (lastPass ?? startedAt) + freshness
        }
    }
    /// What every request asks for: whether there was a pass, and until when the verdict is believed.
    package private(set) var hasPassed = false
    private var freshUntil: MonotonicClock.Instant
    private var lastRun: MonotonicClock.Instant?
    private var passesInARow = 0
    private var wrongsInARow = 0
    package private(set) var lastOutcome: CanaryOutcome?
    /// The greatest deviation of the last run that came to answers; infinite for what has no measure.
    package private(set) var lastDeviation: Double?

    package init(settings: CanarySettings, startedAt: MonotonicClock.Instant) {
        self.settings = settings
        freshness = settings.interval * 2
        freshUntil = startedAt + freshness
        self.startedAt = startedAt
    }

    /// Changes the time between two runs, and with it how long a good verdict is believed.
    package mutating func setInterval(_ interval: Duration) {
        settings.interval = interval
        freshness = interval * 2
        freshUntil = (lastPass ?? startedAt) + freshness
    }

    /// Takes note of a run; a change of the verdict is for the caller to see and to journal.
    package mutating func record(_ outcome: CanaryOutcome, at now: MonotonicClock.Instant) {
        lastOutcome = outcome
        lastRun = now
        switch outcome {
        case .passed(let deviation):
            lastDeviation = deviation
            recordPass(at: now)
        case .wrong(let deviations):
            lastDeviation = deviations.map(\.deviation).max() ?? .infinity
            passesInARow = 0
            wrongsInARow += 1
            if wrongsInARow >= settings.failures { isFailing = true }
        case .couldNotRun:
            break
        }
    }

    package func verdict(at now: MonotonicClock.Instant) -> CanaryVerdict {
        if isFailing { return .failing }
        guard now <= freshUntil else { return .stale }
        return hasPassed ? .passing : .pending
    }

    /// The time since the last run that passed; nil before the first.
    package func age(at now: MonotonicClock.Instant) -> Duration? { lastPass.map { now - $0 } }

    /// The time since the last run of any outcome; nil before the first.
    package func timeSinceRun(at now: MonotonicClock.Instant) -> Duration? {
        lastRun.map { now - $0 }
    }

    private mutating func recordPass(at now: MonotonicClock.Instant) {
        let isFresh = lastPass.map { now - $0 <= freshness } ?? true
        passesInARow = isFresh || passesInARow == 0 ? passesInARow + 1 : 1
        wrongsInARow = 0
        lastPass = now
        if passesInARow >= settings.successes { isFailing = false }
    }
}

/// The interval to the next golden run.
///
/// Shorter than the contract's by a random share, so that the pods of a deployment do not run theirs
/// at the same time, and never longer, so that none waits longer than promised.
///
/// - Parameters:
///   - interval: the contract's.
///   - share: the most by which it is shortened.
///   - seed: random for each pod and run.
/// - Returns: the time to wait.
package func jittered(interval: Duration, by share: Double = 0.1, seed: UInt64) -> Duration {
    var mixed = seed &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    return interval * (1 - share * (1 - Double(mixed >> 11) / 9_007_199_254_740_992))
}
