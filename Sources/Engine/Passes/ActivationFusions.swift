// SPDX-License-Identifier: Apache-2.0

/// Activations that exporters spell out, because the operator came later or not at all.
enum ActivationFusions {
    private static let products: Set<String> = ["Mul", "Div"]
    private static let x = GraphPattern.value("x")

    private static func one(
        _ roots: Set<String>,
        _ pattern: GraphPattern,
        _ name: String,
        opset: Int,
        _ attributes: [String: Attribute] = [:]
    ) -> Fusion {
        Fusion(roots: roots, pattern: pattern) { match, _ in
            guard let x = match.values["x"] else { return nil }
            return Fusion.Replacement(
                operatorName: name,
                opset: opset,
                inputs: [.value(x)],
                attributes: attributes
            )
        }
    }

    /// `x * 0.5 * (1 + erf(x / sqrt(2)))`, and its approximation by tanh.
    static let gelu = [
        one(
            products,
            .product(
                .exactly(0.5),
                [
                    x,
                    .sum(
                        .exactly(1),
                        [.node("Erf", [.product(.exactly(0.5.squareRoot()), [x])])]
                    ),
                ]
            ),
            "Gelu",
            opset: 20
        ),
        one(
            products,
            .product(.exactly(0.5), [x, .sum(.exactly(1), [.node("Tanh", [geluTanhInner])])]),
            "Gelu",
            opset: 20,
            ["approximate": .string("tanh")]
        ),
    ]

    /// `sqrt(2 / pi) * (x + 0.044715 * x^3)`, also with x taken out of the brackets.
    private static let geluTanhInner = GraphPattern.either([
        .product(
            .exactly(0.7978845608028654),
            [.sum(.exactly(0), [x, .product(.exactly(0.044715), [x, x, x])])]
        ),
        .product(
            .exactly(0.7978845608028654),
            [x, .sum(.exactly(1), [.product(.exactly(0.044715), [x, x])])]
        ),
    ])

    /// `x * sigmoid(x)` or `x * sigmoid(alpha * x)`.
    static let swish = [
        one(products, .product(.exactly(1), [x, .node("Sigmoid", [x])]), "Swish", opset: 24),
        Fusion(
            roots: products,
            pattern: .product(
                .exactly(1),
                [x, .node("Sigmoid", [.product(.named("alpha"), [x])])]
            )
        ) { match, _ in
            guard let x = match.values["x"], let alpha = match.numbers["alpha"] else { return nil }
            return Fusion.Replacement(
                operatorName: "Swish",
                opset: 24,
                inputs: [.value(x)],
                attributes: ["alpha": .float(Float(alpha))]
            )
        },
    ]

    /// `x * relu6(x + 3) / 6`, wholly spelled out or by way of HardSigmoid; and that itself.
    static let hardSwish = [
        one(
            products,
            .product(.exactly(1 / 6.0), [x, .clip(0, 6, .sum(.exactly(3), [x]))]),
            "HardSwish",
            opset: 14
        ),
        Fusion(
            roots: products,
            pattern: .product(.exactly(1), [x, .node("HardSigmoid", [x])])
        ) { match, index in
            guard let x = match.values["x"],
                let gate = match.nodes.map({ index.graph.nodes[$0] }).first(where: {
                    $0.isCore("HardSigmoid")
                }),
                let alpha = gate.float("alpha"), abs(alpha - 1 / 6) < 1e-6,
                gate.float("beta") ?? 0.5 == 0.5
            else { return nil }
            return Fusion.Replacement(operatorName: "HardSwish", opset: 14, inputs: [.value(x)])
        },
        one(
            products,
            .product(.exactly(1 / 6.0), [.clip(0, 6, .sum(.exactly(3), [x]))]),
            "HardSigmoid",
            opset: 6,
            ["alpha": .float(1 / 6), "beta": .float(0.5)]
        ),
    ]

    /// `x * tanh(softplus(x))`.
    static let mish = [
        one(
            products,
            .product(.exactly(1), [x, .node("Tanh", [.node("Softplus", [x])])]),
            "Mish",
            opset: 18
        )
    ]

    static let all = gelu + swish + hardSwish + mish
}
