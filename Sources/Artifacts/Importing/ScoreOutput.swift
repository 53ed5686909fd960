// SPDX-License-Identifier: Apache-2.0

/// How a model's answer comes out of the sums of its trees, and what to call it.
struct ScoreOutput {
    enum Link: Equatable {
        case identity
        /// x * |x|, of a target that was trained on as a root.
        case square
        case exponential
        /// 1 / (1 + exp(-x))
        case logistic
        /// 1 / (1 + exp(-steepness * x))
        case steepLogistic(Double)
        /// log(1 + exp(x))
        case softplus
        case softmax
        /// Which score is the largest, the first of equal ones.
        case largest
        /// 1 above 0, or else 0
        case isPositive
    }
    var name: String
    var link: Link

    init(_ name: String, _ link: Link) { (self.name, self.link) = (name, link) }

    /// Whether the answer is a whole number that names a class.
    var isLabel: Bool { link == .largest || link == .isPositive }

    /// What the answer cannot leave.
    func range(targetCount: Int) -> ClosedRange<Double>? {
        switch link {
        case .logistic, .steepLogistic, .softmax, .isPositive: 0...1
        case .largest: 0...Double(max(targetCount - 1, 0))
        case .identity, .square, .exponential, .softplus: nil
        }
    }
}
