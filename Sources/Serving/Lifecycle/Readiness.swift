// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Guards
import JSON
package import Platform

/// One thing that readiness depends on, or that an operator should know.
package struct HealthCheck: Sendable {
    /// `kind` or `kind:model:version`.
    package var name: String
    package var isOK: Bool
    /// A warning is shown and does not make the pod unready.
    package var isWarning = false
    /// Seconds since the check's evidence was gathered.
    package var age: Double?
    package var measure: Double?
    package var limit: Double?
    package var message: String

    /// The same for what is only kept warm: worth knowing, and no reason to send traffic away.
    var asWarning: HealthCheck {
        var check = self
        check.isWarning = true
        return check
    }

    var kind: Substring { name.prefix { $0 != ":" } }
}

/// Answers whether the daemon should get traffic, from verdicts that others keep up to date.
package final class Readiness: Sendable {
    package let registry: ModelRegistry
    private let required: Guarded<[String]>
    /// Why the state cannot be kept, where it cannot.
    private let stateProblem = Guarded<String?>(nil)
    package let lifecycle: Lifecycle

    package init(registry: ModelRegistry, requiredModels: [String], lifecycle: Lifecycle) {
        self.registry = registry
        required = Guarded(requiredModels)
        self.lifecycle = lifecycle
    }

    /// Changes which models have to be loaded.
    func setRequiredModels(_ names: [String]) { required.withLock { $0 = names } }

    /// Notes why what was ordered would not survive a restart, or that it would.
    ///
    /// - Returns: whether the answer is another one than before.
    func noteState(problem: String?) -> Bool {
        stateProblem.withLock { known in
            defer { known = problem }
            return (known == nil) != (problem == nil)
        }
    }

    package func checks(at now: MonotonicClock.Instant = .now) -> [HealthCheck] {
        var checks = [startup(), models(), shutdown()]
        for host in registry.hosts {
            let mode = host.overrideMode(at: WallClock.now().epochSeconds)
            let active = host.active
            for version in host.versions {
                let own = Self.checks(of: version, override: mode, at: now)
                checks += version === active ? own : own.map(\.asWarning)
            }
            checks += warnings(of: host)
        }
        if let problem = stateProblem.withLock({ $0 }) {
            checks.append(
                HealthCheck(
                    name: "state",
                    isOK: false,
                    isWarning: true,
                    message: "what is ordered cannot be kept across a restart: \(problem)"
                )
            )
        }
        return checks
    }

    package var isReady: Bool { checks().allSatisfy { $0.isOK || $0.isWarning } }

    /// The checks that decide whether one version is right.
    package static func checks(
        of version: ModelVersion,
        override: Override.Mode,
        at now: MonotonicClock.Instant
    ) -> [HealthCheck] {
        let suffix = ":\(version.name):\(version.version)"
        let state = version.guards.withLock { $0 }
        var canary = canary(version, state, at: now, suffix)
        if !canary.isOK && isSilenced(override, state) {
            canary.isWarning = true
            canary.message += "; an operator's override to \(override.rawValue) is in force"
        }
        return [canary, integrity(state, suffix), fallback(version, state, suffix)]
    }

    /// Whether an operator has taken the decision from the canary: the model whatever it says, or
    /// a fallback that gives its own recorded answers.
    private static func isSilenced(
        _ override: Override.Mode,
        _ state: ModelVersion.GuardState
    ) -> Bool {
        switch override {
        case .auto: false
        case .model: true
        case .fallback: state.isFallbackProven
        }
    }

    private static func canary(
        _ version: ModelVersion,
        _ state: ModelVersion.GuardState,
        at now: MonotonicClock.Instant,
        _ suffix: String
    ) -> HealthCheck {
        let verdict = state.canary.verdict(at: now)
        var check = HealthCheck(
            name: "canary" + suffix,
            isOK: verdict == .passing,
            age: state.canary.age(at: now)?.seconds,
            limit: version.contract.canary.tolerance,
            message: "\(verdict.rawValue), \(version.canaryCase.recordCount) golden records"
        )
        if let deviation = state.canary.lastDeviation, deviation.isFinite {
            check.measure = deviation
        }
        if !check.isOK && version.contract.canary.whenFailing == .fallback
            && state.isFallbackProven
        {
            check.isWarning = true
            check.message += "; the proven fallback answers"
        }
        if case .wrong(let deviations)? = state.canary.lastOutcome, let first = deviations.first {
            check.message +=
                "; record \(first.record): \(first.output) got \(first.got), want \(first.want)"
        }
        if case .couldNotRun(let reason)? = state.canary.lastOutcome {
            check.message += "; could not run: \(reason)"
        }
        return check
    }

    private static func integrity(
        _ state: ModelVersion.GuardState,
        _ suffix: String
    ) -> HealthCheck {
        HealthCheck(
            name: "integrity" + suffix,
            isOK: state.integrityFailure == nil,
            age: state.integrityCheckedAt.map { (WallClock.now() - $0).seconds },
            message: state.integrityFailure
                ?? state.displacement.map { "what serves is as it was approved; on the disk \($0)" }
                ?? state.unreadable.map { "what serves is as it was approved; on the disk \($0)" }
                ?? "the files are those that were approved"
        )
    }

    private static func fallback(
        _ version: ModelVersion,
        _ state: ModelVersion.GuardState,
        _ suffix: String
    ) -> HealthCheck {
        var check = HealthCheck(
            name: "fallback" + suffix,
            isOK: state.isFallbackProven,
            isWarning: true,
            message: "gives its recorded answers"
        )
        if version.fallback.isEmpty {
            check.message = "the contract has none: what a guard turns away gets 503"
        } else if version.canaryCase.fallbackRecordCount == 0 {
            check.message = "answers, and fallback.jsonl has no records to hold it to"
        } else if !check.isOK {
            check.message = "does not give its own recorded answers"
        }
        return check
    }

    private func startup() -> HealthCheck {
        let progress = registry.progress
        return HealthCheck(
            name: "startup",
            isOK: progress.isLoaded,
            message: progress.phase
        )
    }

    private func models() -> HealthCheck {
        let loaded = registry.hosts.filter { $0.active != nil }.map(\.name)
        let requiredModels = required.withLock { $0 }
        let missing = requiredModels.filter { !loaded.contains($0) }
        return HealthCheck(
            name: "models",
            isOK: !loaded.isEmpty && missing.isEmpty,
            measure: Double(loaded.count),
            limit: Double(max(1, requiredModels.count)),
            message: loaded.isEmpty
                ? "no model is loaded"
                : missing.isEmpty
                    ? "loaded: " + loaded.joined(separator: ", ")
                    : "required and not loaded: " + missing.joined(separator: ", ")
        )
    }

    private func shutdown() -> HealthCheck {
        let isStopping = lifecycle.isStopping
        return HealthCheck(
            name: "shutdown",
            isOK: !isStopping,
            message: isStopping ? "the daemon is draining" : "not asked to stop"
        )
    }

    private func warnings(of host: ModelHost) -> [HealthCheck] {
        var checks: [HealthCheck] = []
        if let override = host.override(at: WallClock.now().epochSeconds) {
            checks.append(
                HealthCheck(
                    name: "override:\(host.name)",
                    isOK: false,
                    isWarning: true,
                    message: "\(override.mode.rawValue) by \(override.by): \(override.reason)"
                )
            )
        }
        for version in host.versions {
            if let warning = version.guards.withLock({ $0.signatureWarning }) {
                checks.append(
                    HealthCheck(
                        name: "signature:\(host.name):\(version.version)",
                        isOK: false,
                        isWarning: true,
                        message: warning
                    )
                )
            }
            let state = version.guards.withLock { $0.breaker.state }
            if state != .closed {
                checks.append(
                    HealthCheck(
                        name: "breaker:\(host.name):\(version.version)",
                        isOK: false,
                        isWarning: true,
                        message: state.rawValue
                    )
                )
            }
        }
        for refusal in host.refusals {
            checks.append(
                HealthCheck(
                    name: "artifact:\(host.name):\(refusal.version)",
                    isOK: false,
                    isWarning: true,
                    message: "refused: \(refusal.reason)"
                )
            )
        }
        return checks
    }
}
