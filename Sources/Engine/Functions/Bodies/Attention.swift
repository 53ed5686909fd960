// SPDX-License-Identifier: Apache-2.0

/// The step to `wide`, which is `value` with at least the precision of a float.
///
/// Half precision only stores: rounding every step to it would lose what the sums gain.
func widening(_ value: String, to wide: String) -> String {
    """
    \(wide)_is_double = serin.HasType <to = 11> (\(value))
    \(wide) = If (\(wide)_is_double) <
        then_branch = kept () => (\(wide)_kept) { \(wide)_kept = Identity (\(value)) },
        else_branch = cast () => (\(wide)_cast) { \(wide)_cast = Cast <to = 1> (\(value)) }>
    """
}

/// The steps from query, key and value, four axes each, to the scores `[B, Hq, L, S]`.
///
/// Where one head of keys serves several of queries, the queries of a head's group lie behind
/// each other: `[B, Hkv, group * L, D]`, so that no key is copied. Query and key both take the
/// root of the scale, as the specification has it, which keeps half precision in range.
func scoreSteps(hasScale: Bool) -> String {
    SpecifiedFunction.text(
        """
        q_heads_length = Shape <start = 1, end = 3> (query)
        head_size = Shape <start = 3, end = 4> (query)
        kv_heads = Shape <start = 1, end = 2> (key)
        key_length = Shape <start = 2, end = 3> (key)
        batch = Constant <value_ints = [0]> ()
        open = Constant <value_ints = [-1]> ()
        """,
        hasScale
            ? "scale = Constant <value_float = @scale> ()"
            : """
            size = Cast <to = 1> (head_size)
            size_root = Sqrt (size)
            scale = Reciprocal (size_root)
            """,
        """
        scale_root = Sqrt (scale)
        factor = CastLike (scale_root, query)
        scaled_query = Mul (query, factor)
        scaled_key = Mul (key, factor)
        group_shape = Concat <axis = 0> (batch, kv_heads, open, head_size)
        grouped = Reshape (scaled_query, group_shape)
        turned_key = Transpose <perm = [0, 1, 3, 2]> (scaled_key)
        products = MatMul (grouped, turned_key)
        score_shape = Concat <axis = 0> (batch, q_heads_length, key_length)
        scores = Reshape (products, score_shape)
        """
    )
}

/// The steps from `probabilities` `[B, Hq, L, S]` and `value` to `answer`.
let answerSteps = """
    grouping = Concat <axis = 0> (batch, kv_heads, open, key_length)
    grouped_weights = Reshape (probabilities, grouping)
    mixed = MatMul (grouped_weights, value)
    value_size = Shape <start = 3, end = 4> (value)
    answer_shape = Concat <axis = 0> (batch, q_heads_length, value_size)
    answer = Reshape (mixed, answer_shape)
    """

/// Which keys a query may see, as far as the distance `i + offset - j` decides.
private struct Sight {
    /// The least and the most distance; nil is no bound.
    var least: Int?
    var most: Int?

    init(_ call: FunctionCall) throws(EngineError) {
        let left = try call.integer("left_window_size", default: -1)
        let right = try call.integer("right_window_size", default: -1)
        if left >= 0 { most = left }
        if right >= 0 { least = -right }
        if try call.integer("is_causal", default: 0) != 0 { least = 0 }
    }

    /// The steps to `in_sight`, `[L, S]` or `[B, 1, L, S]`; nil where a query sees every key.
    func steps(_ call: FunctionCall) -> String? {
        guard least != nil || most != nil else { return nil }
        return SpecifiedFunction.text(
            """
            zero_place = Constant <value_int = 0> ()
            next_place = Constant <value_int = 1> ()
            query_length = Shape <start = 2, end = 3> (query)
            query_count = Squeeze (query_length, batch)
            key_count = Squeeze (key_length, batch)
            query_places = Range (zero_place, query_count, next_place)
            query_column = Unsqueeze (query_places, open)
            key_row = Range (zero_place, key_count, next_place)
            """,
            call.has(input: 4)
                ? """
                past_length = Shape <start = 2, end = 3> (past_key)
                queries = Add (query_column, past_length)
                """
                : call.has(input: 6)
                    ? """
                    ahead = Sub (nonpad_kv_seqlen, query_length)
                    ahead_axes = Constant <value_ints = [1, 2, 3]> ()
                    ahead_of_batch = Unsqueeze (ahead, ahead_axes)
                    queries = Add (query_column, ahead_of_batch)
                    """ : "queries = Identity (query_column)",
            "distance = Sub (queries, key_row)",
            least.map {
                """
                least = Constant <value_int = \($0)> ()
                not_ahead = GreaterOrEqual (distance, least)
                """
            },
            most.map {
                """
                most = Constant <value_int = \($0)> ()
                not_behind = LessOrEqual (distance, most)
                """
            },
            least == nil
                ? "in_sight = Identity (not_behind)"
                : most == nil
                    ? "in_sight = Identity (not_ahead)" : "in_sight = And (not_ahead, not_behind)"
        )
    }
}

