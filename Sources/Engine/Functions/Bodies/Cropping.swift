// SPDX-License-Identifier: Apache-2.0

/// Operators that crop and pad.
let croppingBodies: [SpecifiedFunction] = [
    SpecifiedFunction("CenterCropPad", since: 18) { call throws(EngineError) in
        let (lengths, axes) =
            call.has("axes")
            ? (
                """
                axes = Constant <value_ints = @axes> ()
                all = Shape (x)
                have = Gather (all, axes)
                """, "axes"
            ) : ("have = Shape (x)", "\"\"")
        return """
            CenterCropPad <axes> (x, shape) => (y) {
                wanted = Cast <to = 7> (shape)
                zero = Constant <value_ints = [0]> ()
                two = Constant <value_ints = [2]> ()
                \(lengths)
                excess = Sub (have, wanted)
                over = Max (excess, zero)
                start = Div (over, two)
                kept = Min (have, wanted)
                end = Add (start, kept)
                cropped = Slice (x, start, end, \(axes))
                lack = Neg (excess)
                under = Max (lack, zero)
                before = Div (under, two)
                after = Sub (under, before)
                pads = Concat <axis = 0> (before, after)
                y = Pad (cropped, pads, "", \(axes))
            }
            """
    }
]
