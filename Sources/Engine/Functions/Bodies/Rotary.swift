// SPDX-License-Identifier: Apache-2.0

/// Rotary position embeddings (https://arxiv.org/abs/2104.09864).
///
/// Pairs of numbers of each head are turned by their position's angle: the two halves of the
/// head, or neighbours where interleaved. A rotated part of `rotary_embedding_dim` numbers leaves
/// the rest of the head as it is. Three axes are `[batch, length, heads * size]`, four
/// `[batch, heads, length, size]`.
let rotaryBodies: [SpecifiedFunction] = [
    SpecifiedFunction("RotaryEmbedding", since: 23) { call throws(EngineError) in
        let heads = try call.integer("num_heads", default: 0)
        let rotated = try call.integer("rotary_embedding_dim", default: 0)
        let isInterleaved = try call.integer("interleaved", default: 0) != 0
        return SpecifiedFunction.text(
            """
            RotaryEmbedding <interleaved, num_heads, rotary_embedding_dim>
                (x, cos_cache, sin_cache, position_ids) => (y) {
                zero = Constant <value_ints = [0]> ()
                one = Constant <value_ints = [1]> ()
                two = Constant <value_ints = [2]> ()
                last = Constant <value_ints = [-1]> ()
                end = Constant <value_ints = [\(Int64.max)]> ()
                head_axis = Constant <value_ints = [\(heads > 0 ? 2 : 1)]> ()
            """,
            heads > 0
                ? """
                apart = Constant <value_ints = [0, 0, \(heads), -1]> ()
                by_head = Reshape (x, apart)
                """ : "by_head = Identity (x)",
            rotated > 0
                ? """
                size = Constant <value_ints = [\(rotated)]> ()
                part = Slice (by_head, zero, size, last)
                rest = Slice (by_head, size, end, last)
                """ : "part = Identity (by_head)",
            call.has(input: 3)
                ? """
                cosines = Gather (cos_cache, position_ids)
                sines = Gather (sin_cache, position_ids)
                """
                : """
                cosines = Identity (cos_cache)
                sines = Identity (sin_cache)
                """,
            """
            cos = Unsqueeze (cosines, head_axis)
            sin = Unsqueeze (sines, head_axis)
            """,
            isInterleaved
                ? """
                a = Slice (part, zero, end, last, two)
                b = Slice (part, one, end, last, two)
                """ : "a, b = Split <axis = -1, num_outputs = 2> (part)",
            """
            a_cos = Mul (cos, a)
            b_sin = Mul (sin, b)
            turned_a = Sub (a_cos, b_sin)
            a_sin = Mul (sin, a)
            b_cos = Mul (cos, b)
            turned_b = Add (a_sin, b_cos)
            """,
            isInterleaved
                ? """
                column_a = Unsqueeze (turned_a, last)
                column_b = Unsqueeze (turned_b, last)
                pairs = Concat <axis = -1> (column_a, column_b)
                shape = Shape (part)
                turned = Reshape (pairs, shape)
                """ : "turned = Concat <axis = -1> (turned_a, turned_b)",
            rotated > 0
                ? "whole = Concat <axis = -1> (turned, rest)" : "whole = Identity (turned)",
            heads > 0
                ? """
                together = Constant <value_ints = [0, 0, -1]> ()
                y = Reshape (whole, together)
                """ : "y = Identity (whole)",
            "}"
        )
    }
]
