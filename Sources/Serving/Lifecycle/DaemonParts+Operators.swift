// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import JSON
import Platform
import Synchronization
import Telemetry

/// What operators and guards decide: kept on disk first, then in force, then in the journal.
extension DaemonParts {
    /// The override of a model as the last run left it.
    func keptOverride(of model: String) -> Override? {
        kept(.overrides, model, as: \.json) { try? Override(persisted: $0) }
    }

    /// The reason for which an operator tripped a model's breakers, kept across restarts.
    func keptBreakerTrip(of model: String) -> String? {
        kept(.breakers, model, as: { .string($0) }) { $0.asString }
    }

    /// What is kept of a model; where it is not as it was written, that is told, as an order that is
    /// forgotten in silence would be missed in the night.
    func kept<Value>(
        _ document: StateStore.Document,
        _ model: String,
        as written: (Value) -> JSONValue,
        read: (JSONValue) -> Value?
    ) -> Value? {
        guard let json = store.read(document, model) else { return nil }
        let value = read(json)
        if value.map(written) != json {
            let found = Violations.shortened(String(decoding: json.encoded(), as: UTF8.self))
            tell(
                StateStore.Damage(
                    file: "\(store.path)/\(document.rawValue)",
                    problem: "what is kept of '\(model)' is not as it was written: \(found)",
                    remedy: "look at what is in force, and give the orders again"
                )
            )
        }
        return value
    }

    func tell(_ damage: StateStore.Damage) {
        reporter.event(
            "state.damaged",
            .error,
            model: nil,
            [
                "file": .string(damage.file), "problem": .string(damage.problem),
                "remedy": .string(damage.remedy),
            ]
        )
    }

    func keepOverride(
        _ override: Override,
        of host: ModelHost,
        _ caller: String
    ) throws(Failure) {
        let before = host.override(at: WallClock.now().epochSeconds)
        host.setOverride(override.mode == .auto ? nil : override)
        do {
            try writeOverrides()
        } catch {
            host.setOverride(before)
            throw Failure(
                503,
                "state_not_kept",
                .infrastructure,
                "the override could not be kept across a restart, so it is not in force: \(error)"
            )
        }
        reporter.event(
            "override.set",
            .warning,
            model: host.name,
            isOrder: true,
            [
                "mode": .string(override.mode.rawValue), "reason": .string(override.reason),
                "by": .string(override.by), "caller": .string(caller),
                "expires": .string(Timestamp(epochSeconds: override.expires).description),
            ]
        )
    }

    /// Ends an override, at once: the guards must not wait for a disk.
    ///
    /// - Returns: whether a restart would leave it so.
    func dropOverride(of host: ModelHost, _ caller: String) -> Bool {
        host.setOverride(nil)
        let isKept = (try? writeOverrides()) != nil
        reporter.event(
            "override.cleared",
            .info,
            model: host.name,
            isOrder: true,
            ["caller": .string(caller)]
        )
        return isKept
    }

    func noteExpired(_ override: Override, of host: ModelHost) {
        // By its time it is over in any case, and the caretaker waits for no disk.
        stateQueue.async { [self] in try? writeOverrides() }
        reporter.event(
            "override.expired",
            .warning,
            model: host.name,
            ["mode": .string(override.mode.rawValue), "by": .string(override.by)]
        )
    }

    private func writeOverrides() throws(SystemError) {
        try keep(.overrides) { kept in
            let now = WallClock.now().epochSeconds
            for host in registry.hosts { kept[host.name] = host.override(at: now)?.json }
        }
    }

    private func writeForcedBreakers() throws(SystemError) {
        try keep(.breakers) { kept in
            for host in registry.hosts {
                kept[host.name] = host.breakerTrip.map { .string($0) }
            }
        }
    }

    /// Writes down what the disk would not take before, from what is in force; where it takes it now.
    ///
    /// Waits for nothing, and one at a time: a disk that hangs must not gather any.
    func keepWhatIsNotKept() {
        guard !isKeeping.exchange(true, ordering: .relaxed) else { return }
        stateQueue.async { [self] in
            if store.isBehind {
                try? writeOverrides()
                try? writeForcedBreakers()
                keepVersions()
                versions.withLock { $0 }?.sealLoaded()
            }
            isKeeping.store(false, ordering: .relaxed)
        }
    }

    func keepForcedBreakers() throws(Failure) {
        do {
            try writeForcedBreakers()
        } catch {
            throw Failure(
                503,
                "state_not_kept",
                .infrastructure,
                "the breaker is moved, but that will not survive a restart: \(error)"
            )
        }
    }

