// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Guards
import JSON
package import Platform

/// What a canary run found.
package struct CanaryReport: Sendable {
    package var outcome: CanaryOutcome
    /// Each golden record's deviation from its recorded answer, in the order of the file.
    package var deviations: [Double]
    /// Whether the fallback gave its own recorded answers.
    package var isFallbackProven: Bool
}

extension ModelVersion {
    /// Runs the golden records through the request path.
    ///
    /// From decoding to the output checks, in the reserved workspace; leaves no trace in breaker,
    /// metrics or drift.
    package func runCanary(deadline: MonotonicClock.Instant) -> CanaryReport {
        var wrong: [RecordDeviation] = []
        var deviations: [Double] = []
        guard reservedTurns.takeForCanary(until: deadline) else {
            return couldNotRun("a run in shadow held its workspace for too long", deviations)
        }
        defer { reservedTurns.giveBack() }
        let workspace = reserved
        for batch in canaryCase.batches {
            let context = PredictionContext(
                override: .auto,
                now: .now,
                deadline: deadline.nanoseconds,
                isGolden: true
            )
            guard context.now < deadline else {
                return couldNotRun("its deadline passed before all records had run", deviations)
            }
            do {
                try decodeRows(batch.body, into: workspace)
                _ = try answer(workspace, context)
            } catch {
                guard error.code != Failure.deadlineCode else {
                    return couldNotRun(error.sentence, deviations)
                }
                return CanaryReport(
                    outcome: .wrong([
                        RecordDeviation(
                            record: batch.records.lowerBound,
                            output: "",
                            got: error.sentence,
                            want: "an answer",
                            deviation: .infinity
                        )
                    ]),
                    deviations: deviations,
                    isFallbackProven: false
                )
            }
            for (row, record) in batch.records.enumerated() {
                let found = deviation(of: row, workspace, record, canaryCase.wanted[record])
                deviations.append(found.map(\.deviation).max() ?? 0)
                wrong += found.filter { !$0.passes }.map(\.report)
            }
        }
        let isFallbackProven = proveFallback(workspace)
        let outcome: CanaryOutcome =
            wrong.isEmpty ? .passed(deviation: deviations.max() ?? 0) : .wrong(wrong)
        return CanaryReport(
            outcome: outcome,
            deviations: deviations,
            isFallbackProven: isFallbackProven
        )
    }

    private func couldNotRun(_ reason: String, _ deviations: [Double]) -> CanaryReport {
        CanaryReport(
            outcome: .couldNotRun(reason: reason),
            deviations: deviations,
            isFallbackProven: false
        )
    }

    private struct Found {
        let passes: Bool
        let report: RecordDeviation
        var deviation: Double { report.deviation }
    }

    /// Compares every output of one row with its record.
    private func deviation(
        of row: Int,
        _ workspace: Workspace,
        _ record: Int,
        _ wanted: JSONValue
    ) -> [Found] {
        var found: [Found] = []
        if !workspace.tables.outcome.isModel[row] {
            let guardName = workspace.tables.outcome.guards[row].rawValue
            found.append(
                Found(
                    passes: false,
                    report: RecordDeviation(
                        record: record,
                        output: "",
                        got: "refused by \(guardName)",
                        want: "the model's answer",
                        deviation: .infinity
                    )
                )
            )
        }
        for column in workspace.tables.outputs.columns {
            let want = wanted[column.spec.name]
            let wants = want?.asArray ?? (want.map { [$0] } ?? [])
            for element in 0..<column.spec.width {
                let value = element < wants.count ? wants[element] : .null
                found.append(compare(column, row * column.spec.width + element, record, value))
            }
        }
        return found
    }

    private func compare(
        _ column: OutputTable.Column,
        _ place: Int,
        _ record: Int,
        _ want: JSONValue
    ) -> Found {
        let comparison: Comparison
        let got: String
        switch column.spec.storage {
        case .real:
            got = "\(column.reals[place])"
            comparison = Guards.compare(
                got: column.reals[place],
                want: want.asNumber?.double ?? .nan,
                tolerance: contract.canary.tolerance,
                absolute: contract.canary.absoluteTolerance
            )
        case .integer:
            got = "\(column.integers[place])"
            let number =
                want.asBool.map { $0 ? 1 : 0 } ?? want.asNumber?.int64
            comparison =
                number.map { Guards.compare(got: column.integers[place], want: $0) }
                ?? Guards.compare(got: got, want: "")
        case .text:
            got = column.texts[place]
            comparison = Guards.compare(got: got, want: want.asString ?? "")
        }
        return Found(
            passes: comparison.passes,
            report: RecordDeviation(
                record: record,
                output: column.spec.name,
                got: got,
                want: want.text(pretty: false),
                deviation: comparison.deviation
            )
        )
    }

    /// Whether the fallback answers its own records as recorded; false where it has none.
    private func proveFallback(_ workspace: Workspace) -> Bool {
        guard !canaryCase.fallbackWanted.isEmpty else { return false }
        for batch in canaryCase.fallbackBatches {
            guard (try? decodeRows(batch.body, into: workspace)) != nil else { return false }
            workspace.tables.outputs.reset(rows: batch.records.count)
            workspace.tables.outcome.reset(rows: batch.records.count)
            guard (try? fillAllFromFallback(&workspace.tables)) != nil else { return false }
            for (row, record) in batch.records.enumerated() {
                let found = deviation(of: row, workspace, record, canaryCase.fallbackWanted[record])
                if found.contains(where: { !$0.passes }) { return false }
            }
        }
        return true
    }

    /// Decodes a body in the row form and refuses it where it breaks the contract.
    func decodeRows(_ body: [UInt8], into workspace: Workspace) throws(Failure) {
        _ = try decode(body.span, form: .rows, jsonByteCount: body.count, into: workspace)
        guard workspace.tables.features.violations.isEmpty else {
            throw .violations(workspace.tables.features.violations)
        }
    }
}
