// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import JSON
import Platform
import Telemetry

/// Leads rollouts from step to step.
extension VersionKeeper {
    /// How often the gates are looked at.
    private static let pace = Duration.milliseconds(500)

    /// Begins a rollout of a loaded version, or goes on with the one that a restart interrupted.
    func beginRollout(
        of number: Int,
        host: ModelHost,
        _ limits: Settings.Rollout,
        by caller: String? = nil,
        reason: String? = nil
    ) {
        guard let stable = host.active, let candidate = host.version(number) else { return }
        if let running = host.rollout {
            guard running.candidate !== candidate || running.stable !== stable else { return }
            endRollout(host, "superseded", .superseded)
        }
        // Other bytes than those that came to a step begin where all begin.
        let kept = host.labels.rollout.flatMap {
            $0.version == number && $0.digest == candidate.artifact.digest ? $0 : nil
        }
        let rollout = Rollout(from: stable, to: candidate, limits, step: kept?.step ?? 0)
        host.setRollout(rollout)
        daemon.keepVersions()
        tell(
            "rollout.begun",
            .info,
            host,
            rollout,
            [("by", caller), ("reason", reason)].compactMap { name, text in
                text.map { JSONMember(name: name, value: .string($0)) }
            },
            isOrder: caller != nil
        )
        pace(host, rollout)
        watchGates(host, rollout)
    }

    /// Ends a rollout as soon as a gate fails: not on the keeper's queue, where a long load would hold it up.
    private func watchGates(_ host: ModelHost, _ rollout: Rollout) {
        gates.asyncAfter(deadline: .now() + .nanoseconds(Self.pace.nanoseconds)) { [weak self] in
            guard let self, host.rollout === rollout else { return }
            if let gate = rollout.failedGate(at: .now) {
                self.fail(host, gate)
            } else {
                self.watchGates(host, rollout)
            }
        }
    }

    private func fail(_ host: ModelHost, _ gate: GateReading) {
        let reason =
            "rollout gate '\(gate.name)': \(gate.measure.map { "\($0)" } ?? "-"), "
            + "limit \(gate.limit)"
        endRollout(host, "failed", .held(reason: reason), gate: gate)
    }

    private func pace(_ host: ModelHost, _ rollout: Rollout) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Self.pace.nanoseconds)) { [weak self] in
            guard let self, host.rollout === rollout else { return }
            self.advance(host, rollout)
            if host.rollout === rollout { self.pace(host, rollout) }
        }
    }

    private func advance(_ host: ModelHost, _ rollout: Rollout) {
        let candidate = rollout.candidate
        guard host.active === rollout.stable, let loaded = host.version(candidate.version) else {
            endRollout(host, "superseded", .superseded)
            return
        }
        guard loaded === candidate else {
            // Somebody loaded other bytes under its number: none of what was seen is of those.
            beginRollout(of: loaded.version, host: host, rollout.limits)
            return
        }
        switch rollout.judge(at: .now) {
        case .wait: break
        case .stepped(let percent):
            host.noteStep(of: rollout)
            daemon.keepVersions()
            tell(
                "rollout.stepped",
                .info,
                host,
                rollout,
                [JSONMember(name: "percent", value: .number(percent))]
            )
        case .finished:
            endRollout(host, "finished", .promoted(reason: "the rollout is through"))
        case .failed(let gate): fail(host, gate)
        }
    }

    /// Ends the rollout under way; on whatever thread.
    ///
    /// - Parameters:
    ///   - host: the model.
    ///   - result: how it ends, in a word.
    ///   - end: what becomes of the new version.
    ///   - gate: the gate that failed.
    ///   - caller: who ordered it; nil where nobody did.
    /// - Returns: whether it will survive a restart; nil where there was none to end.
    @discardableResult
    func endRollout(
        _ host: ModelHost,
        _ result: String,
        _ end: ModelHost.RolloutEnd,
        gate: GateReading? = nil,
        by caller: String? = nil
    ) -> Bool? {
        guard let (rollout, swap) = host.endRollout(end) else { return nil }
        // A gate that fails must not hold up those of other models.
        var isKept = true
        if caller == nil { daemon.keepVersionsSoon() } else { isKept = daemon.keepVersions() }
        let reason: String? =
            switch end {
            case .promoted(let reason), .held(let reason): reason
            case .superseded: nil
            }
        daemon.metrics.countRollout(result)
        var fields: [JSONMember] = [JSONMember(name: "result", value: .string(result))]
        if let gate { fields.append(JSONMember(name: "gate", value: gate.json)) }
        if let caller { fields.append(JSONMember(name: "by", value: .string(caller))) }
        if let reason { fields.append(JSONMember(name: "reason", value: .string(reason))) }
        tell(
            "rollout.ended",
            result == "failed" ? .error : .info,
            host,
            rollout,
            fields,
            isOrder: caller != nil
        )
        if let swap {
            daemon.noteSwap(
                swap,
                of: host,
                by: caller,
                reason: reason,
                waitsForDisk: caller != nil
            )
        }
        return isKept
    }

    private func tell(
        _ event: String,
        _ severity: LogSeverity,
        _ host: ModelHost,
        _ rollout: Rollout,
        _ fields: [JSONMember],
        isOrder: Bool = false
    ) {
        daemon.reporter.event(
            event,
            severity,
            model: host.name,
            isOrder: isOrder,
            .object(
                [
                    JSONMember(name: "from", value: .number(rollout.stable.version)),
                    JSONMember(name: "to", value: .number(rollout.candidate.version)),
                ] + fields
            )
        )
    }
}
