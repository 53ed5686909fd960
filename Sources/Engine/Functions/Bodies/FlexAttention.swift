// SPDX-License-Identifier: Apache-2.0

/// Attention whose scores and probabilities may be changed by graphs that the node brings along.
let flexAttentionBodies: [SpecifiedFunction] = [
    SpecifiedFunction(
        "FlexAttention",
        domain: "ai.onnx.preview",
        since: 1
    ) { call throws(EngineError) in
        func changed(_ name: String, _ value: String, by graph: String) -> String {
            call.has(graph)
                ? "\(name) = serin.Inline <body = @\(graph)> (\(value))"
                : "\(name) = Identity (\(value))"
        }
        return SpecifiedFunction.text(
            """
            FlexAttention <prob_mod, scale, score_mod, softmax_precision>
                (q, k, v) => (y) {
            """,
            widening("q", to: "query"),
            widening("k", to: "key"),
            widening("v", to: "value"),
            scoreSteps(hasScale: call.has("scale")),
            call.has("softmax_precision")
                ? "precise = Cast <to = @softmax_precision> (scores)"
                : "precise = Identity (scores)",
            changed("changed_scores", "precise", by: "score_mod"),
            "softened = Softmax <axis = -1> (changed_scores)",
            changed("changed_softened", "softened", by: "prob_mod"),
            "probabilities = CastLike (changed_softened, query)",
            answerSteps,
            "y = CastLike (answer, q)",
            "}"
        )
    }
]
