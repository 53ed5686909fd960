// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
package import JSON

/// How well the graph gives the training side's answers, over all rows.
package struct Parity: Sendable {
    /// A row that is off.
    package struct Worst: Sendable {
        package var row: Int
        package var output: String
        package var wanted: String
        package var got: String
        package var deviation: Double
        package var difference: Double
        package var inputs: JSONValue
    }

    /// Rows that were run, and how many of them are within tolerance.
    package var rows = 0
    package var within = 0
    /// Rows that no contract lets reach the model.
    package var excluded = 0
    package var tolerance: Double
    package var absoluteTolerance: Double
    package var largestDeviation = 0.0
    /// The rows that are furthest off, the furthest first.
    package var worst: [Worst] = []
    /// The largest difference of a row that is off, where all wanted answers are finite numbers.
    package var largestDifference = 0.0
    /// Of each row that was run, in their order.
    var deviations: [Float] = []
    /// What the graph gave, by output.
    var extents: [Extent] = []

    package var share: Double { rows == 0 ? 0 : Double(within) / Double(rows) }
}

/// One output of one row, of both sides.
struct RowComparison {
    enum Value { case real(Double), text(String) }

    private let output: PlannedOutput
    private let row: Int
    private let got: (Int) -> Value

    init(_ output: PlannedOutput, row: Int, got: @escaping (Int) -> Value) {
        (self.output, self.row, self.got) = (output, row, got)
    }

    /// The largest deviation over the output's values.
    func deviation(tolerance: Double, absolute: Double) -> Double {
        var largest = 0.0
        for element in 0..<output.width {
            let comparison: Comparison
            switch got(element) {
            case .text(let text):
                comparison = compare(got: text, want: output.answers.text(row) ?? "")
            case .real(let value):
                let want = wanted(element)
                comparison =
                    output.datatype.isReal
                    ? compare(got: value, want: want, tolerance: tolerance, absolute: absolute)
                    : compare(got: value == want ? 0 : 1, want: Int64(0))
            }
            largest = max(largest, comparison.deviation)
        }
        return largest
    }

    func wanted(_ element: Int) -> Double {
        guard case .tensors(let values) = output.answers.values else {
            return output.answers.real(row)
        }
        return values.real(row * values.width + element)
    }

    /// The value furthest off, for people: element, wanted, got.
    var furthest: (wanted: String, got: String, difference: Double) {
        var found = (wanted: "", got: "", difference: -1.0)
        for element in 0..<output.width {
            switch got(element) {
            case .text(let text):
                return ("'\(output.answers.text(row) ?? "")'", "'\(text)'", .infinity)
            case .real(let value):
                let want = wanted(element)
                let difference = value.isFinite ? abs(value - want) : .infinity
                if difference > found.difference {
                    found = (
                        spell(want, isSingle: output.datatype == .fp32),
                        spell(value, isSingle: output.datatype == .fp32), difference
                    )
                }
            }
        }
        return found
    }
}

extension Packer {
    /// Runs every row through the path that requests take and compares each answer.
    func checkParity(
        _ settled: Settled,
        _ model: PackModel,
        _ data: DataTable
    ) throws(ArtifactError) -> Parity {
        let outputs = settled.outputs
        let contract = Contract(
            features: settled.features,
            outputs: outputs.map {
                Output(name: $0.name, from: $0.from, column: $0.column, datatype: $0.datatype)
            }
        )
        let runner = try RowRunner(
            model: model,
            identity: identity,
            contract: contract,
            columns: settled.columns
        )
        var parity = Parity(
            tolerance: options.tolerance,
            absoluteTolerance: options.absoluteTolerance
        )
        parity.excluded = data.rowCount - settled.rows.count
        parity.extents = outputs.map { _ in Extent() }
        parity.deviations.reserveCapacity(settled.rows.count)
        let (tolerance, absolute) = (options.tolerance, options.absoluteTolerance)
        let writer = RowWriter(settled.features, settled.columns)
        let total = settled.rows.count
        try runner.run(
            settled.rows,
            progress: { tell("running \(total) rows", $0, total) }
        ) { (row, place, tables) throws(ArtifactError) in
            var largest = 0.0
            for (index, output) in outputs.enumerated() {
                let column = tables.outputs.columns[index]
                let comparison = RowComparison(output, row: row) { element in
                    column.value(place * column.spec.width + element)
                }
                let deviation = comparison.deviation(tolerance: tolerance, absolute: absolute)
                for element in 0..<column.spec.width {
                    if case .real(let value) = column.value(place * column.spec.width + element) {
                        parity.extents[index].add(value)
                    }
                }
                if deviation > tolerance {
                    parity.note(row, output.name, comparison, deviation) { writer.record(row) }
                }
                largest = max(largest, deviation)
            }
            parity.rows += 1
            if largest <= tolerance { parity.within += 1 }
            parity.largestDeviation = max(parity.largestDeviation, largest)
            parity.deviations.append(Float(largest))
        }
        return parity
    }
}

