// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
package import Guards
import Platform

/// What the caller knows that decides who may answer.
package struct PredictionContext: Sendable {
    package var override: Override.Mode
    package var now: ContinuousClock.Instant
    /// Golden runs ask the model whatever the guards say, and leave no trace in them.
    package var isGolden = false
    /// Outside a daemon no canary has run; rows are still checked one by one.
    package var isOffline = false
    /// When a run of the graph is interrupted; nil for never.
    package var deadline: ContinuousClock.Instant?

    package init(
        override: Override.Mode,
        now: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant? = nil,
        isGolden: Bool = false,
        isOffline: Bool = false
    ) {
        self.override = override
        self.now = now
        self.deadline = deadline
        self.isGolden = isGolden
        self.isOffline = isOffline
    }
}

extension ModelVersion {
    /// The main path from decoded features to answers.
    ///
    /// Kill switches, decision, inference, output checks, fallback. The answers are in
    /// `workspace.outputs`, who gave them in `.outcome`.
    ///
    /// - Returns: what the breaker wants done, for the caller to carry out.
    package func answer(
        _ workspace: Workspace,
        _ context: PredictionContext
    ) throws(Failure) -> [Breaker.Effect] {
        let rows = workspace.features.rows
        workspace.outputs.reset(rows: rows)
        workspace.outcome = Outcome(rows: rows)
        var effects: [Breaker.Effect] = []
        let situation = modelSituation(context)
        let decisions = try decide(workspace, situation, context, &effects)
        workspace.modelRows.removeAll(keepingCapacity: true)
        for row in 0..<rows where decisions.rows[row].source == .model {
            workspace.modelRows.append(row)
        }
        var refused = 0
        if !workspace.modelRows.isEmpty {
            let fault = try infer(workspace, until: context.deadline)
            for row in workspace.modelRows {
                let verdict =
                    fault == nil
                    ? OutputPlan.verdict(of: row, in: workspace.outputs, bounds: bounds)
                    : .nonFinite
                let decision = Decision.afterInference(decisions.rows[row], verdict)
                workspace.outcome.guards[row] = decision.guardName
                workspace.outcome.isModel[row] = decision.source == .model
                if decision.source != .model { refused += 1 }
            }
        }
        if let admission = decisions.admission {
            let passed = workspace.modelRows.count - refused
            let effect = guards.withLock {
                $0.breaker.record(admission, passed: passed, refused: refused, at: context.now)
            }
            if let effect { effects.append(effect) }
        }
        if !context.isGolden { try fillFromFallback(workspace) }
        return effects
    }

    /// What holds for every row of the request.
    private func modelSituation(_ context: PredictionContext) -> ModelSituation {
        guard !context.isGolden && !context.isOffline else {
            return ModelSituation(
                override: .auto,
                integrityFailed: false,
                canary: .passing,
                driftActs: false
            )
        }
        return guards.withLock { state in
            ModelSituation(
                override: context.override,
                integrityFailed: state.integrityFailure != nil,
                canary: state.canary.verdict(at: context.now),
                driftActs: false
            )
        }
    }

    private struct Decisions {
        var rows: [Decision]
        var admission: Breaker.Admission?
    }

    /// Decides each row before inference; a kill switch that rejects refuses the request.
    private func decide(
        _ workspace: Workspace,
        _ situation: ModelSituation,
        _ context: PredictionContext,
        _ effects: inout [Breaker.Effect]
    ) throws(Failure) -> Decisions {
        let rows = workspace.features.rows
        var admission: Breaker.Admission?
        if situation.asksBreaker && !context.isGolden {
            admission = guards.withLock { $0.breaker.admit(rows: rows, at: context.now) }
        }
        var admitted = admission?.rows ?? rows
        var decisions: [Decision] = []
        decisions.reserveCapacity(rows)
        for row in 0..<rows {
            let isValid = workspace.features.guardName(row: row) == .ok
            var killSwitch: KillSwitch?
            if isValid && !killSwitches.isEmpty && !context.isGolden {
                killSwitch = killSwitches.firstHolding(row: row, of: workspace.features)
            }
            if let killSwitch, killSwitch.then == .reject {
                throw refusal(of: row, by: killSwitch)
            }
            let decision = Decision.beforeInference(
                situation,
                RowSituation(
                    isAdmitted: admitted > 0,
                    isValid: isValid,
                    killSwitchHolds: killSwitch != nil
                )
            )
            if decision.source == .model { admitted -= 1 }
            workspace.outcome.guards[row] = decision.guardName
            workspace.outcome.isModel[row] = decision.source == .model
            decisions.append(decision)
        }
        return Decisions(rows: decisions, admission: admission)
    }

