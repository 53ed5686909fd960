// SPDX-License-Identifier: Apache-2.0

/// Operators of ONNX Runtime's own domain that its optimiser and its exporters leave in files,
/// where they equal a composition of the core's (ONNX Runtime, docs/ContribOperators.md).
let contributedBodies: [SpecifiedFunction] =
    contributedActivations + contributedNormalizations + contributedProducts
    + contributedQuantized

private func contributed(
    _ name: String,
    _ body: @escaping @Sendable (FunctionCall) throws(EngineError) -> String
) -> SpecifiedFunction {
    SpecifiedFunction(name, domain: "com.microsoft", since: 1, body)
}

private func contributed(_ name: String, _ text: String) -> SpecifiedFunction {
    SpecifiedFunction(name, domain: "com.microsoft", since: 1, text)
}

private let contributedActivations = [
    contributed("Gelu", "Gelu (x) => (y) { y = Gelu (x) }"),
    contributed(
        "BiasGelu",
        "BiasGelu (x, bias) => (y) { sum = Add (x, bias) y = Gelu (sum) }"
    ),
    contributed("FastGelu") { call throws(EngineError) in
        """
        FastGelu (x, bias) => (y) {
            sum = \(call.has(input: 1) ? "Add (x, bias)" : "Identity (x)")
            y = Gelu <approximate = "tanh"> (sum)
        }
        """
    },
    contributed(
        "QuickGelu",
        """
        QuickGelu <alpha: float = 1.702> (x) => (y) {
            factor = Constant <value_float = @alpha> ()
            alpha = CastLike (factor, x)
            scaled = Mul (x, alpha)
            open = Sigmoid (scaled)
            y = Mul (x, open)
        }
        """
    ),
]

private let contributedNormalizations = [
    contributed("SkipLayerNormalization") { call throws(EngineError) in
        """
        SkipLayerNormalization <epsilon: float = 1e-12> (x, skip, gamma, beta, bias) => (y, mean, inverse, sum) {
            both = Add (x, skip)
            sum = \(call.has(input: 4) ? "Add (both, bias)" : "Identity (both)")
            y, mean, inverse = LayerNormalization <axis = -1, epsilon = @epsilon> (sum, gamma, beta)
        }
        """
    },
    contributed("SkipSimplifiedLayerNormalization") { call throws(EngineError) in
        """
        SkipSimplifiedLayerNormalization <epsilon: float = 1e-12> (x, skip, gamma, bias) => (y, mean, inverse, sum) {
            both = Add (x, skip)
            sum = \(call.has(input: 3) ? "Add (both, bias)" : "Identity (both)")
            y = RMSNormalization <axis = -1, epsilon = @epsilon> (sum, gamma)
            mean = Identity (y)
            inverse = Identity (y)
        }
        """
    },
    // ONNX Runtime keeps this one in the core's domain.
    SpecifiedFunction(
        "SimplifiedLayerNormalization",
        since: 1,
        """
        SimplifiedLayerNormalization <axis: int = -1, epsilon: float = 1e-5> (x, scale) => (y) {
            y = RMSNormalization <axis = @axis, epsilon = @epsilon> (x, scale)
        }
        """
    ),
]

/// What a fused activation does to `sum`, giving `y`.
private func activation(_ call: FunctionCall) throws(EngineError) -> String {
    let name = try call.choice(
        "activation",
        of: ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Clip"]
    )
    let parameter = """
        all = Constant <value_floats = @activation_params> ()
        zero = Constant <value_int = 0> ()
        one = Constant <value_int = 1> ()
        low = Gather (all, zero)
        """
    switch name {
    case "LeakyRelu":
        return """
            \(parameter)
            scaled = Mul (sum, low)
            nought = Constant <value_float = 0.0> ()
            below = Less (sum, nought)
            y = Where (below, scaled, sum)
            """
    case "HardSigmoid":
        return """
            \(parameter)
            high = Gather (all, one)
            scaled = Mul (sum, low)
            line = Add (scaled, high)
            nought = Constant <value_float = 0.0> ()
            top = Constant <value_float = 1.0> ()
            y = Clip (line, nought, top)
            """
    case "Clip":
        return """
            \(parameter)
            high = Gather (all, one)
            y = Clip (sum, low, high)
            """
    default: return "y = \(name) (sum)"
    }
}

