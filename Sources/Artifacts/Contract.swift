// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What may come in, what may go out, and what to do otherwise: an artifact's `contract.json`.
package struct Contract: Sendable, Equatable {
    package var features: [Feature]
    package var outputs: [Output]
    package var killSwitches: [KillSwitch]
    /// Tried in order; the first safe answer wins.
    package var fallback: [FallbackLink]
    package var breaker: BreakerSettings
    package var canary: CanarySettings
    package var drift: DriftSettings
}

/// An Open Inference Protocol datatype that a feature or an output may have.
package enum Datatype: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case fp16 = "FP16"
    case fp32 = "FP32"
    case fp64 = "FP64"
    case bytes = "BYTES"
}

/// What a client sends under one name, and how it becomes part of a graph input.
package struct Feature: Sendable, Equatable {
    package var name: String
    package var datatype: Datatype
    package var unit: String?
    package var description: String?
    /// Both ends included; nil where the contract gives none.
    package var range: ClosedRange<Double>?
    /// Every text that the feature may have, in the order that ordinals and one-hot columns follow.
    package var categories: [String]?
    package var missing: Substitute
    package var unknown: Substitute
    /// The dimensions of one row of a tensor feature; nil for a scalar.
    package var shape: [Int]?
    package var encoding: Encoding
}

/// What becomes of a missing value or an unknown category.
package enum Substitute: Sendable, Equatable {
    /// The request is refused with 400.
    case reject
    /// The row is answered by the fallback.
    case fallback
    /// The value stands in for it; `null` lets a number go to the graph as NaN, a category as none.
    case value(DefaultValue)
}

package enum DefaultValue: Sendable, Equatable {
    case null
    case number(Double)
    case integer(Int64)
    case bool(Bool)
    case text(String)
}

/// Where a feature goes in the graph's inputs.
package struct Encoding: Sendable, Equatable {
    package enum Form: String, Sendable, CaseIterable {
        /// The number itself, converted to the input's element type.
        case identity
        /// The index of the category.
        case ordinal
        /// One column a category, 1 in the value's and 0 in the others.
        case oneHot = "one_hot"
        /// The text itself, for graphs that encode categories themselves.
        case text
    }
    /// The name of the graph input.
    package var input: String
    /// The first column that the feature fills; 0 where the input has a single one.
    package var column: Int
    package var form: Form
}

/// What a client gets under one name.
package struct Output: Sendable, Equatable {
    package var name: String
    /// The name of the graph output.
    package var from: String
    /// One column of the graph output; nil takes the whole row.
    package var column: Int?
    package var datatype: Datatype
    package var unit: String?
    package var description: String?
    package var range: ClosedRange<Double>?
    /// A value above this many times the baseline's mean is refused.
    package var maximumRatioToMean: Double?
    /// Every text that a text output may have, or the names of its classes.
    package var categories: [String]?
}

/// A row for which `when` holds is not the model's to answer.
package struct KillSwitch: Sendable, Equatable {
    package enum Action: String, Sendable { case fallback, reject }
    package var name: String
    /// An expression over features; see `docs/contract.md`.
    package var when: String
    package var then: Action
}

/// One safe answer; what it cannot answer goes to the next.
package enum FallbackLink: Sendable, Equatable {
    /// Looks the category of feature `by` up; `otherwise` answers for what the table lacks.
    case table(output: String?, by: String, values: [ExactText: Double], otherwise: Double?)
    /// `intercept` plus coefficient times feature, over numeric features.
    case linear(output: String?, intercept: Double, coefficients: [ExactText: Double])
    /// A fixed value for each output.
    case constant(values: [String: ConstantAnswer])
}

package enum ConstantAnswer: Sendable, Equatable {
    case number(Double)
    case numbers([Double])
    case text(String)
}

package struct BreakerSettings: Sendable, Equatable {
    /// The number of latest rows whose outcomes count.
    package var window = 100
    package var minimumRequests = 20
    /// The share of refused rows in the window at which the breaker opens.
    package var tripRatio = 0.05
    package var coolDown = Duration.seconds(30)
    /// Rows that must pass in a row, half-open, before it closes.
    package var probes = 5
    package init() {}
}

package struct CanarySettings: Sendable, Equatable {
    package enum WhenFailing: String, Sendable { case unready, fallback }
    package var interval = Duration.seconds(30)
    /// Relative; an answer may be off by this share of the recorded one.
    package var tolerance = 0.0001
    /// Absolute floor for recorded answers at or near zero.
    package var absoluteTolerance = 1e-9
    package var failures = 1
    package var successes = 2
    package var whenFailing = WhenFailing.unready
    package init() {}
}

package struct DriftSettings: Sendable, Equatable {
    package enum Action: String, Sendable { case alert, fallback, unready }
    package var window = Duration.seconds(300)
    package var minimumRows = 500
    package var significance = 0.05
    package var minimumEffect: [String: Double] = ["ks": 0.1, "psi": 0.25, "kl": 0.1]
    /// How many of the latest windows must have drifted for it to act.
    package var windows = 3
    /// How many latest windows those are taken from.
    package var ofWindows = 4
    package var then = Action.alert
    package init() {}
}