    private func refusal(of row: Int, by killSwitch: KillSwitch) -> Failure {
        var violations = Violations()
        violations.record(
            .killSwitch,
            "kill switch '\(killSwitch.name)' refuses the row",
            feature: nil,
            row: row,
            value: nil,
            hint: "it holds when \(killSwitch.when)"
        )
        return .violations(violations)
    }

    /// Runs the graph on the chosen rows.
    private func infer(
        _ workspace: Workspace,
        until deadline: ContinuousClock.Instant?
    ) throws(Failure) -> RunFault? {
        let session = workspace.session
        session.begin(rows: workspace.modelRows.count)
        guard inputs.encode(workspace.features, rows: workspace.modelRows, into: session) else {
            throw Failure(
                413,
                "request_too_large",
                .data,
                "the texts of the request's \(workspace.modelRows.count) rows do not fit the "
                    + "model's arena; send fewer rows a request"
            )
        }
        if let fault = session.run(until: deadline?.monotonic ?? .max) {
            guard fault.reason != .deadlinePassed else {
                throw .interrupted(session.program.describe(fault))
            }
            return fault
        }
        for index in session.program.outputs.indices
        where !session.isAsDeclared(output: index) {
            return RunFault(reason: .undefinedValue, step: session.program.plan.steps.count)
        }
        outputs.decode(session, rows: workspace.modelRows, into: &workspace.outputs)
        return nil
    }

    /// Answers every row from the fallback, as its own golden records ask.
    func fillAllFromFallback(_ workspace: Workspace) throws(Failure) {
        for row in 0..<workspace.features.rows { workspace.outcome.isModel[row] = false }
        try fillFromFallback(workspace)
        for row in 0..<workspace.features.rows { workspace.outcome.isModel[row] = true }
    }

    /// Answers from the fallback what the model may not answer.
    private func fillFromFallback(_ workspace: Workspace) throws(Failure) {
        for row in 0..<workspace.features.rows where !workspace.outcome.isModel[row] {
            for index in workspace.outputs.columns.indices {
                guard let answer = fallback.answer(output: index, row: row, of: workspace.features)
                else { throw noFallback(row, workspace.outcome.guards[row]) }
                write(answer.value, to: &workspace.outputs.columns[index], row: row)
            }
        }
    }

    private func noFallback(_ row: Int, _ guardName: GuardName) -> Failure {
        var failure = Failure(
            503,
            "no_safe_answer",
            .model,
            "row \(row) may not be answered by model '\(name)' version \(version) "
                + "(\(guardName.rawValue)), and its contract has no fallback that can answer it"
        )
        failure.headers = [("retry-after", "30")]
        return failure
    }

    private func write(
        _ value: FallbackChain.Value,
        to column: inout OutputTable.Column,
        row: Int
    ) {
        let start = row * column.width
        switch value {
        case .number(let number):
            for place in start..<start + column.width {
                if column.storage == .real {
                    column.reals[place] = number
                } else {
                    column.integers[place] = Int64(exactly: number.rounded()) ?? 0
                }
            }
        case .numbers(let numbers):
            for (place, number) in zip(start..<start + column.width, numbers) {
                if column.storage == .real {
                    column.reals[place] = number
                } else {
                    column.integers[place] = Int64(exactly: number.rounded()) ?? 0
                }
            }
        case .text(let text):
            for place in start..<start + column.width { column.texts[place] = text }
        }
    }
}

extension ContinuousClock.Instant {
    /// The same time by the engine's clock.
    fileprivate var monotonic: UInt64 {
        let rest = max((self - .now).nanoseconds, 0)
        return MonotonicClock.nanoseconds() &+ UInt64(rest)
    }
}
