// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import HTTP
import Platform
import Synchronization

/// A new version on its way to all traffic: first in shadow, then answering for a growing share.
///
/// What every request asks is in atomics; counts are behind a lock that only models with a rollout
/// take.
package final class Rollout: Sendable {
    let stable: ModelVersion
    let candidate: ModelVersion
    let limits: Settings.Rollout
    private let steps: RolloutSteps
    private let shadow: ShadowRunner
    /// Of all keys, in hundredths of a percent.
    private let share: Atomic<Int>

    struct State: Sendable {
        /// 0 is the shadow, 1 the first step.
        var step: Int
        var since: MonotonicClock.Instant
        var stable: ArmCounts
        var candidate: ArmCounts
        var agreement: Agreement
        /// Collects shares until they make a whole request for the shadow.
        var sampled = 0.0
    }
    private let state: Guarded<State>

    /// Begins at a step, as a restart does, or in shadow.
    init(
        from stable: ModelVersion,
        to candidate: ModelVersion,
        _ limits: Settings.Rollout,
        step: Int = 0,
        now: MonotonicClock.Instant = .now
    ) {
        self.stable = stable
        self.candidate = candidate
        self.limits = limits
        // `contradictions()` has refused what cannot be read.
        steps = RolloutSteps(limits.steps) ?? .usual
        shadow = ShadowRunner()
        let first = max(0, min(step, steps.percents.count))
        share = Atomic(Self.share(of: first, steps))
        state = Guarded(Self.fresh(first, stable, candidate, limits, now))
    }

    private static func fresh(
        _ step: Int,
        _ stable: ModelVersion,
        _ candidate: ModelVersion,
        _ limits: Settings.Rollout,
        _ now: MonotonicClock.Instant
    ) -> State {
        State(
            step: step,
            since: now,
            stable: ArmCounts(),
            candidate: ArmCounts(),
            agreement: Agreement(candidate, beside: stable, tolerance: limits.tolerance)
        )
    }

    private static func share(of step: Int, _ steps: RolloutSteps) -> Int {
        step == 0 ? 0 : Int((steps.percents[step - 1] * 100).rounded())
    }

    // MARK: Traffic

    /// Which version answers a request: for one key always the same, on every replica.
    func version(for key: String) -> ModelVersion {
        let share = share.load(ordering: .relaxed)
        guard share > 0 else { return stable }
        return stickyPoint(of: key, version: candidate.version) < share ? candidate : stable
    }

    /// Takes note of an answered request, and has the new version answer some of them in shadow.
    func observe(
        _ version: ModelVersion,
        _ form: PredictionForm,
        _ body: Span<UInt8>,
        jsonByteCount: Int,
        _ tables: borrowing PredictionTables,
        nanoseconds: UInt64
    ) {
        let isCandidate = version === candidate
        let isSampled = count(tables, nanoseconds, isCandidate: isCandidate)
        guard isSampled else { return }
        let byteCount = body.count + ShownAnswers.byteCount(tables)
        guard shadow.reserve(byteCount: byteCount) else { return }
        let (bytes, shown) = (body.copied(), ShownAnswers(tables))
        shadow.submit(byteCount: byteCount) { [self] in
            shown.map { run(bytes, form, jsonByteCount, $0) } ?? false
        }
    }

    /// Takes note of a request that one of the versions gave no answer to, for a reason of its own.
    ///
    /// - Parameters:
    ///   - version: which.
    ///   - tables: what the guards said of its rows.
    ///   - isInterrupted: whether it was stopped before there was anything to say of them.
    func noteUnanswered(
        _ version: ModelVersion,
        _ tables: borrowing PredictionTables,
        isInterrupted: Bool
    ) {
        state.withLock { state in
            let arm: WritableKeyPath<State, ArmCounts> =
                version === candidate ? \.candidate : \.stable
            state[keyPath: arm].addUnanswered()
            if !isInterrupted { state[keyPath: arm].addRows(tables) }
        }
    }

    /// Runs nothing in shadow any more.
    func end() { shadow.end() }

    private func count(
        _ tables: borrowing PredictionTables,
        _ nanoseconds: UInt64,
        isCandidate: Bool
    ) -> Bool {
        state.withLock { state in
            guard !isCandidate else {
                state.candidate.add(tables, nanoseconds: nanoseconds)
                return false
            }
            state.stable.add(tables, nanoseconds: nanoseconds)
            state.sampled += limits.shadowShare
            guard state.sampled >= 1 else { return false }
            state.sampled -= 1
            return true
        }
    }

    /// Answers a request again with the new version, for nobody to see.
    ///
    /// In the workspace of the canary: those of the pool are as many as live requests may need.
    ///
    /// - Returns: whether it ran.
    private func run(
        _ body: [UInt8],
        _ form: PredictionForm,
        _ jsonByteCount: Int,
        _ shown: ShownAnswers
    ) -> Bool {
        guard candidate.reservedTurns.takeForShadow() else { return false }
        defer { candidate.reservedTurns.giveBack() }
        let workspace = candidate.reserved
        var isRefused = false
        do throws(Failure) {
            var request = try candidate.decode(
                body.span,
                form: form,
                jsonByteCount: jsonByteCount,
                into: workspace
            )
            request.outputs = []
            isRefused = !workspace.tables.features.violations.isEmpty
            if !isRefused {
                let context = PredictionContext(
                    override: .auto,
                    now: .now,
                    deadline: MonotonicClock.nanoseconds()
                        &+ UInt64(clamping: Self.longestRun.nanoseconds),
                    isOffline: true
                )
                _ = try candidate.answer(workspace, context, body: body.span)
            }
        } catch {
            // Behind everything else it may just not have had its turn.
            guard error.code != Failure.deadlineCode else { return false }
            isRefused = true
        }
        state.withLock { state in
            guard !isRefused else {
                state.agreement.noteRefused(rows: shown.isModel.count { $0 })
                if state.step == 0 { state.candidate.addUnanswered() }
                return
            }
            state.agreement.compare(workspace.tables, with: shown)
            // Once it takes traffic itself, its own requests are what counts. A run behind everything
            // else says nothing about time.
            if state.step == 0 { state.candidate.add(workspace.tables, nanoseconds: nil) }
        }
        return true
    }

    private static let longestRun = Duration.seconds(5)

    // MARK: Judging

    /// What a look at the gates comes to.
    enum Judgement: Sendable {
        case wait(String)
        /// The share is raised; 0 is the shadow's.
        case stepped(percent: Double)
        /// Every step is behind it.
        case finished
        case failed(GateReading)
    }

    /// The first gate that does not hold.
    func failedGate(at now: MonotonicClock.Instant) -> GateReading? {
        gates(at: now).readings.first { $0.verdict == .failed }
    }

    /// Looks at the gates, and goes on to the next step where they held for long enough.
    func judge(at now: MonotonicClock.Instant) -> Judgement {
        let gates = gates(at: now)
        if let failed = gates.readings.first(where: { $0.verdict == .failed }) {
            return .failed(failed)
        }
        guard gates.isSound == true, gates.breaker == .closed else {
            return .wait("for its golden records and its breaker")
        }
        return state.withLock { state in
            let needed = state.step == 0 ? limits.shadowFor : limits.stepFor
            guard now - state.since >= needed else { return .wait("for time") }
            let rows = state.step == 0 ? state.agreement.rows : state.candidate.rows
            // Without a share for the shadow there is nothing to wait for.
            guard rows >= limits.minimumRows || state.step == 0 && limits.shadowShare == 0 else {
                return .wait("for \(limits.minimumRows - rows) rows more")
            }
            guard state.step < steps.percents.count else { return .finished }
            let next = state.step + 1
            state = Self.fresh(next, stable, candidate, limits, now)
            share.store(Self.share(of: next, steps), ordering: .relaxed)
            return .stepped(percent: steps.percents[next - 1])
        }
    }

    func gates(at now: MonotonicClock.Instant) -> RolloutGates {
        let found = state.withLock { $0 }
        return RolloutGates(
            limits: limits,
            stable: found.stable,
            candidate: found.candidate,
            agreement: found.agreement,
            isSound: candidate.isSound(at: now)
                ? true : candidate.isKnownBad(at: now) ? false : nil,
            breaker: candidate.guards.withLock { $0.breaker.state }
        )
    }

    /// Where it stands: the step, the percent, since when.
    var progress: (step: Int, percent: Double, since: MonotonicClock.Instant) {
        state.withLock { state in
            (state.step, state.step == 0 ? 0 : steps.percents[state.step - 1], state.since)
        }
    }

    /// What is written down of it.
    var label: VersionLabels.Rollout {
        .init(
            version: candidate.version,
            step: progress.step,
            digest: candidate.artifact.digest
        )
    }

    var shadowCounts: (run: Int, dropped: Int) { shadow.counts }

    /// The percents still to come, with those that were.
    var percents: [Double] { steps.percents }
}

/// Where a key lies among ten thousand, the same on every machine: FNV-1a, mixed.
///
/// Fowler, Noll, Vo: draft-eastlake-fnv. The version is part of it, so that it is not always the
/// same clients who try what is new.
func stickyPoint(of key: String, version: Int) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in key.utf8 { add(byte) }
    for shift in stride(from: 0, to: 64, by: 8) {
        add(UInt8(truncatingIfNeeded: version >> shift))
    }
    hash ^= hash >> 32
    hash = hash &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash >> 32
    return Int(hash % 10_000)
}
