// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// The readers of training data, CSV, JSON and NumPy's files: whatever they read is a whole table, and
/// what is learnt of its columns holds for every value.
func fuzzData(_ bytes: [UInt8]) {
    var options = DataOptions()
    options.valueLimit = 1 << 16
    options.mayLackNames = bytes.count.isMultiple(of: 2)
    if bytes.count.isMultiple(of: 3) { options.texts = ["a", "cut"] }
    guard let table = try? DataTable.parse(bytes.span, file: "data", options: options) else {
        return
    }
    precondition(table.rowCount > 0 && !table.columns.isEmpty, "a table of nothing")
    for column in table.columns {
        precondition(column.rowCount == table.rowCount, "a column of other rows")
        _ = table.isIndex(column)
        for row in [0, table.rowCount / 2, table.rowCount - 1] {
            _ = (column.spelled(row), table.place(row), column.text(row))
            precondition(
                !column.isNumeric || column.real(row).isNaN == column.isMissing(row),
                "NaN"
            )
        }
        learn(column)
    }
}

private func learn(_ column: DataColumn) {
    let values = (0..<column.rowCount).map { column.real($0) }.filter(\.isFinite)
    if let range = Extent(column).range(for: .fp64) {
        for value in values { precondition(range.contains(value), "a range without its values") }
    }
    guard column.isNumeric, !values.isEmpty, values.count <= 4096 else { return }
    let described = NumericDistribution(of: values, missing: 0)
    guard described.mean.isFinite, described.standardDeviation.isFinite else { return }
    precondition(described.counts.reduce(0, +) == values.count, "a value outside all bins")
    for (low, high) in zip(described.edges, described.edges.dropFirst()) {
        precondition(low < high || !(high - low).isFinite, "edges that do not rise")
    }
}