extension OutputTable.Column {
    fileprivate func value(_ place: Int) -> RowComparison.Value {
        switch spec.storage {
        case .real: .real(reals[place])
        case .integer: .real(Double(integers[place]))
        case .text: .text(texts[place])
        }
    }
}

extension Parity {
    /// As many rows are shown.
    private static let mostShown = 5

    fileprivate mutating func note(
        _ row: Int,
        _ output: String,
        _ comparison: RowComparison,
        _ deviation: Double,
        _ inputs: () -> JSONValue
    ) {
        let found = comparison.furthest
        largestDifference = max(largestDifference, found.difference)
        guard worst.count < Self.mostShown || deviation > worst[Self.mostShown - 1].deviation else {
            return
        }
        worst.append(
            Worst(
                row: row,
                output: output,
                wanted: found.wanted,
                got: found.got,
                deviation: deviation,
                difference: found.difference,
                inputs: inputs()
            )
        )
        worst.sort { $0.deviation > $1.deviation }
        if worst.count > Self.mostShown { worst.removeLast() }
    }

    /// Why the graph may not be packed.
    func refusal(_ options: PackOptions, _ data: DataTable) -> ArtifactError {
        guard rows > 0 else {
            return ArtifactError(
                packing: data.file,
                "no row reaches the model: in each something is missing",
                remedy:
                    "give rows that are whole, or say with --missing COLUMN=VALUE what stands in"
            )
        }
        var problems = [
            ArtifactProblem(
                file: options.model,
                found: "gives other answers than the training side: \(within) of \(rows) rows "
                    + "(\(percent(share))) are within \(tolerance) of the predictions",
                expected: options.leastShare == 1 ? "all" : "\(percent(options.leastShare))",
                remedy: advice
            )
        ]
        for worst in worst {
            let text = String(worst.inputs.text().prefix(600))
            problems.append(
                ArtifactProblem(
                    file: data.file,
                    place: data.place(worst.row),
                    found: "\(worst.output) \(worst.got), off by \(short(worst.difference))",
                    expected: worst.wanted,
                    remedy: "inputs \(text)"
                )
            )
        }
        return ArtifactError(problems)
    }

    /// What is probably the matter.
    private var advice: String {
        let size = extents.reduce(0) { max($0, abs($1.low), abs($1.high)) }
        if size.isFinite, largestDifference <= min(1e-4 * size, 1) {
            return "they differ little, and near zero: --absolute-tolerance "
                + "\(RangeRule.twoDigitsUp(largestDifference)) accepts that, and lets the canary too"
        }
        if largestDeviation <= 1e-3 {
            return "the graph rounds otherwise: --tolerance "
                + "\(RangeRule.twoDigitsUp(largestDeviation)) accepts that"
        }
        if share >= 0.9 {
            return
                "a few rows at a threshold of a tree differ where a model was trained on doubles "
                + "and the graph takes floats: train on float32, or accept them with --least-share "
                + "\(short((share * 1000).rounded(.down) / 1000))"
        }
        return "look at the order of the columns (--features) and of the categories (--encode "
            + "COLUMN=ordinal:first,second,…), at what the training side does before the model, and "
            + "whether the predictions are of these rows"
    }

    private func percent(_ share: Double) -> String {
        "\((share * 1_000_000).rounded(.down) / 10_000) %"
    }
}

/// A number in three digits.
func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    return "\(RangeRule.threeDigits(value))"
}
