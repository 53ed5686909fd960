// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import Tensors

/// One try at how the graph is to be fed: what it answers to some rows, held against the training side.
struct Trial {
    /// A graph output's answers for the rows that were tried.
    struct Got {
        var from: String
        var datatype: Datatype
        var width: Int
        var reals: [Double] = []
        var texts: [String] = []
    }

    let rows: [Int]
    let got: [Got]

    /// Runs the graph with all that it gives.
    ///
    /// - Parameters:
    ///   - model: the graph.
    ///   - identity: what to call it meanwhile.
    ///   - features: as the contract would have them, without ranges.
    ///   - columns: the data's columns of these.
    ///   - rows: which rows to try.
    /// - Throws: why the graph cannot be run so.
    init(
        model: PackModel,
        identity: ArtifactIdentity,
        features: [Feature],
        columns: [DataColumn],
        rows: [Int]
    ) throws(ArtifactError) {
        let outputs = model.outputs.compactMap { value -> Output? in
            // A ZipMap's output has no tensor type in the file; its table of floats is what it gives.
            let type = value.type ?? .float
            return type.outputDatatype.map {
                Output(name: value.name, from: value.name, column: nil, datatype: $0.widest)
            }
        }
        guard !outputs.isEmpty else {
            throw ArtifactError(
                packing: model.path,
                "no graph output that a contract can have",
                expected: "numbers, booleans or texts"
            )
        }
        let contract = Contract(features: features, outputs: outputs)
        let runner = try RowRunner(
            model: model,
            identity: identity,
            contract: contract,
            columns: columns
        )
        // Exporters declare an output in one precision and compute it in the other: skl2onnx does.
        let computed = runner.version.program.outputs
        var got = runner.version.outputSpecs.map { spec in
            let type = computed.first { $0.name == spec.name }?.elementType
            return Got(
                from: spec.name,
                datatype: type?.outputDatatype ?? spec.datatype,
                width: spec.width
            )
        }
        try runner.run(rows) { (_, place, tables) throws(ArtifactError) in
            for index in got.indices {
                let column = tables.outputs.columns[index]
                let range = place * got[index].width..<(place + 1) * got[index].width
                switch column.spec.storage {
                case .real: got[index].reals += column.reals[range]
                case .integer: got[index].reals += column.integers[range].map { Double($0) }
                case .text: got[index].texts += column.texts[range]
                }
            }
        }
        (self.rows, self.got) = (rows, got)
    }

    /// How well a place in the graph's outputs gives a column of the training side.
    struct Match {
        var output: Int
        var column: Int?
        /// The share of rows within tolerance.
        var share: Double
        var medianDeviation: Double

        func isBetter(than other: Match) -> Bool {
            share != other.share
                ? share > other.share : medianDeviation < other.medianDeviation
        }
    }

    /// The place that gives the training side's answers best.
    ///
    /// - Parameters:
    ///   - answers: of the training side, for all rows.
    ///   - tolerance: what counts as the same, relative.
    ///   - absolute: the same near zero.
    /// - Returns: nil where the graph has no output of that kind.
    func match(_ answers: DataColumn, tolerance: Double, absolute: Double) -> Match? {
        var best: Match?
        for (index, output) in got.enumerated() {
            for column in columns(of: output, for: answers) {
                let match = compare(answers, index, column, tolerance, absolute)
                if best.map(match.isBetter) ?? true { best = match }
            }
        }
        return best
    }

    /// The columns of a graph output that can be the training side's: nil is the whole row.
    private func columns(of output: Got, for answers: DataColumn) -> [Int?] {
        switch answers.values {
        case .tensors(let values):
            return !output.datatype.isText && values.width == output.width ? [nil] : []
        case .texts:
            return output.datatype.isText && output.width <= 4096 ? Array(0..<output.width) : []
        default:
            return output.datatype.isText || output.width > 4096 ? [] : Array(0..<output.width)
        }
    }

    private func compare(
        _ answers: DataColumn,
        _ index: Int,
        _ column: Int?,
        _ tolerance: Double,
        _ absolute: Double
    ) -> Match {
        let output = got[index]
        var within = 0
        var deviations: [Double] = []
        for (place, row) in rows.enumerated() {
            let start = place * output.width
            var deviation = 0.0
            if case .tensors(let values) = answers.values {
                for element in 0..<output.width {
                    let comparison = Guards.compare(
                        got: output.reals[start + element],
                        want: values.real(row * values.width + element),
                        tolerance: tolerance,
                        absolute: absolute
                    )
                    deviation = max(deviation, comparison.deviation)
                }
            } else if output.datatype.isText {
                let text = output.texts[start + (column ?? 0)]
                deviation = Guards.compare(got: text, want: answers.text(row) ?? "").deviation
            } else {
                deviation =
                    Guards.compare(
                        got: output.reals[start + (column ?? 0)],
                        want: answers.real(row),
                        tolerance: tolerance,
                        absolute: absolute
                    ).deviation
            }
            deviations.append(deviation)
            if deviation <= tolerance { within += 1 }
        }
        return Match(
            output: index,
            column: output.width == 1 ? nil : column,
            share: rows.isEmpty ? 0 : Double(within) / Double(rows.count),
            medianDeviation: median(of: deviations)
        )
    }
}

extension Datatype {
    /// The one of its kind that holds whatever precision a graph computes.
    fileprivate var widest: Datatype {
        switch self {
        case .fp32: .fp64
        case .int32: .int64
        default: self
        }
    }
}
