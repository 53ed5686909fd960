// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// An artifact in the making.
struct PackDraft {
    let settled: Settled
    /// What is true of the rows, where the data have it.
    let target: DataColumn?
    let framework: Manifest.Framework?
    let lock: [UInt8]?
    var contract: Contract
    var baseline: Baseline?
    var golden: [GoldenRecord] = []
    var fallbackRecords: [GoldenRecord] = []
    /// How far off the fallback is, and the model, by output; nil where nobody can tell.
    var errors: [(output: String, fallback: Double, constant: Double, model: Double?)] = []
    /// Whether errors are against the target, or else against the model's answers.
    var isAgainstTarget = false
    var notes: [String] = []

    init(
        settled: Settled,
        target: DataColumn?,
        framework: Manifest.Framework?,
        lock: [UInt8]?
    ) {
        (self.settled, self.target) = (settled, target)
        (self.framework, self.lock) = (framework, lock)
        contract = Contract(features: settled.features, outputs: [])
    }
}

extension Packer {
    /// Proposes what the outputs may be, from what both sides answered.
    func learnOutputs(_ draft: inout PackDraft, _ parity: Parity) {
        for (index, planned) in draft.settled.outputs.enumerated() {
            var output = Output(
                name: planned.name,
                from: planned.from,
                column: planned.column,
                datatype: planned.datatype
            )
            switch planned.answers.values {
            case .texts(let texts):
                output.categories = texts.names
                if case .texts(let truths)? = draft.target?.values {
                    output.categories? += truths.names.filter { !texts.names.has($0) }
                }
            case .booleans: break
            default: bound(&output, planned, parity.extents[index], draft.target)
            }
            draft.contract.outputs.append(output)
        }
        let canary = draft.contract.canary
        if options.tolerance > canary.tolerance {
            draft.contract.canary.tolerance = min(options.tolerance, 0.1)
            draft.notes.append(
                "the canary allows \(draft.contract.canary.tolerance), as --tolerance does, instead "
                    + "of \(canary.tolerance)"
            )
        }
        if options.absoluteTolerance > canary.absoluteTolerance {
            draft.contract.canary.absoluteTolerance = min(options.absoluteTolerance, 1)
            draft.notes.append(
                "the canary allows \(options.absoluteTolerance) absolutely, as --absolute-tolerance "
                    + "does, instead of \(canary.absoluteTolerance)"
            )
        }
    }

    private func bound(
        _ output: inout Output,
        _ planned: PlannedOutput,
        _ model: Extent,
        _ target: DataColumn?
    ) {
        guard output.datatype.isNumeric else { return }
        var extent = Extent(planned.answers)
        if planned.isProbability {
            // Sums of 32-bit floats reach a little beyond 1.
            output.range = 0...(max(extent.high, model.high) > 1 ? 1.00001 : 1)
            return
        }
        if output.datatype.isInteger, let target, target.isNumeric {
            let truths = Extent(target)
            if truths.isWhole, !truths.isEmpty { extent.add(truths.low...truths.high) }
        }
        output.range = extent.range(for: output.datatype)
        guard let range = output.range, output.datatype.isReal, extent.low >= 0, planned.width == 1
        else { return }
        let answers = planned.answers
        let mean =
            (0..<answers.rowCount).reduce(0) { $0 + answers.real($1) } / Double(answers.rowCount)
        guard mean > 0, range.upperBound / mean > 1.01 else { return }
        output.maximumRatioToMean = RangeRule.twoDigitsUp(range.upperBound / mean)
    }

    /// Describes the distribution of all rows.
    func describe(_ draft: inout PackDraft, _ data: DataTable) {
        tell("describing \(data.rowCount) rows", 0, 1)
        draft.baseline = Baseline(
            rows: data.rowCount,
            features: zip(draft.contract.features, draft.settled.columns).map { feature, column in
                Baseline.Described(
                    name: feature.name,
                    datatype: feature.datatype,
                    categories: feature.categories,
                    column: column.asSent(feature.datatype)
                )
            },
            outputs: zip(draft.contract.outputs, draft.settled.outputs).map { output, planned in
                Baseline.Described(
                    name: output.name,
                    datatype: output.datatype,
                    categories: output.categories,
                    column: planned.answers
                )
            }
        )
    }

    /// Chooses golden records among the rows that the graph answers far better than the canary asks.
    func chooseGolden(
        _ draft: inout PackDraft,
        _ parity: Parity,
        _ report: inout PackReport
    ) throws(ArtifactError) {
        tell("choosing golden records", 0, 1)
        let settled = draft.settled
        let limit = Float(min(draft.contract.canary.tolerance / 10, options.tolerance))
        let usable = settled.rows.indices.filter { parity.deviations[$0] <= limit }
            .map { settled.rows[$0] }
        guard !usable.isEmpty else {
            throw ArtifactError(
                packing: options.data,
                "no row that the graph answers within \(limit) of the training side",
                remedy: "find out why, or allow the canary more with --tolerance"
            )
        }
        let writer = RowWriter(draft.contract.features, settled.columns)
        let outputs = zip(draft.contract.outputs, settled.outputs)
        func record(_ row: Int, _ line: Int) -> GoldenRecord {
            GoldenRecord(
                inputs: writer.record(row),
                outputs: .object(
                    outputs.map { output, planned in
                        JSONMember(
                            name: output.name,
                            value: planned.answers.answer(row, as: output.datatype)
                        )
                    }
                ),
                line: line
            )
        }
        // Tensors make long records; a document has its limit.
        let longest = max(1, record(usable[0], 1).byteCount)
        let room = max(1, ArtifactOptions().documentByteLimit * 3 / 4 / longest)
        let columns = settled.columns + settled.outputs.map(\.answers)
        var rows = artifactGolden(columns, usable, min(options.goldenCount, room))
        if rows.count > room { rows = Array(rows.prefix(room)) }
        if rows.count < min(options.goldenCount, usable.count) {
            draft.notes.append(
                "\(rows.count) golden records instead of \(options.goldenCount): each has "
                    + "\(longest) bytes"
            )
        }
        draft.golden = rows.enumerated().map { record($1, $0 + 1) }
    }

    private func artifactGolden(_ columns: [DataColumn], _ usable: [Int], _ count: Int) -> [Int] {
        Artifacts.chooseGolden(columns, usable: usable, count: count, seed: options.seed)
    }
}

extension GoldenRecord {
    /// The record's line in its file.
    var encodedLine: [UInt8] {
        let value: JSONValue = ["inputs": inputs, "outputs": outputs]
        return value.line
    }

    fileprivate var byteCount: Int { encodedLine.count }
}

extension DataColumn {
    /// The column with the values that clients send: 32-bit numbers where the feature has such.
    fileprivate func asSent(_ datatype: Datatype) -> DataColumn {
        guard datatype == .bool, case .integers(let values) = self.values else { return self }
        var column = self
        column.values = .booleans(values.map { $0 != 0 })
        return column
    }

    /// The training side's answer, all of its digits, as a golden record has it.
    fileprivate func answer(_ row: Int, as datatype: Datatype) -> JSONValue {
        guard datatype.isReal, isNumeric else { return value(row, as: datatype) }
        return .number(real(row))
    }
}
