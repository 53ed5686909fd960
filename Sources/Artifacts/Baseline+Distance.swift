// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How far two distributions of one feature or output are from each other.
package struct BaselineDistance: Sendable, Equatable {
    /// Population stability index; 0 where they are the same, above 0.25 a shift worth a look.
    package var psi: Double
    /// Largest distance of the distribution functions, 0 to 1; nil for categories, which have none.
    package var ks: Double?
}

extension Baseline.Distribution {
    /// The distance of `other` from this one, as far as what was kept of them tells.
    ///
    /// PSI goes by this one's bins, or by category, with the missing values as one more; shares below
    /// 0.0001 count as that, so that an empty bin is no infinity. KS goes by the 101 quantiles of both,
    /// between which values are taken to be spread evenly: it is right to about 0.01.
    ///
    /// - Returns: nil where one is of numbers and the other of categories.
    package func distance(to other: Baseline.Distribution) -> BaselineDistance? {
        switch (self, other) {
        case (.numeric(let one), .numeric(let two)):
            let shares = Self.shares(of: one.counts.map(Double.init), missing: one.missing)
            let others: [Double]
            if one.edges == two.edges {
                others = Self.shares(of: two.counts.map(Double.init), missing: two.missing)
            } else {
                let function = QuantileFunction(two.quantiles)
                let inner = one.edges.dropFirst().dropLast().map { function.below($0) }
                let ends = [0] + inner + [1]
                let counts = zip(ends.dropFirst(), ends).map { ($0 - $1) * Double(two.count) }
                others = Self.shares(of: counts, missing: two.missing)
            }
            return BaselineDistance(
                psi: Self.psi(shares, others),
                ks: QuantileFunction(one.quantiles).distance(to: QuantileFunction(two.quantiles))
            )
        case (.categorical(let one), .categorical(let two)):
            let names = Set(one.counts.keys).union(two.counts.keys).sorted()
            return BaselineDistance(
                psi: Self.psi(
                    Self.shares(
                        of: names.map { Double(one.counts[$0] ?? 0) },
                        missing: one.missing
                    ),
                    Self.shares(of: names.map { Double(two.counts[$0] ?? 0) }, missing: two.missing)
                ),
                ks: nil
            )
        default: return nil
        }
    }

    private static func shares(of counts: [Double], missing: Int) -> [Double] {
        let counts = counts + [Double(missing)]
        let total = max(counts.reduce(0, +), 1)
        return counts.map { $0 / total }
    }

    private static func psi(_ shares: [Double], _ others: [Double]) -> Double {
        zip(shares, others).reduce(0) { sum, pair in
            // Where neither has anything, nothing differs.
            let (one, two) = (max(pair.0, 0.0001), max(pair.1, 0.0001))
            return sum + (two - one) * log(two / one)
        }
    }
}

/// A distribution function through quantiles at even steps.
private struct QuantileFunction {
    /// Rising; the first is the minimum, the last the maximum.
    let quantiles: [Double]

    init(_ quantiles: [Double]) { self.quantiles = quantiles }

    /// The share of values at or under `value`.
    func upTo(_ value: Double) -> Double {
        let above = quantiles.firstIndex { $0 > value } ?? quantiles.count
        return share(above, value)
    }

    /// The share of values under `value`.
    func below(_ value: Double) -> Double {
        let from = quantiles.firstIndex { $0 >= value } ?? quantiles.count
        return share(from, value)
    }

    /// Between the quantile before index `next` and the one there.
    private func share(_ next: Int, _ value: Double) -> Double {
        let last = quantiles.count - 1
        guard next > 0 else { return 0 }
        guard next <= last else { return 1 }
        let (low, high) = (quantiles[next - 1], quantiles[next])
        let part = high > low ? (value - low) / (high - low) : 0
        return (Double(next - 1) + part) / Double(last)
    }

    func distance(to other: QuantileFunction) -> Double {
        (quantiles + other.quantiles).reduce(0) { largest, value in
            max(
                largest,
                abs(upTo(value) - other.upTo(value)),
                abs(below(value) - other.below(value))
            )
        }
    }
}