    /// Carries out what a breaker asks for, and journals it.
    func carryOut(
        _ effects: [Breaker.Effect],
        of version: ModelVersion,
        by caller: String? = nil,
        reason: String? = nil,
        cause: RefusedAnswer? = nil
    ) {
        for effect in effects {
            var fields: [JSONMember] = []
            if let caller { fields.append(JSONMember(name: "by", value: .string(caller))) }
            if let reason { fields.append(JSONMember(name: "reason", value: .string(reason))) }
            let name: String
            switch effect {
            case .trip(let refused, let total):
                name = "breaker.opened"
                fields.append(JSONMember(name: "refused", value: .number(refused)))
                fields.append(JSONMember(name: "counted", value: .number(total)))
                fields += cause?.members ?? []
            case .runGolden: name = "breaker.half_open"
            case .probe: name = "breaker.probing"
            case .reopen:
                name = "breaker.reopened"
                fields += cause?.members ?? []
            case .close: name = "breaker.closed"
            case .forceOpen: name = "breaker.forced_open"
            case .reset: name = "breaker.reset"
            }
            reporter.event(
                name,
                name == "breaker.opened" ? .error : .warning,
                model: version.name,
                isOrder: caller != nil,
                .object([JSONMember(name: "version", value: .number(version.version))] + fields)
            )
            // Told first, as what follows from it is told by another thread.
            if case .runGolden = effect {
                canaries.withLock { $0 }?.request(version) { [self] report in
                    finishGolden(report, of: version)
                }
            }
        }
    }

    /// Tells a half-open breaker what the golden records said.
    private func finishGolden(_ report: CanaryReport, of version: ModelVersion) {
        var passed = false
        if case .passed = report.outcome { passed = true }
        let effect = version.guards.withLock { $0.breaker.recordGolden(passed: passed, at: .now) }
        if let effect { carryOut([effect], of: version) }
    }

    /// Counts a golden run, and journals the first of each kind.
    func noteCanary(_ report: CanaryReport, of version: ModelVersion, took duration: Duration) {
        version.metrics.count(report, took: duration)
        defer { judgeProbation(report, of: version) }
        guard version.noteVerdict(report.outcomeName) else { return }
        var fields: JSONValue = [
            "version": .number(version.version), "outcome": .string(report.outcomeName),
            "max_deviation": .number(report.deviations.max() ?? 0),
            "failures": .array(report.failures.prefix(5).map(\.document)),
        ]
        if case .couldNotRun(let reason) = report.outcome {
            fields = ["version": .number(version.version), "reason": .string(reason)]
        }
        let isGood = report.outcomeName == "passed"
        reporter.event(
            isGood ? "canary.passed" : "canary.failed",
            isGood ? .info : .error,
            model: version.name,
            fields
        )
    }

    func noteIntegrity(_ failure: String?, of version: ModelVersion) {
        let fields: JSONValue = [
            "version": .number(version.version), "finding": .string(failure ?? "intact again"),
        ]
        reporter.event(
            failure == nil ? "integrity.restored" : "integrity.failed",
            failure == nil ? .info : .error,
            model: version.name,
            fields
        )
    }

    /// What the folder holds is no longer what serves, which goes on serving.
    func noteDisplacement(_ finding: String?, of version: ModelVersion) {
        reporter.event(
            finding == nil ? "version.folder_restored" : "version.folder_changed",
            .warning,
            model: version.name,
            [
                "version": .number(version.version),
                "finding": .string(finding ?? "the files are those that were loaded"),
                "serves": .bool(true),
            ]
        )
    }

    /// The files on the disk cannot be checked; the mapped ones still are.
    func noteUnreadable(_ finding: String?, of version: ModelVersion) {
        reporter.event(
            finding == nil ? "integrity.readable" : "integrity.not_readable",
            .warning,
            model: version.name,
            [
                "version": .number(version.version),
                "finding": .string(finding ?? "every file could be read again"),
                "serves": .bool(true),
            ]
        )
    }

    func noteReadiness(_ isReady: Bool, failing: [HealthCheck]) {
        let reasons = failing.map { JSONValue.string("\($0.name): \($0.message)") }
        reporter.event(
            isReady ? "readiness.ready" : "readiness.unready",
            isReady ? .info : .error,
            model: nil,
            ["failing": .array(reasons)]
        )
    }
}
