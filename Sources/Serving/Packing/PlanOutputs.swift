// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Tensors

extension Trial {
    /// Finds for each of the training side's columns the graph output that gives it: by its name, else
    /// by which one gives the same answers.
    ///
    /// - Returns: the outputs, and how well the worst of them fits.
    func planOutputs(
        _ answers: TrainingAnswers,
        model: PackModel,
        options: PackOptions
    ) throws(ArtifactError) -> (outputs: [PlannedOutput], share: Double) {
        var outputs: [PlannedOutput] = []
        var taken: Set<String> = []
        var share = 1.0
        for column in answers.columns {
            let named = got.firstIndex { $0.from == column.name }
            let found: Match?
            if let named, fits(column, got[named]) {
                found = Trial(rows: rows, got: [got[named]]).match(
                    column,
                    tolerance: options.tolerance,
                    absolute: options.absoluteTolerance
                ).map {
                    Match(output: named, column: $0.column, share: $0.share, medianDeviation: 0)
                }
            } else {
                found = match(
                    column,
                    tolerance: options.tolerance,
                    absolute: options.absoluteTolerance
                )
            }
            guard let found else { throw noOutput(for: column, answers) }
            share = min(share, found.share)
            let output = got[found.output]
            var name = column.name
            if !answers.hasNames || name.isEmpty || Int(name) != nil {
                let target = answers.columns.count == 1 && !column.isTensor ? options.target : nil
                name = target ?? output.from
            }
            if taken.contains(name) { name += "_\(found.column ?? outputs.count)" }
            guard taken.insert(name).inserted else {
                throw ArtifactError(
                    packing: answers.file,
                    "two columns for output '\(name)'",
                    expected: "one",
                    remedy: "name the columns after the outputs, or --ignore one"
                )
            }
            outputs.append(
                PlannedOutput(
                    name: name,
                    answers: column,
                    from: output.from,
                    column: found.column,
                    datatype: output.datatype,
                    width: column.isTensor ? output.width : 1,
                    isProbability: isProbability(column, output, model)
                )
            )
        }
        return (outputs, share)
    }

    private init(rows: [Int], got: [Got]) { (self.rows, self.got) = (rows, got) }

    private func fits(_ answers: DataColumn, _ output: Got) -> Bool {
        guard !answers.isTensor else { return true }
        return output.width == 1 && answers.isText == output.datatype.isText
    }

    private func noOutput(for column: DataColumn, _ answers: TrainingAnswers) -> ArtifactError {
        let have = got.map {
            "'\($0.from)' (\($0.datatype.rawValue), \($0.width) a row)"
        }.joined(separator: ", ")
        let kind: String
        switch column.values {
        case .texts: kind = "texts"
        case .tensors(let values): kind = "arrays of shape \(values.shape)"
        default: kind = "numbers"
        }
        return ArtifactError(
            packing: answers.file,
            "column '\(column.name)' holds \(kind), and the graph gives no such output",
            expected: "answers of one of \(have)",
            remedy: "leave it out with --ignore '\(column.name)', or export the graph with it"
        )
    }

    /// Whether an output's values are probabilities: as the model's file says, or as all of them are
    /// within 0 to 1 and its name, or a label beside it, says so.
    private func isProbability(
        _ answers: DataColumn,
        _ output: Got,
        _ model: PackModel
    ) -> Bool {
        if let imported = model.imported?.outputs.first(where: { $0.from == output.from }) {
            return imported.range == 0...1
        }
        guard output.datatype.isReal else { return false }
        let extent = Extent(answers)
        guard extent.low >= 0, extent.high <= 1.00001 else { return false }
        let isCalledSo = [answers.name, output.from].contains {
            $0.lowercased().contains("prob")
        }
        let hasLabel = got.contains { $0.datatype.isText || $0.datatype == .int64 }
        return isCalledSo || hasLabel
    }
}
