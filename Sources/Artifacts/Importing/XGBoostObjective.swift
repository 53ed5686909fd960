// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What XGBoost does with the sum of its trees, by objective.
///
/// `score` is what is read out of the sum; `start` turns `base_score`, which the file has as the
/// answer, into the sum that answers so.
struct XGBoostObjective {
    var output: ScoreOutput
    var start: (Float) -> Float

    /// Every objective that is known, in the order of XGBoost's documentation.
    private static let identities: Set<String> = [
        "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror",
        "reg:absoluteerror", "reg:quantileerror",
    ]

    /// The objective of that name; nil where it is none.
    init?(_ name: String, outputCount: Int, isOld: Bool) {
        let many = outputCount > 1
        switch name {
        case _ where Self.identities.contains(name):
            let plural = name == "reg:quantileerror" ? "quantiles" : "predictions"
            self.init(.init(many ? plural : "prediction", .identity)) { $0 }
        case "reg:logistic", "binary:logistic":
            self.init(.init(many ? "probabilities" : "probability", .logistic), Self.logit)
        case "binary:logitraw":
            // Its base_score was a probability once.
            self.init(.init("margin", .identity)) { isOld ? Self.logit($0) : $0 }
        case "binary:hinge": self.init(.init("label", .isPositive)) { $0 }
        case "reg:gamma", "reg:tweedie", "count:poisson", "survival:aft":
            self.init(.init(many ? "predictions" : "prediction", .exponential), logf)
        case "survival:cox": self.init(.init("hazard_ratio", .exponential), logf)
        case "multi:softprob": self.init(.init("probabilities", .softmax)) { $0 }
        case "multi:softmax": self.init(.init("label", .largest)) { $0 }
        case "rank:pairwise", "rank:ndcg", "rank:map":
            self.init(.init("score", .identity)) { $0 }
        default: return nil
        }
    }

    private init(_ output: ScoreOutput, _ start: @escaping (Float) -> Float) {
        (self.output, self.start) = (output, start)
    }

    private static func logit(_ probability: Float) -> Float {
        let bound: Float = 1e-6
        let held = min(max(probability, bound), 1 - bound)
        return -logf(1 / held - 1)
    }
}
