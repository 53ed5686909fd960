// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import JSON
import Platform
import Telemetry

/// What is kept and told of swaps.
extension DaemonParts {
    /// What a model's versions were called when the last run ended.
    func keptLabels(of model: String) -> VersionLabels {
        kept(.versions, model, as: \.json) { VersionLabels(persisted: $0) } ?? VersionLabels()
    }

    /// Writes down what versions are called.
    ///
    /// - Returns: whether it will survive a restart; what was ordered is in force all the same, as a
    ///   rollback must not wait for a disk.
    @discardableResult
    func keepVersions() -> Bool {
        do throws(SystemError) {
            try keep(.versions) { kept in
                for host in registry.hosts { kept[host.name] = host.labels.json }
            }
            return true
        } catch {
            return false
        }
    }

    /// The same for threads that must not stand still with the disk.
    func keepVersionsSoon() { stateQueue.async { [self] in keepVersions() } }

    /// Changes a document of the state; tells once that the disk does not take it, and once that it does
    /// again.
    func keep(
        _ document: StateStore.Document,
        _ change: (inout [String: JSONValue]) -> Void
    ) throws(SystemError) {
        do throws(SystemError) {
            if try store.update(document, change) == .elsewhere {
                reporter.event(
                    "state.moved",
                    .warning,
                    model: nil,
                    [
                        "directory": .string(store.path),
                        "finding": .string(
                            "removed, replaced or unmounted; what is in force is written there anew"
                        ),
                        "remedy": .string(
                            "see who did it; a reload makes operations.token anew where it is gone"
                        ),
                    ]
                )
            }
            guard !store.isBehind, readiness.noteState(problem: nil) else { return }
            reporter.event(
                "state.written",
                .info,
                model: nil,
                ["directory": .string(store.path)]
            )
        } catch {
            if readiness.noteState(problem: "\(error)") {
                reporter.event(
                    "state.not_written",
                    .error,
                    model: nil,
                    [
                        "directory": .string(store.path), "error": .string("\(error)"),
                        "remedy": .string(
                            "make the directory writable and make room; what is in force is written then "
                                + "by itself"
                        ),
                    ]
                )
            }
            throw error
        }
    }

    /// Journals a swap, keeps it, and puts the new version to the test at once.
    func noteSwap(
        _ swap: ModelHost.Swap,
        of host: ModelHost,
        by caller: String?,
        reason: String?,
        isRollback: Bool = false,
        waitsForDisk: Bool = true
    ) {
        if waitsForDisk { keepVersions() } else { keepVersionsSoon() }
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

    func notePin(_ pin: VersionLabels.Pin, of host: ModelHost) {
        reporter.event(
            "version.pinned",
            .warning,
            model: host.name,
            isOrder: true,
            [
                "version": .number(pin.version), "reason": .string(pin.reason),
                "by": .string(pin.by),
            ]
        )
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
            noteSwap(
                swap,
                of: host,
                by: nil,
                reason: reason,
                isRollback: true,
                waitsForDisk: false
            )
        }
    }
}
