// SPDX-License-Identifier: Apache-2.0
import Glibc
import Guards

/// What one of two versions did since a step of a rollout began.
struct ArmCounts: Sendable {
    /// Requests that it answered.
    private(set) var requests = 0
    /// Requests that it was asked for and gave no answer to.
    private(set) var unanswered = 0
    /// Rows that the model was asked for.
    private(set) var rows = 0
    private(set) var outOfBounds = 0
    private(set) var nonFinite = 0
    /// Of the rows of each request, for how much its rows say together.
    private var squares = 0.0
    /// Nanoseconds of all requests that the model ran for.
    private(set) var latency = LogHistogram()
    /// The same for requests of like size: by the bits of their number of rows.
    private(set) var latencies: [Int: LogHistogram] = [:]

    /// Requests without an answer among all.
    var unansweredShare: ObservedShare {
        let all = requests + unanswered
        return ObservedShare(count: unanswered, of: all, independent: Double(all))
    }

    /// Rows that its own bounds refused among those that the model was asked for.
    ///
    /// Rows of one request are alike, so that a request says no more than one row.
    var refusedShare: ObservedShare {
        ObservedShare(
            count: outOfBounds + nonFinite,
            of: rows,
            independent: squares > 0 ? Double(rows) * Double(rows) / squares : 0
        )
    }

    /// Adds one request; `nanoseconds` is what the inference took, where that says anything.
    mutating func add(_ tables: borrowing PredictionTables, nanoseconds: UInt64?) {
        requests += 1
        addRows(tables)
        // What the fallback answers alone takes no time at all.
        guard let nanoseconds, !tables.modelRows.isEmpty else { return }
        latency.add(Double(nanoseconds))
        let size = Int.bitWidth - tables.modelRows.count.leadingZeroBitCount
        latencies[size, default: LogHistogram()].add(Double(nanoseconds))
    }

    /// Adds a request without an answer.
    mutating func addUnanswered() { unanswered += 1 }

    /// Adds what the guards said of a request's rows.
    mutating func addRows(_ tables: borrowing PredictionTables) {
        let before = rows
        for row in 0..<tables.outputs.rows {
            switch tables.outcome.guards[row] {
            case .bounds: outOfBounds += 1
            case .nonFinite: nonFinite += 1
            default: guard tables.outcome.isModel[row] else { continue }
            }
            rows += 1
        }
        let own = Double(rows - before)
        squares += own * own
    }
}

/// How often something was seen.
struct ObservedShare: Sendable {
    let count: Int
    let of: Int
    /// How many of them are independent of each other.
    let independent: Double

    var ratio: Double { of == 0 ? 0 : Double(count) / Double(of) }

    /// Whether a share exceeds another by more than a limit and than chance: by four standard
    /// deviations, as it is looked at again and again.
    ///
    /// Of two binomial shares; the other one is taken as Laplace's (k + 1) / (n + 2), so that few of it
    /// say little.
    func exceeds(_ other: ObservedShare, by limit: Double) -> Bool {
        guard of > 0, ratio - other.ratio > limit else { return false }
        let usual = (Double(other.count) + 1) / (Double(other.of) + 2)
        let most = min(1, usual + limit)
        let variance =
            most * (1 - most) / max(independent, 1)
            + usual * (1 - usual) / max(other.independent, 1)
        return ratio - most > 4 * variance.squareRoot()
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
