// SPDX-License-Identifier: Apache-2.0
import JSON

/// Rows of training data by column, whichever form of file they came in.
package struct DataTable: Sendable {
    /// What the file is called, for sentences.
    package var file: String
    package var rowCount: Int
    package var columns: [DataColumn]
    /// Whether the file names its columns; else they are called by their number.
    package var hasNames = true
    /// The line of the first row, for files of lines; a sentence about row r names line `r + firstLine`.
    package var firstLine: Int?
    /// Names that a file of arrays gives for the columns of its matrix.
    package var matrixNames: [String]?
    /// Columns of the file that nobody wanted.
    package var ignored: [String] = []

    package init(
        file: String,
        rowCount: Int,
        columns: [DataColumn],
        hasNames: Bool = true,
        firstLine: Int? = nil
    ) {
        (self.file, self.rowCount, self.columns) = (file, rowCount, columns)
        (self.hasNames, self.firstLine) = (hasNames, firstLine)
    }

    package func column(_ name: String) -> DataColumn? { columns.first { $0.name == name } }

    package var names: [String] { columns.map(\.name) }

    /// Where a row stands: `row 3 (line 5)`.
    package func place(_ row: Int) -> String {
        "row \(row)" + (firstLine.map { " (line \(row + $0))" } ?? "")
    }

    /// Whether a column only counts the rows, as data frames write their index.
    package func isIndex(_ column: DataColumn) -> Bool {
        guard ["", "index", "Unnamed: 0", "row_id", "column 0"].contains(column.name),
            case .integers(let values) = column.values, column.missing.isEmpty, values.count > 1
        else { return false }
        let first = values[0]
        guard first == 0 || first == 1 else { return false }
        return values.indices.allSatisfy { values[$0] == Int64($0) + first }
    }
}

/// What a reader of data files keeps to.
package struct DataOptions: Sendable {
    /// Columns whose values are texts even where they look like numbers.
    package var texts: Set<String> = []
    /// Columns that nobody wants; they are not read.
    package var ignored: Set<String> = []
    /// Whether a first line of nothing but numbers is a row, and the columns have no names.
    package var mayLackNames = false
    /// The most values that a table may have; each takes eight bytes at most.
    package var valueLimit = 400_000_000
    /// Told now and then how many of how many bytes are read.
    package var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

    package init() {}
}

extension ArtifactError {
    /// Two columns of one name; `String` also takes names for the same that differ in their bytes.
    init(_ file: String, _ place: String, _ kind: String, _ name: String, sameAs first: String) {
        let isSame = name.isSame(as: first)
        self.init(
            file,
            place,
            found: isSame
                ? "\(kind) '\(name)' twice"
                : "two names that differ in their Unicode form alone, '\(first)' and '\(name)'",
            expected: "each once",
            remedy: "rename or remove one"
        )
    }

    /// One problem of a data file.
    init(
        _ file: String,
        _ place: String = "",
        found: String,
        expected: String = "",
        remedy: String = ""
    ) {
        self.init(
            ArtifactProblem(
                file: file,
                place: place,
                found: found,
                expected: expected,
                remedy: remedy
            )
        )
    }
}
