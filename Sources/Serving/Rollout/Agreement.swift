// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON

/// How far two versions agree on the same rows: overall, in size, and where in the features.
struct Agreement: Sendable {
    private let tolerance: Double
    private(set) var rows = 0
    private(set) var agreeing = 0
    /// Rows that the old version answered and the new one refused or gave to its fallback.
    private(set) var refused = 0
    /// Rows that the models of both answered.
    private(set) var answeredByBoth = 0
    /// Relative differences of numbers.
    private(set) var differences = LogHistogram()
    /// The predictions of both for the same rows, for each output that has a numeric baseline.
    private var predictions: [String: PredictionPair]
    /// Compared and disagreeing rows for each bin of each feature's baseline.
    private var features: [FeatureBins]

    fileprivate struct FeatureBins: Sendable {
        let name: String
        let index: Int
        /// Rising ends of bins, or else categories.
        let edges: [Double]
        let categories: [String]
        var compared: [Int]
        var disagreeing: [Int]
    }

    fileprivate struct PredictionPair: Sendable {
        var old: PredictionBins
        var new: PredictionBins
    }

    /// - Parameters:
    ///   - candidate: the new version.
    ///   - stable: the old one. The bins of its baseline are taken where it has some, the same for both,
    ///     since what falls into each one's own bins differs however alike their predictions are.
    ///   - tolerance: the relative difference up to which two answers agree.
    init(_ candidate: ModelVersion, beside stable: ModelVersion, tolerance: Double) {
        self.tolerance = tolerance
        predictions = [:]
        for output in stable.contract.outputs {
            for baseline in [stable, candidate].map(\.artifact.baseline) {
                guard case .numeric(let numeric)? = baseline?.outputs[output.name] else { continue }
                let bins = PredictionBins(edges: numeric.edges)
                predictions[output.name] = PredictionPair(old: bins, new: bins)
                break
            }
        }
        features = candidate.contract.features.enumerated().compactMap { index, feature in
            guard feature.shape == nil else { return nil }
            var (edges, categories): ([Double], [String]) = ([], [])
            if let named = feature.categories {
                categories = named
            } else if case .numeric(let numeric)? =
                candidate.artifact.baseline?.features[feature.name]
            {
                edges = numeric.edges
            } else {
                return nil
            }
            // One more for what is beyond, and one for what is missing.
            let count = max(edges.count, categories.count) + 2
            return FeatureBins(
                name: feature.name,
                index: index,
                edges: edges,
                categories: categories,
                compared: [Int](repeating: 0, count: count),
                disagreeing: [Int](repeating: 0, count: count)
            )
        }
    }

    /// The share of compared rows that agree; nil without any.
    var ratio: Double? { rows == 0 ? nil : Double(agreeing) / Double(rows) }

    /// The largest population stability index of an output that both versions have, over the same rows.
    var stabilityIndex: Double? {
        guard answeredByBoth > 0 else { return nil }
        return predictions.values
            .filter { $0.new.counts.contains { $0 > 0 } }
            .map { PredictionBins.stabilityIndex($0.new.counts, $0.old.counts) }
            .max()
    }

    /// Notes rows of which the new version answered none.
    mutating func noteRefused(rows count: Int) {
        rows += count
        refused += count
    }

    /// Compares the new version's answers with those that clients got.
    ///
    /// An output that clients got and the new version has not, or in another form, is one that disagrees;
    /// one that is new is nobody's yet.
    mutating func compare(_ tables: borrowing PredictionTables, with shown: ShownAnswers) {
        let places = shown.columns.map { column in
            tables.outputs.columns.firstIndex { column.isOf($0.spec) }
        }
        for row in 0..<min(tables.outputs.rows, shown.isModel.count) where shown.isModel[row] {
            rows += 1
            var agrees = tables.outcome.isModel[row]
            if agrees {
                answeredByBoth += 1
                for (column, index) in zip(shown.columns, places) {
                    guard let index else {
                        agrees = false
                        continue
                    }
                    if column.width == 1 { notePredictions(tables, index, column, row) }
                    for place in (row * column.width)..<((row + 1) * column.width) {
                        switch column.values {
                        case .reals(let list):
                            let got = tables.outputs.columns[index].reals[place]
                            let difference = relativeDifference(got, list[place])
                            differences.add(difference)
                            if !(difference <= tolerance) { agrees = false }
                        case .integers(let list):
                            if tables.outputs.columns[index].integers[place] != list[place] {
                                agrees = false
                            }
                        case .texts(let list):
                            if tables.outputs.columns[index].texts[place] != list[place] {
                                agrees = false
                            }
                        }
                    }
                }
            } else {
                refused += 1
            }
            if agrees { agreeing += 1 }
            note(row, of: tables.features, agrees)
        }
    }

