// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import Guards
import JSON

/// What one of two versions did since a step of a rollout began.
struct ArmCounts: Sendable {
    private(set) var requests = 0
    /// Rows that the model was asked for.
    private(set) var rows = 0
    private(set) var outOfBounds = 0
    private(set) var nonFinite = 0
    private(set) var latency = LogHistogram()
    /// The names of outputs, as the version's contract has them.
    private let outputs: [String]
    /// One for each output that has a numeric baseline.
    private(set) var predictions: [PredictionBins?]

    /// - Parameters:
    ///   - version: whose predictions are counted.
    ///   - baselines: whose bins are taken, the first that has some: the same for both versions, since
    ///     what falls into each one's own bins differs however alike their predictions are.
    init(_ version: ModelVersion, bins baselines: [ModelVersion]) {
        outputs = version.contract.outputs.map(\.name)
        predictions = outputs.map { name in
            for baseline in baselines.map(\.artifact.baseline) {
                guard case .numeric(let numeric)? = baseline?.outputs[name] else { continue }
                return PredictionBins(edges: numeric.edges)
            }
            return nil
        }
    }

    /// How often predictions of an output fell into each bin; nil where it has none.
    func predictions(of output: String) -> PredictionBins? {
        outputs.firstIndex { $0.isSame(as: output) }.flatMap { predictions[$0] }
    }

    /// The largest population stability index of an output that both versions have.
    func stabilityIndex(against other: ArmCounts) -> Double? {
        outputs.compactMap { output in
            guard let own = predictions(of: output), let their = other.predictions(of: output),
                own.counts.count == their.counts.count
            else { return nil }
            return PredictionBins.stabilityIndex(own.counts, their.counts)
        }.max()
    }

    /// The share of the model's rows that its own bounds refused.
    var refusedRatio: Double {
        rows == 0 ? 0 : Double(outOfBounds + nonFinite) / Double(rows)
    }

    /// Adds one request; `nanoseconds` is what the inference took, where that says anything.
    mutating func add(_ tables: borrowing PredictionTables, nanoseconds: UInt64?) {
        requests += 1
        if let nanoseconds { latency.add(Double(nanoseconds)) }
        for row in 0..<tables.outputs.rows {
            switch tables.outcome.guards[row] {
            case .bounds: outOfBounds += 1
            case .nonFinite: nonFinite += 1
            default: guard tables.outcome.isModel[row] else { continue }
            }
            rows += 1
            guard tables.outcome.isModel[row] else { continue }
            for index in predictions.indices where tables.outputs.columns[index].spec.width == 1 {
                switch tables.outputs.columns[index].spec.storage {
                case .real where tables.outputs.columns[index].graphOutput == nil:
                    predictions[index]?.add(tables.outputs.columns[index].reals[row])
                case .integer where tables.outputs.columns[index].graphOutput == nil:
                    predictions[index]?.add(Double(tables.outputs.columns[index].integers[row]))
                default: break
                }
            }
        }
    }
}

/// How often predictions fell into each bin of the baseline, and beyond its ends.
struct PredictionBins: Sendable {
    private let edges: [Double]
    private(set) var counts: [Int]

    init(edges: [Double]) {
        self.edges = edges
        counts = [Int](repeating: 0, count: edges.count + 1)
    }

    mutating func add(_ value: Double) { counts[bin(of: value, among: edges)] += 1 }

    /// The population stability index between two counts of the same bins: the sum of
    /// (p - q) ln(p / q), half a count added to each bin so that none is empty.
    ///
    /// Siddiqi, Credit Risk Scorecards, 2006.
    static func stabilityIndex(_ left: [Int], _ right: [Int]) -> Double {
        func shares(_ counts: [Int]) -> [Double] {
            let total = Double(counts.reduce(0, +)) + Double(counts.count) / 2
            return counts.map { (Double($0) + 0.5) / total }
        }
        return zip(shares(left), shares(right)).reduce(0) { $0 + ($1.0 - $1.1) * log($1.0 / $1.1) }
    }
}

/// The number of edges that are at or below a value: 0 below the first, and where it is no number.
func bin(of value: Double, among edges: [Double]) -> Int {
    var (low, high) = (0, edges.count)
    while low < high {
        let middle = (low + high) / 2
        if value >= edges[middle] { low = middle + 1 } else { high = middle }
    }
    return low
}
