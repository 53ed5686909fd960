// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

extension Packer {
    /// Proposes a fallback chain with golden records of its own.
    func proposeFallback(_ draft: inout PackDraft, _ parity: Parity) {
        tell("fitting the fallback", 0, 1)
        let settled = draft.settled
        let candidates = zip(draft.contract.features, settled.columns).compactMap {
            feature,
            column -> FallbackProposal.Candidate? in
            feature.shape == nil
                ? .init(
                    name: feature.name,
                    categories: feature.categories,
                    column: column,
                    standIn: feature.missing.number
                ) : nil
        }
        let isOnly = draft.contract.outputs.count == 1
        var links: [FallbackLink] = []
        var constants: [String: ConstantAnswer] = [:]
        for (output, planned) in zip(draft.contract.outputs, settled.outputs) {
            if let answer = planned.plainConstant(for: output) {
                constants[output.name] = answer
                continue
            }
            let truth = isOnly && draft.target?.isNumeric == true ? draft.target : nil
            draft.isAgainstTarget = truth != nil
            let wanted = truth ?? planned.answers
            let target = (0..<wanted.rowCount).map { wanted.real($0) }
            let proposal = FallbackProposal(
                output: isOnly ? nil : output.name,
                candidates: candidates,
                target: target,
                range: output.range,
                isWhole: output.datatype.isInteger,
                seed: options.seed
            )
            if let link = proposal.link { links.append(link) }
            constants[output.name] = .number(proposal.constant)
            let modelError = truth.map { truth in
                median(
                    of: target.indices.filter { target[$0].isFinite }
                        .map { abs(planned.answers.real($0) - truth.real($0)) }
                )
            }
            draft.errors.append(
                (output.name, proposal.error, proposal.constantError, modelError)
            )
        }
        draft.contract.fallback = links + [.constant(values: constants)]
        draft.fallbackRecords = FallbackRecords(draft).records
    }
}

extension PlannedOutput {
    /// The constant for an output that no rule is looked for: the most frequent label, the means of
    /// probabilities (the share of each class), the middle of each value of a list.
    fileprivate func plainConstant(for output: Output) -> ConstantAnswer? {
        let count = answers.rowCount
        switch answers.values {
        case .texts(let texts):
            let counts = texts.counts
            guard let most = counts.indices.max(by: { counts[$0] < counts[$1] }) else { return nil }
            return .text(texts.names[most])
        case .tensors(let values):
            let width = values.width
            return .numbers(
                (0..<width).map { element in
                    let column = (0..<count).map { values.real($0 * width + element) }
                    let middle =
                        isProbability
                        ? RangeRule.threeDigits(column.reduce(0, +) / Double(count))
                        : median(of: column)
                    return output.datatype.isInteger
                        ? middle.rounded() : middle.clamped(to: output.range)
                }
            )
        default:
            if output.datatype == .bool || (output.datatype.isInteger && isLabel) {
                var counts: [Double: Int] = [:]
                for row in 0..<count { counts[answers.real(row), default: 0] += 1 }
                let most = counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }
                return most.map { .number($0.key) }
            }
            guard isProbability else { return nil }
            let mean = (0..<count).reduce(0) { $0 + answers.real($1) } / Double(count)
            return .number(RangeRule.threeDigits(mean).clamped(to: output.range))
        }
    }

    /// Whether whole numbers are few enough to be the numbers of classes.
    private var isLabel: Bool { Extent(answers).distinct.count <= RangeRule.codeCount }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>?) -> Double {
        guard let range else { return self }
        return min(max(self, range.lowerBound), range.upperBound)
    }
}

/// Rows that lead to each link of a fallback chain, with answers that are worked out here and not by
/// the daemon's chain, which is held against them.
struct FallbackRecords {
    private(set) var records: [GoldenRecord] = []
    private let draft: PackDraft
    private let oracle: FallbackOracle
    private let writer: RowWriter
    private let rows: [Int]

    /// More categories than need a record each.
    private static let mostCategories = 50

    init(_ draft: PackDraft) {
        self.draft = draft
        oracle = FallbackOracle(
            contract: draft.contract,
            means: draft.baseline?.outputMeans ?? [:]
        )
        writer = RowWriter(draft.contract.features, draft.settled.columns)
        rows = draft.settled.rows
        guard let first = rows.first else { return }
        for link in draft.contract.fallback {
            switch link {
            case .table(_, let by, _, _): addCategories(of: by)
            case .linear(_, _, let coefficients):
                for row in SeededNumbers.sample(5, of: rows, seed: 11) { add(writer.record(row)) }
                addCorners(coefficients)
            case .constant: add(writer.record(first))
            }
        }
        addLacking(first)
    }

    private mutating func add(_ inputs: JSONValue) {
        guard let outputs = oracle.answer(inputs), !records.contains(where: { $0.inputs == inputs })
        else { return }
        records.append(GoldenRecord(inputs: inputs, outputs: outputs, line: records.count + 1))
    }

    private mutating func addCategories(of name: String) {
        guard
            let index = draft.contract.features.firstIndex(where: { $0.name == name }),
            case .texts(let texts) = draft.settled.columns[index].values
        else { return }
        var seen: Set<Int32> = []
        for row in rows where texts.codes[row] >= 0 && seen.insert(texts.codes[row]).inserted {
            add(writer.record(row))
            if seen.count == Self.mostCategories { break }
        }
    }

    /// The corners where a line says least and most; beyond the bounds the next link answers.
    private mutating func addCorners(_ coefficients: [ExactText: Double]) {
        guard let first = rows.first, let members = writer.record(first).asObject else { return }
        for isMost in [false, true] {
            let corner = members.map { member -> JSONMember in
                guard let slope = coefficients[ExactText(member.name)],
                    let feature = draft.contract.features.first(where: { $0.name == member.name }),
                    let range = feature.range
                else { return member }
                let end = (slope > 0) == isMost ? range.upperBound : range.lowerBound
                let value: JSONValue =
                    feature.datatype.isInteger ? .number(Int(end)) : .number(end)
                return JSONMember(name: member.name, value: value)
            }
            add(.object(corner))
        }
    }

    /// A row without each feature that a client may leave out, if the chain reads it or answers then.
    private mutating func addLacking(_ row: Int) {
        guard let members = writer.record(row).asObject else { return }
        let reads = draft.contract.fallbackReads
        let lacking = draft.contract.features.filter {
            $0.missing == .fallback || ($0.missing != .reject && reads.contains($0.name))
        }
        for feature in lacking.prefix(Self.mostCategories) {
            add(
                .object(
                    members.map {
                        $0.name == feature.name ? JSONMember(name: $0.name, value: .null) : $0
                    }
                )
            )
        }
    }
}