    private mutating func notePredictions(
        _ tables: borrowing PredictionTables,
        _ index: Int,
        _ column: ShownAnswers.Column,
        _ row: Int
    ) {
        switch column.values {
        case .reals(let list):
            predictions[column.name]?.old.add(list[row])
            predictions[column.name]?.new.add(tables.outputs.columns[index].reals[row])
        case .integers(let list):
            predictions[column.name]?.old.add(Double(list[row]))
            predictions[column.name]?.new.add(Double(tables.outputs.columns[index].integers[row]))
        case .texts: break
        }
    }

    private func relativeDifference(_ got: Double, _ shown: Double) -> Double {
        abs(got - shown) / max(abs(shown), 1e-9)
    }

    private mutating func note(_ row: Int, of table: borrowing FeatureTable, _ agrees: Bool) {
        for place in features.indices {
            let index = features[place].index
            let bin: Int
            if table.isMissing(feature: index, row: row) {
                bin = features[place].compared.count - 1
            } else if features[place].categories.isEmpty {
                let value = table.real(feature: index, row: row)
                bin = Serving.bin(of: value, among: features[place].edges)
            } else {
                let last = features[place].categories.count
                bin = table.category(feature: index, row: row) ?? last
            }
            features[place].compared[bin] += 1
            if !agrees { features[place].disagreeing[bin] += 1 }
        }
    }

    /// The figures, with the parts of features in which most rows disagree.
    var json: JSONValue {
        func quantile(_ share: Double) -> JSONValue {
            differences.quantile(share).map { .number($0) } ?? .null
        }
        return [
            "rows": .number(rows), "within_tolerance": .number(agreeing),
            "ratio": ratio.map { .number($0) } ?? .null, "refused": .number(refused),
            "tolerance": .number(tolerance),
            "relative_difference": [
                "p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99),
                "p100": quantile(1),
            ],
            "worst_bins": .array(worstBins.map(\.json)),
        ]
    }

    private struct Bin {
        let feature: String
        let part: JSONValue
        let compared: Int
        let disagreeing: Int

        var json: JSONValue {
            [
                "feature": .string(feature), "bin": part, "rows": .number(compared),
                "disagreeing": .number(disagreeing),
            ]
        }
    }

    private var worstBins: [Bin] {
        var bins: [Bin] = []
        for feature in features {
            for place in feature.compared.indices where feature.disagreeing[place] > 0 {
                bins.append(
                    Bin(
                        feature: feature.name,
                        part: feature.part(place),
                        compared: feature.compared[place],
                        disagreeing: feature.disagreeing[place]
                    )
                )
            }
        }
        let ordered = bins.sorted {
            Double($0.disagreeing) / Double($0.compared)
                > Double($1.disagreeing) / Double($1.compared)
        }
        return Array(ordered.prefix(10))
    }
}

extension Agreement.FeatureBins {
    /// What a bin holds: a category, two ends, or what is missing.
    fileprivate func part(_ place: Int) -> JSONValue {
        if place == compared.count - 1 { return "missing" }
        if !categories.isEmpty {
            return .string(place < categories.count ? categories[place] : "other")
        }
        if place == 0 { return ["below": .number(edges.first ?? 0)] }
        guard place < edges.count else { return ["from": .number(edges.last ?? 0)] }
        return ["from": .number(edges[place - 1]), "below": .number(edges[place])]
    }
}
