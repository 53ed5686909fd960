// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// The training side's own answers for the rows, a column for each output.
struct TrainingAnswers {
    var file: String
    var columns: [DataColumn]
    /// Whether the file names them; else the outputs are called as the graph calls them.
    var hasNames: Bool
    /// Columns of the file that a flag leaves out.
    private var ignored: [String] = []

    /// Reads the file of predictions, or takes columns of the data.
    init(_ options: PackOptions, data: DataTable) throws(ArtifactError) {
        if let path = options.predictions {
            var reading = DataOptions()
            reading.mayLackNames = true
            reading.ignored = options.ignored
            let table = try DataTable.read(path: path, options: reading)
            file = path
            (hasNames, ignored) = (table.hasNames, table.ignored)
            columns = table.columns.filter { table.columns.count == 1 || !table.isIndex($0) }
            guard table.rowCount == data.rowCount else {
                throw ArtifactError(
                    packing: path,
                    "\(table.rowCount) rows",
                    expected: "\(data.rowCount), one for each row of \(data.file)",
                    remedy: "predict the very rows of the data, in their order"
                )
            }
        } else {
            (file, hasNames, columns) = (data.file, true, [])
        }
        for name in options.predictionsColumns {
            guard let column = data.column(name) else {
                throw ArtifactError(
                    packing: data.file,
                    "no column '\(name)', which --predictions-column names",
                    expected: "one of \(data.names.prefix(40).joined(separator: ", "))"
                )
            }
            columns.append(column)
        }
        guard !columns.isEmpty else {
            throw ArtifactError(
                packing: "--predictions",
                "no answers of the training side",
                expected: "a file with the model's predictions for the rows of \(data.file)",
                remedy: "write model.predict(X) to a file, or name a column with "
                    + "--predictions-column; without them nobody can tell whether the graph is right"
            )
        }
        try check(data)
        let known = Set(data.ignored + ignored)
        guard let odd = options.ignored.subtracting(known).sorted().first else { return }
        throw ArtifactError(
            packing: "--ignore",
            "no column '\(odd)' in data or predictions",
            expected: "one of \((data.names + data.ignored).prefix(40).joined(separator: ", "))",
            remedy: suggestion(for: odd, among: data.names + columns.map(\.name)) ?? ""
        )
    }

    var names: [String] {
        hasNames ? columns.map(\.name).filter { !$0.isEmpty && Int($0) == nil } : []
    }

    /// Every row has an answer, and a finite one.
    private func check(_ data: DataTable) throws(ArtifactError) {
        for column in columns {
            for row in 0..<column.rowCount {
                let found: String
                if case .tensors(let values) = column.values {
                    guard
                        let odd = (row * values.width..<(row + 1) * values.width)
                            .first(where: { !values.real($0).isFinite })
                    else { continue }
                    found = "\(values.real(odd))"
                } else if column.isMissing(row) {
                    found = "no value, or NaN"
                } else if column.isNumeric, !column.real(row).isFinite {
                    found = "\(column.real(row))"
                } else {
                    continue
                }
                throw ArtifactError(
                    packing: file,
                    "row \(row), column '\(column.name)': \(found)",
                    expected: "a finite answer of the training side for each row",
                    remedy: "leave rows out that the model cannot answer, in both files"
                )
            }
        }
    }
}

/// An output of the contract and where its answers are, in the graph and on the training side.
struct PlannedOutput {
    var name: String
    var answers: DataColumn
    /// The graph output.
    var from: String
    /// The column of it; nil for the whole row.
    var column: Int?
    var datatype: Datatype
    /// How many values a row has.
    var width: Int
    /// Whether its values are probabilities.
    var isProbability: Bool
}