private let contributedProducts = [
    contributed("FusedConv") { call throws(EngineError) in
        """
        FusedConv <auto_pad, dilations, group, kernel_shape, pads, strides, activation_params> (x, w, b, z) => (y) {
            result = Conv <auto_pad = @auto_pad, dilations = @dilations, group = @group, kernel_shape = @kernel_shape, pads = @pads, strides = @strides> (x, w, b)
            sum = \(call.has(input: 3) ? "Add (result, z)" : "Identity (result)")
            \(try activation(call))
        }
        """
    },
    contributed("FusedGemm") { call throws(EngineError) in
        """
        FusedGemm <alpha: float = 1.0, beta: float = 1.0, transA: int = 0, transB: int = 0, activation_params> (a, b, c) => (y) {
            sum = Gemm <alpha = @alpha, beta = @beta, transA = @transA, transB = @transB> (a, b, c)
            \(try activation(call))
        }
        """
    },
    contributed("FusedMatMul") { call throws(EngineError) in
        func operand(_ name: String, _ attribute: String) throws(EngineError) -> String {
            try call.integer(attribute, default: 0) != 0
                ? "Einsum <equation = \"...ij->...ji\"> (\(name))" : "Identity (\(name))"
        }
        for name in ["transBatchA", "transBatchB"] {
            guard try call.integer(name, default: 0) == 0 else {
                throw call.failure("\(name) is not supported")
            }
        }
        return """
            FusedMatMul <alpha: float = 1.0> (A, B) => (Y) {
                a = \(try operand("A", "transA"))
                b = \(try operand("B", "transB"))
                product = MatMul (a, b)
                factor = Constant <value_float = @alpha> ()
                alpha = CastLike (factor, A)
                Y = Mul (product, alpha)
            }
            """
    },
]

/// The product of whole numbers as numbers again.
private let scaledProduct = """
    whole = MatMulInteger (a, b, a_zero_point, b_zero_point)
    number = Cast <to = 1> (whole)
    scale = Mul (a_scale, b_scale)
    product = Mul (number, scale)
    """

/// An element-wise operator between dequantised operands and a quantised result.
private func quantized(_ name: String, _ core: String, _ attributes: String = "")
    -> SpecifiedFunction
{
    contributed(
        name,
        """
        \(name) \(attributes.isEmpty ? "" : "<\(attributes)>") (x, x_scale, x_zero_point, y_scale, y_zero_point) => (y) {
            number = DequantizeLinear (x, x_scale, x_zero_point)
            result = \(core) (number)
            y = QuantizeLinear (result, y_scale, y_zero_point)
        }
        """
    )
}

private func quantizedPair(_ name: String, _ core: String) -> SpecifiedFunction {
    contributed(
        name,
        """
        \(name) (a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point) => (y) {
            left = DequantizeLinear (a, a_scale, a_zero_point)
            right = DequantizeLinear (b, b_scale, b_zero_point)
            result = \(core) (left, right)
            y = QuantizeLinear (result, y_scale, y_zero_point)
        }
        """
    )
}

private let contributedQuantized = [
    quantizedPair("QLinearAdd", "Add"), quantizedPair("QLinearMul", "Mul"),
    quantized("QLinearSigmoid", "Sigmoid"),
    quantized("QLinearLeakyRelu", "LeakyRelu <alpha = @alpha>", "alpha: float = 0.01"),
    quantized("QLinearSoftmax", "Softmax <axis = @axis>", "axis: int = -1"),
    quantized("QLinearGlobalAveragePool", "GlobalAveragePool"),
    quantized(
        "QLinearAveragePool",
        "AveragePool <auto_pad = @auto_pad, ceil_mode = @ceil_mode, count_include_pad = @count_include_pad, kernel_shape = @kernel_shape, pads = @pads, strides = @strides>",
        "auto_pad, ceil_mode, count_include_pad, kernel_shape, pads, strides"
    ),
    contributed("MatMulIntegerToFloat") { call throws(EngineError) in
        """
        MatMulIntegerToFloat (a, b, a_scale, b_scale, a_zero_point, b_zero_point, bias) => (y) {
            \(scaledProduct)
            y = \(call.has(input: 6) ? "Add (product, bias)" : "Identity (product)")
        }
        """
    },
    contributed("DynamicQuantizeMatMul") { call throws(EngineError) in
        """
        DynamicQuantizeMatMul (x, b, b_scale, b_zero_point, bias) => (y) {
            a, a_scale, a_zero_point = DynamicQuantizeLinear (x)
            \(scaledProduct)
            y = \(call.has(input: 4) ? "Add (product, bias)" : "Identity (product)")
        }
        """
    },
]
