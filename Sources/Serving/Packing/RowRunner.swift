// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform

/// Runs rows of training data through the path that requests take: decode, validate, encode, infer.
struct RowRunner {
    let version: ModelVersion
    private let writer: RowWriter

    /// More values than a request's body should have.
    private static let valuesPerBody = 1 << 20

    /// Makes the model ready under a contract that is still being made.
    init(
        model: PackModel,
        identity: ArtifactIdentity,
        contract: Contract,
        columns: [DataColumn]
    ) throws(ArtifactError) {
        let values = columns.reduce(0) { sum, column in
            if case .tensors(let tensor) = column.values { sum + tensor.width } else { sum + 1 }
        }
        version = try ModelVersion(
            artifact: Artifact(
                draft: identity,
                files: model.files,
                model: model.model,
                contract: contract
            ),
            settings: ModelSettings(
                maximumRows: max(1, min(1024, Self.valuesPerBody / max(values, 1))),
                workspaces: 0
            ),
            metrics: ServingMetrics(),
            now: .now
        )
        writer = RowWriter(contract.features, columns)
    }

    /// Runs rows, some at a time.
    ///
    /// - Parameters:
    ///   - rows: those of the table that are wanted.
    ///   - progress: told how many are done.
    ///   - visit: takes a row's number, its place in the answers, and the answers.
    /// - Throws: the daemon's refusal of a row, or what `visit` throws.
    func run(
        _ rows: [Int],
        progress: ((Int) -> Void)? = nil,
        _ visit: (_ row: Int, _ place: Int, borrowing PredictionTables) throws(ArtifactError) ->
            Void
    ) throws(ArtifactError) {
        let workspace = version.reserved
        var body = JSONWriter()
        for start in stride(from: 0, to: rows.count, by: version.program.maximumRows) {
            let slice = rows[start..<min(start + version.program.maximumRows, rows.count)]
            writer.body(slice, into: &body)
            do throws(Failure) {
                try version.decodeRows(body.bytes, into: workspace)
                _ = try version.answer(
                    workspace,
                    PredictionContext(override: .auto, now: .now, isGolden: true)
                )
            } catch {
                throw refusal(error, slice)
            }
            for (place, row) in slice.enumerated() { try visit(row, place, workspace.tables) }
            progress?(start + slice.count)
        }
    }

    private func refusal(_ failure: Failure, _ rows: ArraySlice<Int>) -> ArtifactError {
        guard !failure.details.isEmpty else {
            return ArtifactError(packing: "rows", failure.sentence)
        }
        return ArtifactError(
            failure.details.prefix(20).map { detail in
                let row = detail.row.map { rows[rows.startIndex + min($0, rows.count - 1)] }
                let place = [row.map { "row \($0)" }, detail.feature.map { "feature '\($0)'" }]
                    .compactMap(\.self).joined(separator: ", ")
                return ArtifactProblem(
                    file: "data",
                    place: place,
                    found: detail.problem + (detail.value.map { ": \($0)" } ?? ""),
                    remedy: detail.hint ?? ""
                )
            }
        )
    }
}
