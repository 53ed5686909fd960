// SPDX-License-Identifier: Apache-2.0

/// The steps of both losses from log-probabilities `[N, C, …]` and labels `[N, …]` to the loss.
///
/// A label equal to `ignore_index` may lie outside the classes: it is read as class 0, and both
/// its loss and its weight count as 0.
private func lossSteps(
    _ call: FunctionCall,
    logProbabilities: String
) throws(EngineError) -> String {
    let reduction = try call.choice("reduction", of: ["mean", "sum", "none"])
    let (hasIgnored, hasWeights) = (call.has("ignore_index"), call.has(input: 2))
    return SpecifiedFunction.text(
        """
            one = Constant <value_ints = [1]> ()
            given = Unsqueeze (labels, one)
            zero_float = Constant <value_float = 0.0> ()
            zero = CastLike (zero_float, \(logProbabilities))
            one_float = Constant <value_float = 1.0> ()
            unit = CastLike (one_float, \(logProbabilities))
        """,
        hasIgnored
            ? """
                index = Constant <value_int = @ignore_index> ()
                ignored_label = CastLike (index, given)
                ignored = Equal (given, ignored_label)
                class_zero = Sub (given, given)
                label = Where (ignored, class_zero, given)
            """ : "label = Identity (given)",
        """
            picked = GatherElements <axis = 1> (\(logProbabilities), label)
            positive = Neg (picked)
        """,
        hasIgnored
            ? "counted = Where (ignored, zero, positive)" : "counted = Identity (positive)",
        hasWeights ? "of_class = Gather (weights, label)" : nil,
        hasWeights && hasIgnored ? "weight = Where (ignored, zero, of_class)" : nil,
        hasWeights && !hasIgnored ? "weight = Identity (of_class)" : nil,
        !hasWeights && hasIgnored ? "weight = Where (ignored, zero, unit)" : nil,
        hasWeights ? "weighted = Mul (counted, weight)" : "weighted = Identity (counted)",
        reduction == "none" ? "loss = Squeeze (weighted, one)" : nil,
        reduction == "sum" ? "loss = ReduceSum <keepdims = 0> (weighted)" : nil,
        reduction == "mean" && !hasWeights && !hasIgnored
            ? "loss = ReduceMean <keepdims = 0> (weighted)" : nil,
        reduction == "mean" && (hasWeights || hasIgnored)
            ? """
                sum = ReduceSum <keepdims = 0> (weighted)
                total = ReduceSum <keepdims = 0> (weight)
                loss = Div (sum, total)
            """ : nil
    )
}

/// Losses of classification.
let lossBodies: [SpecifiedFunction] = [
    SpecifiedFunction("NegativeLogLikelihoodLoss", since: 12) { call throws(EngineError) in
        """
        NegativeLogLikelihoodLoss <ignore_index, reduction> (input, labels, weights) => (loss) {
        \(try lossSteps(call, logProbabilities: "input"))
        }
        """
    },
    SpecifiedFunction("SoftmaxCrossEntropyLoss", since: 12) { call throws(EngineError) in
        """
        SoftmaxCrossEntropyLoss <ignore_index, reduction>
            (scores, labels, weights) => (loss, log_prob) {
            log_prob = LogSoftmax <axis = 1> (scores)
        \(try lossSteps(call, logProbabilities: "log_prob"))
        }
        """
    },
]
