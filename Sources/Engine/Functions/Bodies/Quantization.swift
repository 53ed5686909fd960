// SPDX-License-Identifier: Apache-2.0

/// Quantisation whose scale follows from the data.
let quantizationBodies: [SpecifiedFunction] = [
    SpecifiedFunction(
        "DynamicQuantizeLinear",
        since: 11,
        """
        DynamicQuantizeLinear (x) => (y, y_scale, y_zero_point) {
            zero = Constant <value_float = 0.0> ()
            top = Constant <value_float = 255.0> ()
            least = ReduceMin <keepdims = 0> (x)
            low = Min (least, zero)
            most = ReduceMax <keepdims = 0> (x)
            high = Max (most, zero)
            range = Sub (high, low)
            step = Div (range, top)
            # Nothing but zeros: any scale will do but none.
            is_flat = Equal (step, zero)
            unit = Constant <value_float = 1.0> ()
            y_scale = Where (is_flat, unit, step)
            offset = Div (low, y_scale)
            point = Sub (zero, offset)
            clipped = Clip (point, zero, top)
            rounded = Round (clipped)
            y_zero_point = Cast <to = 2> (rounded)
            y = QuantizeLinear (x, y_scale, y_zero_point)
        }
        """
    )
]
