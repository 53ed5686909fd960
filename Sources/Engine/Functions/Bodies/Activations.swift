// SPDX-License-Identifier: Apache-2.0

/// Activations without a kernel of their own.
let activationBodies: [SpecifiedFunction] = [
    SpecifiedFunction(
        "SwiGLU",
        since: 28,
        """
        <opset_import: ["": 28]>
        SwiGLU <alpha: float = 1.0> (gate, linear) => (y) {
            open = Swish <alpha = @alpha> (gate)
            y = Mul (open, linear)
        }
        """
    )
]
