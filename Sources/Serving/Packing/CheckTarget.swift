// SPDX-License-Identifier: Apache-2.0
import Artifacts

extension Packer {
    /// Holds the column of true values against what the graph answers.
    ///
    /// - Returns: the column, a number or a text a row, with what people should know; no column where
    ///   only its name made it the target, and it is of another kind.
    /// - Throws: a value that cannot be read, or a column that a flag names and that cannot be it.
    func checkTarget(
        _ column: DataColumn?,
        _ outputs: [PlannedOutput],
        _ data: DataTable
    ) throws(ArtifactError) -> (column: DataColumn?, notes: [String]) {
        guard let column else { return (nil, []) }
        if let oddity = column.oddity, oddity.count <= oddity.numberCount {
            throw unreadable(
                column,
                data.place(oddity.row),
                "'\(oddity.value)' is no number"
                    + (oddity.count > 1 ? ", and \(oddity.count - 1) more" : ""),
                data
            )
        }
        guard let target = column.asOneValueEach else {
            return try unfit(column, "holds more than one value a row", data)
        }
        for row in 0..<target.rowCount where target.isNumeric && target.real(row).isInfinite {
            throw unreadable(target, data.place(row), "\(target.real(row))", data)
        }
        let rivals = outputs.filter { $0.width == 1 }
        guard rivals.contains(where: { $0.datatype.isText == target.isText }) else {
            let kind = outputs.allSatisfy(\.datatype.isText) ? "texts" : "numbers"
            let answers = rivals.isEmpty ? "several \(kind) a row" : kind
            return try unfit(
                target,
                "holds \(target.isText ? "texts" : "numbers"), and the model answers \(answers)",
                data
            )
        }
        let missing = target.missingCount
        guard missing < target.rowCount else {
            return try unfit(target, "has no value in any row", data)
        }
        var notes: [String] = []
        if missing > 0 {
            notes.append(
                "the target '\(target.name)' is missing in \(missing) of \(target.rowCount) rows; "
                    + "errors are over the others"
            )
        }
        if outputs.count > 1, target.isNumeric {
            notes.append(
                "there is one target and \(outputs.count) outputs: what the fallback is worth is "
                    + "measured against the predictions"
            )
        }
        return (target, notes)
    }

    private func unreadable(
        _ column: DataColumn,
        _ place: String,
        _ found: String,
        _ data: DataTable
    ) -> ArtifactError {
        ArtifactError(
            packing: data.file,
            "\(place), target '\(column.name)': \(found)",
            expected: "the true value, a finite number",
            remedy: "correct it, or leave it empty where it is not known"
        )
    }

    /// A target that a flag names is meant; one that is only called so may be something else.
    private func unfit(
        _ column: DataColumn,
        _ found: String,
        _ data: DataTable
    ) throws(ArtifactError) -> (column: DataColumn?, notes: [String]) {
        guard options.target != nil else {
            return (nil, ["'\(column.name)' \(found): it is taken for no target"])
        }
        throw ArtifactError(
            packing: data.file,
            "target '\(column.name)' \(found)",
            expected: "the true value for each row, of the kind that the model answers",
            remedy: "name that column with --target, or leave --target away and this column out "
                + "with --ignore"
        )
    }
}

extension DataColumn {
    /// The column itself, or the only column of a matrix.
    fileprivate var asOneValueEach: DataColumn? {
        guard case .tensors(let values) = self.values else { return self }
        guard values.width == 1 else { return nil }
        let places = 0..<values.count
        let flat: Values =
            switch values.elements {
            case .singles(let all): .reals(places.map { Double(all[$0]) }, isSingle: true)
            case .doubles(let all): .reals(all, isSingle: false)
            case .integers(let all): .integers(all)
            }
        return DataColumn(name: name, values: flat)
    }
}

extension Packer {
    /// With fewer rows, what is learnt from them is a guess.
    private static let fewRows = 100

    /// What ranges and baseline are worth that were learnt from few rows.
    func smallnessNotes(_ rows: Int) -> [String] {
        guard rows < Self.fewRows else { return [] }
        let many = rows == 1 ? "one row" : "\(rows) rows"
        var notes = [
            "only \(many): ranges, categories, bounds and the baseline are what these happen to "
                + "hold. The daemon will refuse good requests beyond them, and drift is measured "
                + "against chance; give some hundred rows, with every category and the extremes, "
                + "or set the contract by hand"
        ]
        if options.stage == .production {
            notes.append(
                "a production artifact made of \(many): nobody asks for more, but nothing shows that "
                    + "it is right elsewhere"
            )
        }
        return notes
    }
}
