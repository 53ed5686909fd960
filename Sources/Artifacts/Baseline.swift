// SPDX-License-Identifier: Apache-2.0
package import JSON

/// How features and outputs were distributed in training: what drift is measured against.
package struct Baseline: Sendable, Equatable {
    package static let fileName = "baseline.json"

    package enum Distribution: Sendable, Equatable {
        case numeric(NumericDistribution)
        case categorical(CategoricalDistribution)
    }

    /// How many rows the distributions are made of.
    package var rows: Int
    /// By the feature's name; one for each feature of the contract.
    package var features: [String: Distribution]
    /// By the output's name; one for each output of the contract.
    package var outputs: [String: Distribution]

    /// The mean of every output that has one.
    package var outputMeans: [String: Double] {
        outputs.compactMapValues { distribution in
            guard case .numeric(let numeric) = distribution else { return nil }
            return numeric.mean
        }
    }
}

package struct NumericDistribution: Sendable, Equatable {
    /// How many values there were, and how many were missing.
    package var count: Int
    package var missing: Int
    package var mean: Double
    package var standardDeviation: Double
    package var minimum: Double
    package var maximum: Double
    /// 101 values that never fall: the minimum, the percentiles 1 to 99, the maximum.
    package var quantiles: [Double]
    /// The rising ends of the histogram's bins; one more than `counts`.
    package var edges: [Double]
    /// How many values fell in each bin: `edges[i] <= value < edges[i + 1]`, the last end included.
    package var counts: [Int]
}

package struct CategoricalDistribution: Sendable, Equatable {
    package var count: Int
    package var missing: Int
    /// By the text's bytes.
    package var counts: [ExactText: Int]
}
