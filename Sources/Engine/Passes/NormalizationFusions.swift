// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Normalisations over the last axes that exporters spell out.
enum NormalizationFusions {
    private static let x = GraphPattern.value("x")
    private static let gap = GraphPattern.node("Sub", [x, .lineMean(x)])

    /// `sqrt(mean(value^2) + epsilon)`.
    private static func deviation(of value: GraphPattern) -> GraphPattern {
        .node("Sqrt", [biasedSquare(of: value)])
    }

    private static func biasedSquare(of value: GraphPattern) -> GraphPattern {
        .sum(.named("epsilon"), [.lineMean(.product(.exactly(1), [value, value]))])
    }

    /// `value / deviation`, times `others`: by Div, by Reciprocal or by a power of -1/2.
    private static func normalised(_ value: GraphPattern, _ others: [GraphPattern]) -> GraphPattern
    {
        let quotient = GraphPattern.node("Div", [value, deviation(of: value)])
        let inverse = GraphPattern.either([
            .node("Reciprocal", [deviation(of: value)]),
            .node("Div", [.constant("one"), deviation(of: value)]),
            .node("Pow", [biasedSquare(of: value), .constant("minus half")]),
        ])
        let product = GraphPattern.product(.exactly(1), others + [value, inverse])
        return others.isEmpty
            ? .either([quotient, product])
            : .either([.product(.exactly(1), others + [quotient]), product])
    }

    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias`; without bias; without both.
    static let layer = [
        fusion(
            ["Add"],
            .sum(.exactly(0), [normalised(gap, [.constant("scale")]), .constant("bias")]),
            layerNormalization
        ),
        fusion(["Mul", "Div"], normalised(gap, [.constant("scale")]), layerNormalization),
        fusion(["Mul", "Div"], normalised(gap, []), layerNormalization),
    ]

    /// `x / sqrt(mean(x^2) + epsilon) * scale`.
    static let rootMeanSquare = [
        fusion(["Mul", "Div"], normalised(x, [.constant("scale")]), rmsNormalization),
        fusion(["Mul", "Div"], normalised(x, []), rmsNormalization),
    ]

    private typealias Build =
        @Sendable (_ x: Graph.ValueID, _ scale: Tensor, _ bias: Tensor?, [String: Attribute])
        -> Fusion.Replacement

    private static let layerNormalization: Build = { x, scale, bias, attributes in
        Fusion.Replacement(
            operatorName: "LayerNormalization",
            opset: 17,
            inputs: [.value(x), .constant(scale)] + (bias.map { [.constant($0)] } ?? []),
            attributes: attributes
        )
    }

    private static let rmsNormalization: Build = { x, scale, _, attributes in
        Fusion.Replacement(
            operatorName: "RMSNormalization",
            opset: 23,
            inputs: [.value(x), .constant(scale)],
            attributes: attributes
        )
    }

    private static func fusion(
        _ roots: Set<String>,
        _ pattern: GraphPattern,
        _ build: @escaping Build
    ) -> Fusion {
        Fusion(roots: roots, pattern: pattern) { match, index in
            guard let x = match.values["x"], let fact = index.fact(of: x),
                let axes = match.numbers["axes"], let epsilon = match.numbers["epsilon"],
                epsilon >= 0, index.holds(1, match.values["one"]),
                index.holds(-0.5, match.values["minus half"]),
                let lengths = Array(fact.shape.suffix(Int(axes))).fixed, let shape = Shape(lengths)
            else { return nil }
            func operand(_ name: String) -> Tensor? {
                guard let value = match.values[name] else { return nil }
                return index.line(value, shape, fact.type)
            }
            let bias = operand("bias")
            guard (bias == nil) == (match.values["bias"] == nil),
                let scale = match.values["scale"] == nil
                    ? ones(fact.type, shape) : operand("scale")
            else { return nil }
            let attributes: [String: Attribute] = [
                "axis": .integer(-Int64(axes)), "epsilon": .float(Float(epsilon)),
            ]
            return build(x, scale, bias, attributes)
        }
    }

    /// Nil for a line that is too long to be one in earnest.
    private static func ones(_ type: DataType, _ shape: Shape) -> Tensor? {
        guard shape.elementCount <= 1 << 20 else { return nil }
        return switch type {
        case .float: Tensor([Float](repeating: 1, count: shape.elementCount), shape: shape)
        case .double: Tensor([Double](repeating: 1, count: shape.elementCount), shape: shape)
        case .float16: Tensor([Float16](repeating: 1, count: shape.elementCount), shape: shape)
        default: nil
        }
    }
}

extension GraphIndex {
    /// Whether the constant that a pattern's name stands for, if any, is `number`.
    fileprivate func holds(_ number: Double, _ value: Graph.ValueID?) -> Bool {
        value.map { self.number($0) == number } ?? true
    }

    /// A constant that runs along the last axes and is the same along all others, as these axes.
    fileprivate func line(_ value: Graph.ValueID, _ shape: Shape, _ type: DataType) -> Tensor? {
        guard let constant = fact(of: value)?.constant, constant.type == type,
            constant.elementCount == shape.elementCount,
            constant.dimensions.count >= shape.rank,
            Array(constant.dimensions.suffix(shape.rank)) == shape.dimensions
        else { return nil }
        return constant.reshaped(shape)
    }
}
