// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Platform
import Telemetry

/// What is kept and told of swaps.
extension DaemonParts {
    private static let versionsFile = "versions.json"

    /// What a model's versions were called when the last run ended.
    func keptLabels(of model: String) -> VersionLabels {
        guard let document = store.read(Self.versionsFile)?[model] else { return VersionLabels() }
        return VersionLabels(persisted: document)
    }

    /// Writes down what versions are called.
    ///
    /// - Returns: whether it will survive a restart; what was ordered is in force all the same, as a
    ///   rollback must not wait for a disk.
    @discardableResult
    func keepVersions() -> Bool {
        let members = registry.hosts.map { JSONMember(name: $0.name, value: $0.labels.json) }
        do {
            try keptVersions.withLock { (kept) throws(SystemError) in
                let document = JSONValue.object(members)
                guard kept != document else { return }
                try store.write(document, to: Self.versionsFile)
                kept = document
            }
            return true
        } catch {
            reporter.log(.error, "state.not_written", nil, ["error": .string("\(error)")])
            return false
        }
    }

    /// Journals a swap, keeps it, and puts the new version to the test at once.
    func noteSwap(
        _ swap: ModelHost.Swap,
        of host: ModelHost,
        by caller: String?,
        reason: String?,
        isRollback: Bool = false
    ) {
        keepVersions()
        metrics.countSwap(isRollback: isRollback)
        var fields: [JSONMember] = []
        if let from = swap.from { fields.append(JSONMember(name: "from", value: .number(from))) }
        fields.append(JSONMember(name: "to", value: .number(swap.to)))
        if let caller { fields.append(JSONMember(name: "by", value: .string(caller))) }
        if let reason { fields.append(JSONMember(name: "reason", value: .string(reason))) }
        reporter.event(
            isRollback ? "swap.rolled_back" : "swap.activated",
            isRollback ? .warning : .info,
            model: host.name,
            isOrder: caller != nil,
            .object(fields)
        )
        guard swap.from != nil, let version = host.version(swap.to) else { return }
        canaries.withLock { $0 }?.request(version)
    }

    /// Sends a version that fails its first golden records after a swap back where it came from.
    func judgeProbation(_ report: CanaryReport, of version: ModelVersion) {
        guard let host = registry.host(version.name), host.active === version else { return }
        switch report.outcome {
        case .couldNotRun: return
        case .passed:
            if host.endProbation(of: version.version) {
                reporter.event(
                    "swap.confirmed",
                    .info,
                    model: host.name,
                    ["version": .number(version.version)]
                )
            }
        case .wrong(let deviations):
            guard host.endProbation(of: version.version) else { return }
            let reason =
                "the first golden records after the swap fail: "
                + (deviations.first.map { "\($0.output) \($0.got), recorded \($0.want)" } ?? "")
            guard let target = host.rollbackTarget(), target.isSound(at: .now),
                let swap = host.goBack(
                    to: target.version,
                    from: version.version,
                    reason: reason
                )
            else {
                reporter.event(
                    "swap.stuck",
                    .error,
                    model: host.name,
                    ["version": .number(version.version), "reason": .string(reason)]
                )
                return
            }
            noteSwap(swap, of: host, by: nil, reason: reason, isRollback: true)
        }
    }
}
