// SPDX-License-Identifier: Apache-2.0
import Artifacts

extension Substitute {
    /// The same with a value as a column holds it; nil where it can hold no such value.
    func fitting(_ column: DataColumn) -> Substitute? {
        guard case .value(let value) = self else { return self }
        if value == .null { return column.isNumeric ? self : nil }
        guard case .text(let word) = value else { return self }
        switch column.values {
        case .texts: return self
        case .tensors: return nil
        case .booleans:
            return word == "true" || word == "false" ? .value(.bool(word == "true")) : nil
        case .integers:
            return Int64(word).map { .value(.integer($0)) }
        case .reals:
            guard let number = Double(word), number.isFinite else { return nil }
            return .value(.number(number))
        }
    }
}

extension Substitute {
    /// The number that stands in; nil where none does.
    var number: Double? {
        switch self {
        case .value(.number(let value)): value
        case .value(.integer(let value)): Double(value)
        case .value(.bool(let value)): value ? 1 : 0
        default: nil
        }
    }
}

extension Packer {
    /// Holds values that a flag lets stand in for missing ones against what the data have.
    ///
    /// A contract takes its own stand-in only within the range, so one beyond what was seen widens it,
    /// and clients may send what lies between. Where rows that lack the value were answered so by the
    /// training side, that is told; where nothing bears it out, it is refused.
    func checkStandIns(_ settled: Settled) throws(ArtifactError) -> [String] {
        var problems: [ArtifactProblem] = []
        var notes: [String] = []
        for (feature, planned) in zip(settled.features, settled.planned) {
            guard options.missing[feature.name] != nil, let value = feature.missing.number,
                let learnt = planned.learntRange(for: feature.datatype), !learnt.contains(value),
                let range = feature.range
            else { continue }
            let what = "\(value), which stands in for a missing '\(feature.name)'"
            guard planned.column.missingCount > 0 else {
                problems.append(
                    ArtifactProblem(
                        file: "--missing",
                        found: "\(what), and no row of the data lacks it to show that the model "
                            + "was trained so",
                        expected: "a value within \(learnt.lowerBound) to \(learnt.upperBound), "
                            + "as the data have them",
                        remedy: "give rows that lack it, with their predictions, or set value and "
                            + "range in contract.json by hand"
                    )
                )
                continue
            }
            notes.append(
                "\(what), lies beyond what was seen: its range is widened to "
                    + "\(range.lowerBound) to \(range.upperBound), and clients may send all of it"
            )
        }
        guard problems.isEmpty else { throw ArtifactError(problems) }
        return notes
    }
}
