// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import HTTP
import JSON
package import Platform
import Synchronization
import Telemetry

/// What the daemon's endpoints and keepers share.
package final class DaemonParts: Sendable {
    let live: LiveSettings
    package let registry: ModelRegistry
    package let lifecycle: Lifecycle
    package let readiness: Readiness
    package let metrics: ServingMetrics
    package let reporter: Reporter
    package let store: StateStore
    package let budget: Guarded<MemoryBudget>
    let denials = Guarded(DenialLedger())
    /// Where state is written that nobody waits for.
    let stateQueue = DispatchQueue(label: "serin.state")
    let isKeeping = Atomic(false)
    /// Set once, before anything runs; the keeper itself needs what is here.
    let versions = Guarded<VersionKeeper?>(nil)
    /// Who is told how the daemon is.
    let manager: ServiceManager
    /// Set once, before anything runs; it needs the servers, whose handlers need what is here.
    let reloader = Guarded<Reloader?>(nil)
    /// Set once, before anything runs; the runner itself needs what is here.
    package let canaries = Guarded<CanaryRunner?>(nil)
    /// Bodies copied for workers; what waits there is bounded in bytes too.
    package let copies: ByteBudget
    /// What the process may use; nil where that cannot be told.
    package let memoryBound: MemoryBound?

    package init(
        settings: Settings,
        metrics: ServingMetrics,
        reporter: Reporter,
        store: StateStore,
        credentials: Credentials,
        memoryBound: MemoryBound?,
        manager: ServiceManager = ServiceManager()
    ) {
        live = LiveSettings(settings, credentials)
        self.manager = manager
        self.metrics = metrics
        self.reporter = reporter
        self.store = store
        self.memoryBound = memoryBound
        copies = ByteBudget(limit: settings.limits.requestMemory)
        registry = ModelRegistry()
        lifecycle = Lifecycle()
        readiness = Readiness(
            registry: registry,
            requiredModels: settings.requiredModels,
            lifecycle: lifecycle
        )
        budget = Guarded(MemoryBudget(settings: settings, cores: processorCount))
    }
}

extension DaemonParts {
    /// The settings in force; not for a prediction's path.
    package var settings: Settings { live.settings }
}

// MARK: Finding and refusing

extension DaemonParts {
    /// The model that a path names, and the version, or else the active one.
    func find<Route>(
        _ match: Matched<Route>
    ) throws(Failure) -> (host: ModelHost, version: ModelVersion) {
        let host = try host(match)
        guard let text = match.parameters["version"] else {
            guard let active = host.active else {
                throw registry.progress.isLoaded ? notLoaded(host) : starting
            }
            return (host, active)
        }
        guard let version = host.version(text) else { throw noVersion(text, of: host) }
        return (host, version)
    }

    func host<Route>(_ match: Matched<Route>) throws(Failure) -> ModelHost {
        let name = match.parameters["model"] ?? ""
        if let host = registry.host(name) { return host }
        guard registry.progress.isLoaded else { throw starting }
        let names = registry.hosts.map(\.name)
        let hint =
            suggestion(for: name, among: names)
            ?? "models are " + (names.isEmpty ? "none" : names.joined(separator: ", "))
        throw Failure(
            404,
            "unknown_model",
            .data,
            "unknown model '\(Violations.shortened(name))'; \(hint)"
        )
    }

    private var starting: Failure {
        var failure = Failure(
            503,
            "starting",
            .system,
            "models are still being loaded: \(registry.progress.phase)"
        )
        failure.headers = ["retry-after": "1"]
        return failure
    }

    func noVersion(_ text: String, of host: ModelHost) -> Failure {
        var failure: Failure
        if let refusal = host.refusals.first(where: { $0.version == text }) {
            failure = Failure(
                503,
                "model_unavailable",
                .model,
                "version \(text) of model '\(host.name)' could not be loaded: \(refusal.reason)"
            )
        } else {
            let numbers = host.versions.map { String($0.version) }
            let versions = numbers.isEmpty ? "none" : numbers.joined(separator: ", ")
            failure = Failure(
                404,
                "unknown_version",
                .data,
                "model '\(host.name)' has no version '\(Violations.shortened(text))'; it has \(versions)"
            )
        }
        failure.model = host.name
        return failure
    }

    func notLoaded(_ host: ModelHost) -> Failure {
        if let pause = host.pause {
            var failure = Failure(503, "model_unavailable", .system, pause)
            failure.headers = ["retry-after": "2"]
            failure.model = host.name
            return failure
        }
        if host.labels.isUnloaded {
            var failure = Failure(
                503,
                "model_unavailable",
                .system,
                "model '\(host.name)' was unloaded by an operator; load it to have it back"
            )
            failure.model = host.name
            return failure
        }
        let reasons = host.refusals.map { "version \($0.version): \($0.reason)" }
        var failure = Failure(
            503,
            "model_unavailable",
            .model,
            reasons.isEmpty
                ? "no version of model '\(host.name)' is loaded"
                : "no version of model '\(host.name)' could be loaded: "
                    + reasons.joined(separator: "; ")
        )
        failure.model = host.name
        return failure
    }

    /// Counts a refusal and words it for the client.
    func refuse(_ failure: Failure, _ marks: RequestMarks, model: ModelVersion?) -> Response {
        if let model { model.metrics.countRefusal(failure) } else { metrics.countRefusal(failure) }
        if failure.status >= 500 {
            reporter.log(
                .warning,
                "request.refused",
                marks,
                ["code": .string(failure.code), "error": .string(failure.sentence)]
            )
        }
        return marks.stamp(
            failure.response(
                requestID: marks.requestID.text,
                showsDetails: live.showsDetails
            )
        )
    }
}
