// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Guards
import Platform
import Synchronization

/// One model by name: its versions, which of them answers, and the operator's override.
package final class ModelHost: Sendable {
    package struct Refusal: Sendable {
        package let version: String
        package let reason: String
    }
    private struct State: Sendable {
        var versions: [ModelVersion] = []
        /// The version that `labels.active` names, where it is loaded.
        var active: ModelVersion?
        var labels = VersionLabels()
        /// The active version until its golden records have passed again after the swap.
        var onProbation: Int?
        /// Why nothing answers for the time being, by somebody's will.
        var pause: String?
        var rollout: Rollout?
        var refusals: [Refusal] = []
        /// Versions that are about to be loaded, and what they wait for.
        var waiting: [Int: String] = [:]
        var override: Override?
        /// Why a person keeps the breakers of all versions open.
        var breakerTrip: String?

        mutating func resolve() {
            active = labels.active.flatMap { number in versions.first { $0.version == number } }
        }

        mutating func relabel(
            _ body: (inout VersionLabels, [ModelVersion]) -> Bool
        ) -> (from: ModelVersion?, to: ModelVersion?) {
            let before = active
            let isOnProbation = body(&labels, versions)
            resolve()
            if active !== before || isOnProbation {
                onProbation = isOnProbation ? labels.active : nil
            }
            return (before, active)
        }
    }

    package let name: String
    private let state: Guarded<State>
    /// Changed with the state's `override`.
    private let hasOverride: Atomic<Bool>
    /// Changed with the state's `rollout`.
    private let hasRollout = Atomic(false)
    /// Where this model's dear predictions run and wait.
    package let workers: WorkerPool

    package init(
        name: String,
        override: Override?,
        labels: VersionLabels = VersionLabels(),
        breakerTrip: String? = nil,
        workers: WorkerPool
    ) {
        self.name = name
        self.workers = workers
        state = Guarded(State(labels: labels, override: override, breakerTrip: breakerTrip))
        hasOverride = Atomic(override != nil)
    }

    /// The version that answers where a request names none.
    package var active: ModelVersion? { state.withLock { $0.active } }

    /// In rising order.
    package var versions: [ModelVersion] { state.withLock { $0.versions } }

    /// The rollout under way.
    package var rollout: Rollout? {
        // Nearly always there is none, and then no lock is taken.
        guard hasRollout.load(ordering: .acquiring) else { return nil }
        return state.withLock { $0.rollout }
    }

    /// The rollout under way beside the version that answers; one that is beside another, since somebody
    /// swapped, is about to end.
    package func rollout(beside active: ModelVersion) -> Rollout? {
        guard let rollout, rollout.stable === active else { return nil }
        return rollout
    }

    package func setRollout(_ rollout: Rollout) {
        state.withLock {
            $0.rollout = rollout
            $0.labels.rollout = rollout.label
            hasRollout.store(true, ordering: .releasing)
        }
    }

    /// Notes how far a rollout has come, unless somebody ended it meanwhile.
    package func noteStep(of rollout: Rollout) {
        state.withLock { state in
            if state.rollout === rollout { state.labels.rollout = rollout.label }
        }
    }

    /// Ends a rollout, once, in one step with what becomes of its version: nobody can see the one
    /// without the other, and begin it anew.
    ///
    /// - Parameter change: what changes beside; answers whether the active version is on probation now.
    /// - Returns: the rollout, and the versions that answered before and answer now; nil without one.
    package func takeRollout(
        _ change: (inout VersionLabels, _ rollout: Rollout, _ loaded: [ModelVersion]) -> Bool
    ) -> (rollout: Rollout, from: ModelVersion?, to: ModelVersion?)? {
        state.withLock { state in
            guard let rollout = state.rollout else { return nil }
            state.rollout = nil
            hasRollout.store(false, ordering: .releasing)
            let (from, to) = state.relabel { labels, loaded in
                labels.rollout = nil
                return change(&labels, rollout, loaded)
            }
            return (rollout, from, to)
        }
    }

    package var labels: VersionLabels { state.withLock { $0.labels } }

    package var pause: String? { state.withLock { $0.pause } }

    package func setPause(_ sentence: String?) { state.withLock { $0.pause = sentence } }

    package var refusals: [Refusal] { state.withLock { $0.refusals } }

    package var waiting: [Int: String] { state.withLock { $0.waiting } }

    /// Notes what a version waits for before it is loaded.
    package func wait(_ number: Int, for reason: String) {
        state.withLock { $0.waiting[number] = reason }
    }

    package func forgetWaiting() { state.withLock { $0.waiting = [:] } }

    package func version(_ number: Int) -> ModelVersion? {
        state.withLock { $0.versions.first { $0.version == number } }
    }

    /// The loaded version that a path's text means: a number or a label.
    package func version(_ text: String) -> ModelVersion? {
        state.withLock { state in
            let number =
                ArtifactIdentity.version(folder: text) ?? state.labels.version(named: text)
            return number.flatMap { number in state.versions.first { $0.version == number } }
        }
    }

    /// Adds a loaded version, which answers at once where none does.
    ///
    /// - Returns: what became of its breaker, where a person keeps those of the model open: the order is
    ///   for whatever answers, also for what comes later.
    @discardableResult
    package func add(_ version: ModelVersion) -> Breaker.Effect? {
        state.withLock { state in
            let effect = state.breakerTrip.map { reason in
                version.guards.withLock { $0.breaker.trip(reason: reason) }
            }
            state.versions.removeAll { $0.version == version.version }
            state.versions.append(version)
            state.versions.sort { $0.version < $1.version }
            state.refusals.removeAll { $0.version == String(version.version) }
            state.resolve()
            return effect
        }
    }

    /// Why a person keeps the breakers open; nil where nobody does.
    package var breakerTrip: String? { state.withLock { $0.breakerTrip } }

    /// Opens the breakers of all versions, also of those to come, until they are reset with nil.
    ///
    /// In one step, so that a version that is being added meanwhile is not left out.
    ///
    /// - Returns: the versions that are there, with what became of their breakers.
    package func setBreakerTrip(_ reason: String?) -> [(ModelVersion, Breaker.Effect)] {
        state.withLock { state in
            state.breakerTrip = reason
            return state.versions.map { version in
                let effect = version.guards.withLock { guards in
                    reason.map { guards.breaker.trip(reason: $0) } ?? guards.breaker.reset()
                }
                return (version, effect)
            }
        }
    }

    /// Takes a version away; requests that have it keep it until they end.
    package func remove(_ number: Int) -> ModelVersion? {
        state.withLock { state in
            guard let index = state.versions.firstIndex(where: { $0.version == number }) else {
                return nil
            }
            let version = state.versions.remove(at: index)
            state.resolve()
            return version
        }
    }

    /// Notes why a version is not loaded, or forgets why.
    package func refuse(version: String, reason: String?) {
        state.withLock { state in
            state.refusals.removeAll { $0.version == version }
            if let reason { state.refusals.append(Refusal(version: version, reason: reason)) }
        }
    }

    /// Changes what versions are called, in one step with which of them answers.
    ///
    /// - Parameter body: what changes; answers whether the active version is on probation now.
    /// - Returns: the versions that answered before and answer now.
    @discardableResult
    package func relabel(
        _ body: (inout VersionLabels, _ loaded: [ModelVersion]) -> Bool
    ) -> (from: ModelVersion?, to: ModelVersion?) {
        state.withLock { $0.relabel(body) }
    }

    /// Ends the probation of `version`; false where it was on none.
    package func endProbation(of version: Int) -> Bool {
        state.withLock { state in
            guard state.onProbation == version else { return false }
            state.onProbation = nil
            return true
        }
    }

    package func overrideMode(at now: Int64) -> Override.Mode {
        // Nearly always there is none, and then no lock is taken.
        guard hasOverride.load(ordering: .acquiring) else { return .auto }
        return state.withLock { $0.override?.mode(at: now) ?? .auto }
    }

    /// The override in force.
    package func override(at now: Int64) -> Override? {
        state.withLock { state in
            state.override.flatMap { $0.isActive(at: now) ? $0 : nil }
        }
    }

    package func setOverride(_ override: Override?) {
        state.withLock {
            $0.override = override
            hasOverride.store(override != nil, ordering: .releasing)
        }
    }

    /// Takes an override that has run out away, once.
    package func takeExpiredOverride(at now: Int64) -> Override? {
        state.withLock { state in
            guard let override = state.override, !override.isActive(at: now) else { return nil }
            state.override = nil
            hasOverride.store(false, ordering: .releasing)
            return override
        }
    }
}
