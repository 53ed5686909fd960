// SPDX-License-Identifier: Apache-2.0

/// Normalisations without a kernel of their own.
let normalizationBodies: [SpecifiedFunction] = [
    SpecifiedFunction(
        "MeanVarianceNormalization",
        since: 9,
        """
        MeanVarianceNormalization <axes: ints = [0, 2, 3]> (x) => (y) {
            axes = Constant <value_ints = @axes> ()
            mean = ReduceMean (x, axes)
            centred = Sub (x, mean)
            squared = Mul (centred, centred)
            variance = ReduceMean (squared, axes)
            deviation = Sqrt (variance)
            e = Constant <value_float = 1e-9> ()
            epsilon = CastLike (e, x)
            divisor = Add (deviation, epsilon)
            y = Div (centred, divisor)
        }
        """
    )
]
