// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
package import Guards
import HTTP
package import Platform

/// What the caller knows that decides who may answer.
package struct PredictionContext: Sendable {
    package var override: Override.Mode
    package var now: MonotonicClock.Instant
    /// Golden runs ask the model whatever the guards say, and leave no trace in them.
    package var isGolden = false
    /// Outside a daemon no canary has run; rows are still checked one by one.
    package var isOffline = false
    /// When a run of the graph is interrupted, in nanoseconds of `MonotonicClock`.
    package var deadline = UInt64.max
    /// See `PredictionRequest.textless`.
    package var textless: UInt64 = 0

    package init(
        override: Override.Mode,
        now: MonotonicClock.Instant,
        deadline: UInt64 = .max,
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
    /// `workspace.tables.outputs`, who gave them in `.outcome`.
    ///
    /// - Parameters:
    ///   - workspace: holds the features.
    ///   - context: what decides who may answer.
    ///   - body: what the features were decoded from; a binary tensor is read there.
    /// - Returns: what the breaker wants done, for the caller to carry out.
    /// - Throws: why the request gets no answer.
    package func answer(
        _ workspace: Workspace,
        _ context: PredictionContext,
        body: Span<UInt8> = Span()
    ) throws(Failure) -> [Breaker.Effect] {
        var effects: [Breaker.Effect] = []
        try answer(workspace, context, body: body, effects: &effects)
        return effects
    }

    /// The same, with what the breaker wants done also where there is no answer.
    func answer(
        _ workspace: Workspace,
        _ context: PredictionContext,
        body: Span<UInt8>,
        effects: inout [Breaker.Effect]
    ) throws(Failure) {
        try answer(&workspace.tables, workspace.session, context, body, &effects)
    }

    private func answer(
        _ tables: inout PredictionTables,
        _ session: Session,
        _ context: PredictionContext,
        _ body: Span<UInt8>,
        _ effects: inout [Breaker.Effect]
    ) throws(Failure) {
        tables.begin()
        let (situation, admission) = situation(rows: tables.features.rows, context)
        let refused: Int
        do throws(Failure) {
            try decide(&tables, situation, admittedRows: admission?.rows, context)
            refused = try askModel(&tables, session, context, body)
        } catch {
            // A half-open breaker would wait for its probe.
            record(admission, passed: 0, refused: 0, context, &effects)
            throw error
        }
        let passed = tables.modelRows.count - refused
        record(admission, passed: passed, refused: refused, context, &effects)
        if refused > 0, !effects.isEmpty { tables.cause = firstRefused(tables) }
        if !context.isGolden { try fillFromFallback(&tables) }
        tables.outcome.settle()
    }

    /// Has the model answer the rows that were chosen for it.
    ///
    /// - Returns: how many of its answers may not leave.
    private func askModel(
        _ tables: inout PredictionTables,
        _ session: Session,
        _ context: PredictionContext,
        _ body: Span<UInt8>
    ) throws(Failure) -> Int {
        guard !tables.modelRows.isEmpty else { return 0 }
        let fault = try infer(&tables, session, body, context)
        let refused = check(&tables, isFaulty: fault != nil)
        if refused > 0 {
            outputs.decodeRest(session, rows: tables.modelRows, into: &tables.outputs)
        }
        return refused
    }

    /// Tells the breaker what became of the rows that it let through, if it was asked.
    private func record(
        _ admission: Breaker.Admission?,
        passed: Int,
        refused: Int,
        _ context: PredictionContext,
        _ effects: inout [Breaker.Effect]
    ) {
        guard let admission else { return }
        let effect = guards.withLock {
            $0.breaker.record(admission, passed: passed, refused: refused, at: context.now)
        }
        if let effect { effects.append(effect) }
    }

    /// What holds for every row of the request, and how many of them the breaker lets through where
    /// it is to be asked.
    private func situation(
        rows: Int,
        _ context: PredictionContext
    ) -> (ModelSituation, Breaker.Admission?) {
        let isTraffic = !context.isGolden && !context.isOffline
        return guards.withLock { state in
            let situation = ModelSituation(
                override: isTraffic ? context.override : .auto,
                integrityFailed: isTraffic && state.integrityFailure != nil,
                canary: isTraffic ? state.canary.verdict(at: context.now) : .passing,
                driftActs: false
            )
            guard situation.asksBreaker, !context.isGolden else { return (situation, nil) }
            return (situation, state.breaker.admit(rows: rows, at: context.now))
        }
    }

    /// Decides each row before inference; a kill switch that rejects refuses the request.
    private func decide(
        _ tables: inout PredictionTables,
        _ situation: ModelSituation,
        admittedRows: Int?,
        _ context: PredictionContext
    ) throws(Failure) {
        var admitted = admittedRows ?? tables.features.rows
        let asksKillSwitches = !killSwitches.isEmpty && !context.isGolden
        var held: UInt64 = 0
        // What becomes of every row that nothing is said against.
        let usual = Decision.beforeInference(
            situation,
            RowSituation(isAdmitted: true, isValid: true, killSwitchHolds: false)
        )
        for row in 0..<tables.features.rows {
            let isValid = tables.features.isValid(row: row)
            if asksKillSwitches {
                held >>= 1
                if row.isMultiple(of: KillSwitches.blockRowCount) {
                    held = killSwitches.holding(from: row, of: tables.features)
                }
            }
            let decision =
                isValid && held & 1 == 0 && admitted > 0
                ? usual : try decide(row, tables.features, situation, admitted > 0, isValid, held)
            tables.outcome.set(row, decision)
            guard case .model = decision.source else { continue }
            admitted -= 1
            tables.modelRows.append(row)
        }
    }

    /// Decides a row that something may be said against.
    private func decide(
        _ row: Int,
        _ features: borrowing FeatureTable,
        _ situation: ModelSituation,
        _ isAdmitted: Bool,
        _ isValid: Bool,
        _ held: UInt64
    ) throws(Failure) -> Decision {
        let killSwitch =
            isValid && held & 1 == 1 ? killSwitches.firstHolding(row: row, of: features) : nil
        if let killSwitch, killSwitch.then == .reject {
            throw refusal(of: row, by: killSwitch)
        }
        return Decision.beforeInference(
            situation,
            RowSituation(
                isAdmitted: isAdmitted,
                isValid: isValid,
                killSwitchHolds: killSwitch != nil
            )
        )
    }

    /// Checks the model's answers.
    ///
    /// - Returns: how many of them may not leave.
    private func check(_ tables: inout PredictionTables, isFaulty: Bool) -> Int {
        var refused = 0
        // All at once, as nearly always all is well.
        if !isFaulty, tables.modelRows.count == tables.outputs.rows,
            OutputPlan.isAllGood(tables.outputs, bounds)
        {
            return 0
        }
        for row in tables.modelRows {
            let verdict =
                isFaulty
                ? .nonFinite : OutputPlan.verdict(of: row, in: tables.outputs, bounds: bounds)
            if case .ok = verdict { continue }
            let before = Decision(source: .model, guardName: tables.outcome.guards[row])
            tables.outcome.set(row, .afterInference(before, verdict))
            refused += 1
        }
        return refused
    }

    /// The first of the model's answers that may not leave, before the fallback's takes its place.
    private func firstRefused(_ tables: borrowing PredictionTables) -> RefusedAnswer? {
        guard let row = tables.modelRows.first(where: { !tables.outcome.isModel[$0] })
        else { return nil }
        let found = OutputPlan.firstRefused(of: row, in: tables.outputs, bounds: bounds)
        return RefusedAnswer(
            guardName: tables.outcome.guards[row],
            output: found?.output,
            value: found?.value
        )
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
        _ tables: inout PredictionTables,
        _ session: Session,
        _ body: Span<UInt8>,
        _ context: PredictionContext
    ) throws(Failure) -> RunFault? {
        session.begin(rows: tables.modelRows.count)
        guard inputs.encode(tables.features, rows: tables.modelRows, body, into: session) else {
            throw Failure(
                413,
                "request_too_large",
                .data,
                "the texts of the request's \(tables.modelRows.count) rows do not fit the "
                    + "model's arena; send fewer rows a request, or shorter texts"
            )
        }
        let lent = inputs.lentInputs(tables.features, rows: tables.modelRows)
        guard !lent.isEmpty else { return try run(&tables, session, context) }
        return try session.lending(body, lent) { () throws(Failure) in
            try run(&tables, session, context)
        }
    }

    /// Runs the graph on the inputs that the session has, and takes its answers.
    private func run(
        _ tables: inout PredictionTables,
        _ session: Session,
        _ context: PredictionContext
    ) throws(Failure) -> RunFault? {
        if let fault = session.run(until: context.deadline) {
            guard fault.reason != .deadlinePassed else {
                throw .interrupted(session.program.describe(fault))
            }
            return fault
        }
        for index in session.program.outputs.indices
        where !session.isAsDeclared(output: index) {
            return RunFault(reason: .undefinedValue, step: session.program.plan.steps.count)
        }
        outputs.decode(
            session,
            rows: tables.modelRows,
            textless: context.textless,
            bounds,
            into: &tables.outputs
        )
        return nil
    }

    /// Answers every row from the fallback, as its own golden records ask.
    func fillAllFromFallback(_ tables: inout PredictionTables) throws(Failure) {
        for row in 0..<tables.features.rows { tables.outcome.isModel[row] = false }
        try fillFromFallback(&tables)
        for row in 0..<tables.features.rows { tables.outcome.isModel[row] = true }
    }

    /// Answers from the fallback what the model may not answer.
    private func fillFromFallback(_ tables: inout PredictionTables) throws(Failure) {
        guard tables.outcome.isModel.contains(false) else { return }
        for row in 0..<tables.features.rows where !tables.outcome.isModel[row] {
            for index in tables.outputs.columns.indices {
                guard let answer = fallback.answer(output: index, row: row, of: tables.features)
                else { throw noFallback(row, tables.outcome.guards[row]) }
                write(answer.value, to: &tables.outputs.columns[index], row: row)
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
        failure.headers = ["retry-after": "30"]
        return failure
    }

    private func write(
        _ value: FallbackChain.Value,
        to column: inout OutputTable.Column,
        row: Int
    ) {
        let places = row * column.spec.width..<(row + 1) * column.spec.width
        switch value {
        case .number(let number): for place in places { column.set(place, to: number) }
        case .numbers(let numbers):
            for (place, number) in zip(places, numbers) { column.set(place, to: number) }
        case .text(let text): for place in places { column.texts[place] = text }
        }
    }
}

extension OutputTable.Column {
    /// Stores a number of the fallback in the list that the datatype fills.
    fileprivate mutating func set(_ place: Int, to number: Double) {
        if spec.storage == .real {
            reals[place] = number
        } else {
            integers[place] = Int64(exactly: number.rounded()) ?? 0
        }
    }
}