/// The steps to `bias`, which is added to the scores and stretches to their shape; nil for none.
private func biasSteps(_ call: FunctionCall) throws(EngineError) -> String? {
    let sight = try Sight(call).steps(call)
    let (hasMask, hasPadding) = (call.has(input: 3), call.has(input: 6))
    guard hasMask || hasPadding || sight != nil else { return nil }
    let padding = """
        key_axes = Constant <value_ints = [1, 2, 3]> ()
        filled = Unsqueeze (nonpad_kv_seqlen, key_axes)
        first_key = Constant <value_int = 0> ()
        next_key = Constant <value_int = 1> ()
        key_end = Squeeze (key_length, batch)
        keys = Range (first_key, key_end, next_key)
        is_filled = Less (keys, filled)
        """
    let visible: String? =
        switch (sight != nil, hasPadding) {
        case (true, true): "visible = And (in_sight, is_filled)"
        case (true, false): "visible = Identity (in_sight)"
        case (false, true): "visible = Identity (is_filled)"
        case (false, false): nil
        }
    return SpecifiedFunction.text(
        """
        infinite = Constant <value_float = -inf> ()
        never = CastLike (infinite, query)
        nothing = Constant <value_float = 0.0> ()
        always = CastLike (nothing, query)
        """,
        sight,
        hasPadding ? padding : nil,
        visible,
        visible == nil ? nil : "sight_bias = Where (visible, always, never)",
        hasMask
            ? """
            is_truth = serin.HasType <to = 9> (attn_mask)
            short_bias = If (is_truth) <
                then_branch = truths () => (of_truths) {
                    of_truths = Where (attn_mask, always, never)
                },
                else_branch = numbers () => (of_numbers) {
                    of_numbers = CastLike (attn_mask, query)
                }>
            mask_length = Shape <start = -1> (short_bias)
            lacking = Sub (key_length, mask_length)
            pads = Concat <axis = 0> (batch, lacking)
            mask_bias = Pad (short_bias, pads, never, open)
            """ : nil,
        visible == nil
            ? "bias = Identity (mask_bias)"
            : hasMask ? "bias = Add (mask_bias, sight_bias)" : "bias = Identity (sight_bias)"
    )
}

/// Scaled dot-product attention with its caches, masks and windows.
///
/// A query that sees no key at all gets an answer of zeros. Whether it does is decided by the
/// bias alone, as the specification has it: its scores may be anything.
let attentionBodies: [SpecifiedFunction] = [
    SpecifiedFunction("Attention", since: 23) { call throws(EngineError) in
        let queryHeads = try call.integer("q_num_heads", default: 0)
        let keyHeads = try call.integer("kv_num_heads", default: 0)
        let mode = try call.integer("qk_matmul_output_mode", default: 0)
        let hasCap = try call.float("softcap", default: 0) > 0
        let bias = try biasSteps(call)
        guard (0...3).contains(mode) else {
            throw call.failure("attribute 'qk_matmul_output_mode' is \(mode), expected 0 to 3")
        }
        guard (queryHeads > 0) == (keyHeads > 0), queryHeads >= 0, keyHeads >= 0 else {
            throw call.failure("needs both of q_num_heads and kv_num_heads, or neither")
        }
        guard call.has(input: 4) == call.has(input: 5) else {
            throw call.failure("needs both of past_key and past_value, or neither")
        }
        func byHead(_ name: String, _ input: String, _ heads: Int) -> String {
            guard heads > 0 else { return "\(name) = Identity (\(input))" }
            return """
                \(name)_apart = Constant <value_ints = [0, 0, \(heads), -1]> ()
                \(name)_by_head = Reshape (\(input), \(name)_apart)
                \(name) = Transpose <perm = [0, 2, 1, 3]> (\(name)_by_head)
                """
        }
        func cached(_ name: String, _ past: String, _ new: String) -> String {
            call.has(input: 4)
                ? "\(name) = Concat <axis = 2> (\(past), \(new))" : "\(name) = Identity (\(new))"
        }
        let shown = ["scores", "capped", "biased", "probabilities"][mode]
        let precision =
            call.has("softmax_precision")
            ? """
            wide_scores = Cast <to = @softmax_precision> (biased)
            wide = Softmax <axis = -1> (wide_scores)
            softened = CastLike (wide, query)
            """ : "softened = Softmax <axis = -1> (biased)"
        return SpecifiedFunction.text(
            """
            Attention <is_causal, kv_num_heads, left_window_size, q_num_heads,
                       qk_matmul_output_mode, right_window_size, scale, softcap, softmax_precision>
                (q, k, v, attn_mask, past_key, past_value, nonpad_kv_seqlen)
                => (y, present_key, present_value, qk_matmul_output) {
            """,
            byHead("stored_query", "q", queryHeads),
            byHead("new_key", "k", keyHeads),
            byHead("new_value", "v", keyHeads),
            cached("present_key", "past_key", "new_key"),
            cached("present_value", "past_value", "new_value"),
            widening("stored_query", to: "query"),
            widening("present_key", to: "key"),
            widening("present_value", to: "value"),
            scoreSteps(hasScale: call.has("scale")),
            hasCap
                ? """
                cap_float = Constant <value_float = @softcap> ()
                cap = CastLike (cap_float, scores)
                part_of_cap = Div (scores, cap)
                bent = Tanh (part_of_cap)
                capped = Mul (bent, cap)
                """ : "capped = Identity (scores)",
            bias,
            bias == nil ? "biased = Identity (capped)" : "biased = Add (capped, bias)",
            precision,
            bias == nil
                ? "probabilities = Identity (softened)"
                : """
                row_most = ReduceMax <keepdims = 1> (bias, open)
                sees_nothing = Equal (row_most, never)
                probabilities = Where (sees_nothing, always, softened)
                """,
            "qk_matmul_output = CastLike (\(shown), q)",
            answerSteps,
            queryHeads > 0
                ? """
                by_place = Transpose <perm = [0, 2, 1, 3]> (answer)
                together = Constant <value_ints = [0, 0, -1]> ()
                wide_y = Reshape (by_place, together)
                """ : "wide_y = Identity (answer)",
            "y = CastLike (wide_y, q)",
            "}"
        )
    }
]
