// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import HTTP
import JSON
import Platform
import Telemetry

/// Reads the configuration again while the daemon runs, and puts in force what can be.
///
/// Wrong settings change nothing: the old ones stay, and journal and log say what to mend. One reload
/// after the other, on a thread of its own.
package final class Reloader: Sendable {
    /// Reads file, variables and flags as at the start.
    package typealias Source = @Sendable () throws(SettingsError) -> Settings

    package enum Outcome: Sendable {
        case done(SettingsChange, areCertificatesTaken: Bool, areKeysTaken: Bool?)
        case refused([SettingProblem])
    }

    private let parts: DaemonParts
    private let inference: HTTPServer
    private let operations: HTTPServer
    private let certificates: CertificateKeeper
    private let canaries: CanaryRunner
    private let source: Source
    private let queue = DispatchQueue(label: "serin.reload")

    init(
        parts: DaemonParts,
        inference: HTTPServer,
        operations: HTTPServer,
        certificates: CertificateKeeper,
        canaries: CanaryRunner,
        source: @escaping Source
    ) {
        self.parts = parts
        self.inference = inference
        self.operations = operations
        self.certificates = certificates
        self.canaries = canaries
        self.source = source
    }

    /// Asks for a reload; `completion` is called on the reloader's thread.
    func request(
        by caller: String,
        isOrder: Bool = false,
        completion: @escaping @Sendable (Outcome) -> Void = { _ in }
    ) {
        queue.async { [self] in
            parts.manager.beginReload()
            let outcome = reload()
            tell(outcome, by: caller, isOrder: isOrder)
            parts.manager.endReload()
            completion(outcome)
        }
    }

    private func reload() -> Outcome {
        do throws(SettingsError) {
            let change = try SettingsChange(from: parts.settings, to: try source())
            try apply(change.settings)
            let areKeysTaken = parts.reviewTrust()
            parts.versions.withLock { $0 }?.reconsider()
            return .done(
                change,
                areCertificatesTaken: certificates.reload(),
                areKeysTaken: areKeysTaken
            )
        } catch {
            return .refused(error.problems)
        }
    }

    private func apply(_ settings: Settings) throws(SettingsError) {
        let credentials: Credentials
        do throws(SystemError) {
            credentials = try Credentials(settings, stateDirectory: parts.store.path)
        } catch {
            throw SettingsError([
                SettingProblem(
                    place: "operations.tokens",
                    problem: "there is none, and the daemon's own cannot be kept: \(error)",
                    hint: "set a token, or make the state directory writable"
                )
            ])
        }
        parts.live.replace(settings, credentials)
        parts.reporter.setLevel(settings.log.level)
        parts.readiness.setRequiredModels(settings.requiredModels)
        canaries.setJitter(settings.canary.jitter)
        inference.reconfigure { $0.takeLive(from: settings, isInference: true) }
        operations.reconfigure { $0.takeLive(from: settings, isInference: false) }
        applyToModels()
    }

    /// Puts in force what models themselves hold; also for those that were loaded meanwhile.
    func applyToModels() {
        let settings = parts.settings
        for host in parts.registry.hosts {
            host.workers.setLimits(
                limit: settings.concurrency.queue,
                lifoAfter: settings.concurrency.lifoAfter
            )
            for version in host.versions {
                let interval = settings.canary.interval ?? version.contract.canary.interval
                guard version.guards.withLock({ $0.canary.settings.interval }) != interval else {
                    continue
                }
                // A verdict is believed for two intervals: one from before would be too old at once.
                canaries.request(version) { _ in
                    version.guards.withLock { $0.canary.setInterval(interval) }
                }
            }
        }
    }

    private func tell(_ outcome: Outcome, by caller: String, isOrder: Bool) {
        var fields = outcome.document.asObject ?? []
        fields.insert(JSONMember(name: "by", value: .string(caller)), at: 0)
        let isDone = if case .done = outcome { true } else { false }
        parts.reporter.event(
            isDone ? "configuration.reloaded" : "configuration.refused",
            isDone ? .info : .error,
            model: nil,
            isOrder: isOrder,
            .object(fields)
        )
    }
}

extension Reloader.Outcome {
    /// Paths and places only: values may be secrets.
    var document: JSONValue {
        switch self {
        case .done(let change, let areCertificatesTaken, let areKeysTaken):
            .object(
                [
                    JSONMember(name: "changed", value: .array(change.changed.map { .string($0) })),
                    JSONMember(
                        name: "needs_restart",
                        value: .array(change.needsRestart.map { .string($0) })
                    ),
                    JSONMember(name: "certificates", value: Self.word(areCertificatesTaken)),
                ]
                    + (areKeysTaken.map {
                        [JSONMember(name: "trusted_keys", value: Self.word($0))]
                    } ?? [])
            )
        case .refused(let problems):
            ["problems": .array(problems.map { .string($0.description) })]
        }
    }

    private static func word(_ isTaken: Bool) -> JSONValue { isTaken ? "read again" : "refused" }
}
