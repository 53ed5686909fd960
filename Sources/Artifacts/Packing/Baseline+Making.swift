// SPDX-License-Identifier: Apache-2.0
package import JSON

extension Baseline {
    /// What one feature or output had in every row of training.
    package struct Described: Sendable {
        package var name: String
        package var datatype: Datatype
        package var categories: [String]?
        package var column: DataColumn

        package init(
            name: String,
            datatype: Datatype,
            categories: [String]?,
            column: DataColumn
        ) {
            (self.name, self.datatype) = (name, datatype)
            (self.categories, self.column) = (categories, column)
        }
    }

    /// The most values of a tensor that are looked at; more are sampled evenly.
    static let tensorSample = 1_000_000

    /// Of texts that are no categories the most frequent are kept.
    static let mostFreeTexts = 1000

    /// Describes the rows trained on: what clients send, and what the model answers for it.
    package init(rows: Int, features: [Described], outputs: [Described]) {
        self.rows = rows
        self.features = [:]
        self.outputs = [:]
        for feature in features { self.features[feature.name] = Self.distribution(of: feature) }
        for output in outputs { self.outputs[output.name] = Self.distribution(of: output) }
    }

    private static func distribution(of subject: Described) -> Distribution {
        let column = subject.column
        switch column.values {
        case .texts(let texts):
            var counts: [ExactText: Int] = [:]
            for name in subject.categories ?? [] { counts[ExactText(name)] = 0 }
            let found = zip(texts.names, texts.counts).filter { $0.1 > 0 }
            let kept =
                subject.categories == nil
                ? Array(
                    found.sorted { ($1.1, ExactText($0.0)) < ($0.1, ExactText($1.0)) }
                        .prefix(mostFreeTexts)
                ) : found
            for (name, count) in kept { counts[ExactText(name), default: 0] += count }
            return .categorical(
                CategoricalDistribution(
                    count: counts.values.reduce(0, +),
                    missing: column.missingCount,
                    counts: counts
                )
            )
        case .tensors(let values):
            let step = max(1, values.count / tensorSample)
            let sample = stride(from: 0, to: values.count, by: step).map { values.real($0) }
                .filter(\.isFinite)
            return .numeric(NumericDistribution(of: sample, missing: column.missingCount))
        default: return distribution(ofNumbers: column, subject)
        }
    }

    private static func distribution(
        ofNumbers column: DataColumn,
        _ subject: Described
    ) -> Distribution {
        var values: [Double] = []
        values.reserveCapacity(column.rowCount)
        for row in 0..<column.rowCount where !column.isMissing(row) {
            values.append(decimal(column, row))
        }
        let missing = column.rowCount - values.count
        if subject.datatype == .bool || (subject.datatype.isInteger && subject.categories != nil) {
            let names = subject.categories ?? ["false", "true"]
            var counts: [ExactText: Int] = [:]
            for name in names { counts[ExactText(name)] = 0 }
            for value in values {
                guard let index = Int(exactly: value), names.indices.contains(index) else {
                    continue
                }
                counts[ExactText(names[index]), default: 0] += 1
            }
            let count = counts.values.reduce(0, +)
            return .categorical(
                CategoricalDistribution(count: count, missing: missing, counts: counts)
            )
        }
        return .numeric(NumericDistribution(of: values, missing: missing))
    }

    /// The decimal that a client sends, not the 32-bit float next to it.
    private static func decimal(_ column: DataColumn, _ row: Int) -> Double {
        guard case .reals(let values, isSingle: true) = column.values else {
            return column.real(row)
        }
        return Double(Float(values[row]).description) ?? values[row]
    }

    /// The document of a `baseline.json`, in the contract's order.
    package func document(for contract: Contract) -> JSONValue {
        func members(_ names: [String], _ all: [String: Distribution]) -> JSONValue {
            .object(
                names.compactMap { name in
                    all[name].map { JSONMember(name: name, value: Self.document(of: $0)) }
                }
            )
        }
        return [
            "rows": .number(rows),
            "features": members(contract.features.map(\.name), features),
            "outputs": members(contract.outputs.map(\.name), outputs),
        ]
    }

    private static func document(of distribution: Distribution) -> JSONValue {
        switch distribution {
        case .numeric(let numeric):
            [
                "kind": "numeric", "count": .number(numeric.count),
                "missing": .number(numeric.missing), "mean": .number(numeric.mean),
                "std": .number(numeric.standardDeviation), "min": .number(numeric.minimum),
                "max": .number(numeric.maximum),
                "quantiles": .array(numeric.quantiles.map { .number($0) }),
                "edges": .array(numeric.edges.map { .number($0) }),
                "counts": .array(numeric.counts.map { .number($0) }),
            ]
        case .categorical(let categorical):
            [
                "kind": "categorical", "count": .number(categorical.count),
                "missing": .number(categorical.missing),
                "counts": .object(
                    categorical.counts.sorted { $0.key < $1.key }.map {
                        JSONMember(name: $0.key.text, value: .number($0.value))
                    }
                ),
            ]
        }
    }
}
