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
        by caller: String? = nil
    ) {
        guard let stable = host.active, let candidate = host.version(number) else { return }
        if let running = host.rollout {
            guard running.candidate !== candidate || running.stable !== stable else { return }
            endRollout(host, "superseded", nil)
        }
        let kept = host.labels.rollout
        let step = kept?.version == number ? kept?.step ?? 0 : 0
        let rollout = Rollout(from: stable, to: candidate, limits, step: step)
        host.setRollout(rollout)
        keepStep(of: rollout, host)
        tell(
            "rollout.begun",
            .info,
            host,
            rollout,
            caller.map { [JSONMember(name: "by", value: .string($0))] } ?? [],
            isOrder: caller != nil
        )
        pace(host, rollout)
    }

    private func pace(_ host: ModelHost, _ rollout: Rollout) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Self.pace.nanoseconds)) { [weak self] in
            guard let self, host.rollout === rollout else { return }
            self.advance(host, rollout)
            if host.rollout === rollout { self.pace(host, rollout) }
        }
    }

    private func advance(_ host: ModelHost, _ rollout: Rollout) {
        guard host.active === rollout.stable, host.version(rollout.candidate.version) != nil else {
            endRollout(host, "superseded", nil)
            return
        }
        switch rollout.judge(at: .now) {
        case .wait: break
        case .stepped(let percent):
            keepStep(of: rollout, host)
            tell(
                "rollout.stepped",
                .info,
                host,
                rollout,
                [JSONMember(name: "percent", value: .number(percent))]
            )
        case .finished:
            guard endRollout(host, "finished", nil) else { return }
            let reason = "the rollout is through"
            if let swap = host.promote(rollout.candidate.version, reason: reason) {
                daemon.noteSwap(swap, of: host, by: nil, reason: reason)
            }
        case .failed(let gate):
            let reason =
                "rollout gate '\(gate.name)': \(gate.measure.map { "\($0)" } ?? "-"), "
                + "limit \(gate.limit)"
            if endRollout(host, "failed", gate) { hold(rollout.candidate, host, reason: reason) }
        }
    }

    /// Takes the new version out of traffic; on whatever thread.
    ///
    /// - Parameters:
    ///   - host: the model.
    ///   - result: how it ends, in a word.
    ///   - gate: the gate that failed.
    ///   - caller: who ordered it; nil where nobody did.
    ///   - reason: why.
    /// - Returns: whether there was one to end.
    @discardableResult
    func endRollout(
        _ host: ModelHost,
        _ result: String,
        _ gate: GateReading?,
        by caller: String? = nil,
        reason: String? = nil
    ) -> Bool {
        guard let rollout = host.takeRollout() else { return false }
        host.relabel { labels, _ in
            labels.rollout = nil
            return false
        }
        daemon.keepVersions()
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
        return true
    }

    private func keepStep(of rollout: Rollout, _ host: ModelHost) {
        let step = rollout.progress.step
        host.relabel { labels, _ in
            labels.rollout = .init(version: rollout.candidate.version, step: step)
            return false
        }
        daemon.keepVersions()
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
