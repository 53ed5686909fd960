// SPDX-License-Identifier: Apache-2.0

/// Operators of recurrent language models: they carry a state from token to token.
let recurrentAttentionBodies: [SpecifiedFunction] = [
    // Every output is the product of the last k inputs of its channel with the channel's k
    // weights. The inputs are laid out k for each place, so that one matrix product does it.
    SpecifiedFunction("CausalConvWithState", since: 27) { call throws(EngineError) in
        let activation = try call.choice("activation", of: ["none", "silu", "swish"])
        return SpecifiedFunction.text(
            """
            CausalConvWithState <activation>
                (input, weight, bias, past_state) => (output, present_state) {
                zero = Constant <value_ints = [0]> ()
                one = Constant <value_ints = [1]> ()
                two = Constant <value_ints = [2]> ()
                last = Constant <value_ints = [-1]> ()
                width = Shape <start = 2, end = 3> (weight)
                carried = Sub (width, one)
            """,
            call.has(input: 3)
                ? "whole = Concat <axis = 2> (past_state, input)"
                : """
                pads = Concat <axis = 0> (carried, zero)
                whole = Pad (input, pads, "", two)
                """,
            """
            from = Constant <value_int = 0> ()
            step = Constant <value_int = 1> ()
            length = Shape <start = 2, end = 3> (input)
            count = Squeeze (length, zero)
            places = Range (from, count, step)
            taps = Squeeze (width, zero)
            behind = Range (from, taps, step)
            column = Unsqueeze (places, last)
            seen = Add (column, behind)
            wide_input = Cast <to = 1> (whole)
            wide_weight = Cast <to = 1> (weight)
            laid_out = Gather <axis = 2> (wide_input, seen)
            matrix = Transpose <perm = [0, 2, 1]> (wide_weight)
            products = MatMul (laid_out, matrix)
            sums = Squeeze (products, last)
            """,
            call.has(input: 2)
                ? """
                wide_bias = Cast <to = 1> (bias)
                bias_column = Unsqueeze (wide_bias, last)
                raised = Add (sums, bias_column)
                """ : "raised = Identity (sums)",
            activation == "none"
                ? "activated = Identity (raised)"
                : """
                gate = Sigmoid (raised)
                activated = Mul (raised, gate)
                """,
            """
                output = CastLike (activated, input)
                whole_length = Shape <start = 2, end = 3> (whole)
                first = Sub (whole_length, carried)
                present_state = Slice (whole, first, whole_length, two)
            }
            """
        )
    },
    // The state S of a head is a matrix [keys, values]. For each token it decays, takes in what
    // the token writes, and is read by the queries of the head's group:
    //     S' = exp(g) S        S = S' + k ⊗ w        o = scale · q S
    // where w is the value itself or, by the delta rules, beta times what S' gets wrong of it.
    SpecifiedFunction("LinearAttention", since: 27) { call throws(EngineError) in
        let rule = try call.choice(
            "update_rule",
            of: ["gated_delta", "linear", "gated", "delta"]
        )
        let (isGated, isDelta) = (rule.hasPrefix("gated"), rule.hasSuffix("delta"))
        let queryHeads = try call.integer("q_num_heads", default: 0)
        let keyHeads = try call.integer("kv_num_heads", default: 0)
        guard keyHeads > 0, queryHeads > 0, queryHeads % keyHeads == 0 else {
            throw call.failure("\(queryHeads) heads of queries, \(keyHeads) of keys")
        }
        guard !isGated || call.has(input: 4), !isDelta || call.has(input: 5) else {
            throw call.failure("an input is missing that the rule '\(rule)' needs")
        }
        func laidOut(_ name: String, _ shape: String) -> String {
            """
            \(name)_wide = Cast <to = 1> (\(name))
            \(name)_shape = Constant <value_ints = [\(shape)]> ()
            \(name)_heads = Reshape (\(name)_wide, \(name)_shape)
            """
        }
        let scanned =
            ["query_heads", "key_heads", "value_heads"]
            + (isGated ? ["decay_heads"] : []) + (isDelta ? ["beta_heads"] : [])
        let steps = ["q", "k", "v"] + (isGated ? ["g"] : []) + (isDelta ? ["b"] : [])
        let axes = scanned.map { _ in "1" }.joined(separator: ", ")
        return SpecifiedFunction.text(
            """
            LinearAttention <chunk_size, kv_num_heads, q_num_heads, scale, update_rule>
                (query, key, value, past_state, decay, beta) => (output, present_state) {
                row = Constant <value_ints = [-2]> ()
                column = Constant <value_ints = [-1]> ()
            """,
            laidOut("query", "0, 0, \(keyHeads), \(queryHeads / keyHeads), -1"),
            laidOut("key", "0, 0, \(keyHeads), -1"),
            laidOut("value", "0, 0, \(keyHeads), -1"),
            isGated ? laidOut("decay", "0, 0, \(keyHeads), -1") : nil,
            isDelta ? laidOut("beta", "0, 0, -1, 1") : nil,
            try call.float("scale", default: 0) == 0
                ? """
                key_size = Shape <start = -1> (query_heads)
                size = Cast <to = 1> (key_size)
                root = Sqrt (size)
                scale = Reciprocal (root)
                """ : "scale = Constant <value_float = @scale> ()",
            call.has(input: 3)
                ? "state = Cast <to = 1> (past_state)"
                : """
                batch = Shape <start = 0, end = 1> (query)
                heads = Shape <start = 2> (key_heads)
                value_size = Shape <start = -1> (value_heads)
                state_shape = Concat <axis = 0> (batch, heads, value_size)
                state = ConstantOfShape <value = float[1] {0}> (state_shape)
                """,
            """
            last_state, answers = Scan (state, \(scanned.joined(separator: ", "))) <
                num_scan_inputs = \(scanned.count),
                scan_input_axes = [\(axes)],
                scan_output_axes = [1],
                body = token (s, \(steps.joined(separator: ", "))) => (next, answer) {
            """,
            isGated
                ? """
                remaining = Exp (g)
                remaining_column = Unsqueeze (remaining, column)
                kept = Mul (s, remaining_column)
                """ : "kept = Identity (s)",
            "written = Unsqueeze (v, row)",
            isDelta
                ? """
                key_row = Unsqueeze (k, row)
                known = MatMul (key_row, kept)
                wrong = Sub (written, known)
                rate = Unsqueeze (b, column)
                write = Mul (wrong, rate)
                """ : "write = Identity (written)",
            """
                key_column = Unsqueeze (k, column)
                taken_in = Mul (key_column, write)
                next = Add (kept, taken_in)
                read = MatMul (q, next)
                answer = Mul (read, scale)
                }>
                together = Constant <value_ints = [0, 0, -1]> ()
                packed = Reshape (answers, together)
                output = CastLike (packed, query)
                present_state = CastLike (last_state, \(call.has(input: 3) ? "past_state" : "query"))
            }
            """
        )
    },
]
