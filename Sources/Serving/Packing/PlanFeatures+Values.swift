// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Tensors

/// What the columns hold, and whether graph and contract can take it.
extension FeaturePlanner {
    /// What may stand in for a missing value: NaN or no category where the graph can take it, else the
    /// median, for texts the most frequent.
    func substitutes(for feature: PlannedFeature) -> [Substitute] {
        let column = feature.column
        guard (0..<column.rowCount).contains(where: { column.isMissing($0) }) else {
            return [.reject]
        }
        switch column.values {
        case .texts(let texts):
            let counts = texts.counts
            guard let most = counts.indices.max(by: { counts[$0] < counts[$1] }) else {
                return [.reject]
            }
            return none(for: feature, texts) + [.value(.text(texts.names[most]))]
        case .booleans(let values):
            let set = values.indices.count { !column.isMissing($0) && values[$0] }
            return [.value(.bool(2 * set > values.count - column.missingCount))]
        case .tensors: return [.reject]
        case .integers, .reals:
            let values = (0..<column.rowCount).map { column.real($0) }.filter { !$0.isNaN }.sorted()
            guard !values.isEmpty else { return [.reject] }
            // One that occurs: between two whole numbers there is none.
            let middle = values[(values.count - 1) / 2]
            var isWhole = [.int64, .int32].contains(feature.element)
            if case .integers = column.values { isWhole = true }
            let median: DefaultValue =
                isWhole
                ? .integer(Int64(exactly: middle) ?? 0)
                : .number(Double(spell(middle, isSingle: feature.element == .float)) ?? middle)
            let takesNaN = feature.element == .float || feature.element == .double
            return (takesNaN ? [.value(.null)] : []) + [.value(median)]
        }
    }

    /// No text: the empty one, no one-hot column, or NaN among numbers.
    private func none(for feature: PlannedFeature, _ texts: TextValues) -> [Substitute] {
        switch feature.form {
        case .text:
            // A text of any kind may be empty by itself.
            let isCategory = feature.categories != nil || texts.areCategories
            return [.value(isCategory ? .null : .text(""))]
        case .oneHot: return [.value(.null)]
        case .ordinal, .identity:
            let takesNaN = feature.element == .float || feature.element == .double
            return takesNaN ? [.value(.null)] : []
        }
    }

    /// What no contract lets in, by row.
    mutating func checkValues() {
        for feature in features {
            let column = feature.column
            if let named = feature.categories {
                let known = Set(named.map { ExactText($0) })
                if let odd = feature.distinctTexts.first(where: { !known.contains(ExactText($0)) })
                {
                    report(
                        "column '\(feature.name)' has '\(odd)'",
                        expected: "one of the model's categories: \(named.joined(separator: ", "))",
                        remedy: suggestion(for: odd, among: named) ?? ""
                    )
                }
            }
            guard column.rowCount > 0, column.missingCount < column.rowCount else {
                report(
                    "column '\(feature.name)' has no value in any row",
                    remedy: "leave it out of the model, or give rows that have it"
                )
                continue
            }
            if case .tensors(let values) = column.values {
                for index in 0..<values.count where !values.real(index).isFinite {
                    report(
                        "\(table.place(index / max(values.width, 1))), array '\(feature.name)': "
                            + "\(values.real(index))",
                        expected: "finite numbers"
                    )
                    break
                }
                continue
            }
            checkNumbers(of: feature)
        }
    }

    private mutating func checkNumbers(of feature: PlannedFeature) {
        let column = feature.column
        guard column.isNumeric else { return }
        let isSingle = feature.element == .float
        let isWhole = [.int64, .int32, .bool].contains(feature.element)
        for row in 0..<column.rowCount {
            let value = column.real(row)
            if value.isNaN { continue }
            let fits: Bool
            let expected: String
            if isWhole {
                fits =
                    feature.element == .int32
                    ? Int32(exactly: value) != nil : Int64(exactly: value) != nil
                expected =
                    "a whole number, because graph input '\(feature.input)' is \(feature.element)"
            } else {
                fits = isSingle ? Float(value).isFinite : value.isFinite
                expected = "a finite number" + (isSingle ? " that fits 32 bits" : "")
            }
            guard fits else {
                report(
                    "\(table.place(row)), column '\(feature.name)': \(value)",
                    expected: expected,
                    remedy: "correct it, or leave it empty where it is missing"
                )
                return
            }
        }
    }
}
