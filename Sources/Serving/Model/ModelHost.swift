// SPDX-License-Identifier: Apache-2.0
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
        var refusals: [Refusal] = []
        var override: Override?
    }

    package let name: String
    private let state: Guarded<State>
    /// Changed with the state's `override`.
    private let hasOverride: Atomic<Bool>
    /// Where this model's dear predictions run and wait.
    package let workers: WorkerPool

    package init(name: String, override: Override?, workers: WorkerPool) {
        self.name = name
        self.workers = workers
        state = Guarded(State(override: override))
        hasOverride = Atomic(override != nil)
    }

    /// The version that answers where a request names none: the highest that loaded.
    package var active: ModelVersion? { state.withLock { $0.versions.last } }

    /// In rising order.
    package var versions: [ModelVersion] { state.withLock { $0.versions } }

    package var refusals: [Refusal] { state.withLock { $0.refusals } }

    package func version(_ number: Int) -> ModelVersion? {
        state.withLock { $0.versions.first { $0.version == number } }
    }

    package func add(_ version: ModelVersion) {
        state.withLock { state in
            state.versions.append(version)
            state.versions.sort { $0.version < $1.version }
        }
    }

    package func refuse(version: String, reason: String) {
        state.withLock { $0.refusals.append(Refusal(version: version, reason: reason)) }
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
