// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension Graph {
    /// Takes a bias, a residual and an activation behind a product by a constant matrix into it.
    ///
    /// Only what has one reader is taken, in the order bias, residual, activation; each element is still
    /// rounded after every step, so the answers keep their bits.
    mutating func fuseProducts() {
        let index = GraphIndex(self)
        var readers: [ValueID: Int] = [:]
        for (place, node) in nodes.enumerated() {
            for case let input? in node.inputs { readers[input] = place }
        }
        var taken: Set<Int> = []
        var replaced: [Int: Node] = [:]
        for (place, node) in index.graph.nodes.enumerated() {
            guard var chain = ProductChain(node, at: place, index) else { continue }
            while index.useCount(of: chain.value) == 1, let next = readers[chain.value],
                chain.take(next, index)
            {}
            guard chain.places.count > 1, taken.isDisjoint(with: chain.places) else { continue }
            taken.formUnion(chain.places)
            replaced[chain.places[chain.places.count - 1]] = chain.fused
        }
        guard !replaced.isEmpty else { return }
        nodes = nodes.enumerated().compactMap { place, node in
            replaced[place] ?? (taken.contains(place) ? nil : node)
        }
    }
}

/// A product and the nodes behind it that it can do on the way.
private struct ProductChain {
    private enum Stage: Int { case product, bias, residual, activation }

    private(set) var value: Graph.ValueID
    private(set) var places: [Int]
    private let node: Graph.Node
    private let shape: [Dimension]
    private let isTurned: Bool
    private var stage = Stage.product
    private var bias: Graph.ValueID?
    private var residual: Graph.ValueID?
    private var activation = Activation.identity

    init?(_ node: Graph.Node, at place: Int, _ index: GraphIndex) {
        guard node.isCore("MatMul") || node.isCore("Gemm"), let output = node.outputs.first,
            let left = node.input(0).flatMap(index.fact), left.type == .float,
            let right = node.input(1).flatMap(index.fact), right.rank == 2,
            let depth = right.shape.first?.fixed, depth > 0, right.constant != nil,
            let made = index.fact(of: output), let columns = made.shape.last
        else { return nil }
        (value, places, shape, self.node) = (output, [place], made.shape, node)
        isTurned = node.isCore("Gemm") && node.integer("transB") ?? 0 != 0
        guard node.isCore("Gemm") else { return }
        guard node.integer("transA") ?? 0 == 0 else { return nil }
        guard let third = node.input(2) else { return }
        guard node.float("beta") ?? 1 == 1, let fact = index.fact(of: third),
            fact.isLine(of: columns)
        else { return nil }
        (bias, stage) = (third, .bias)
    }

    /// Takes the node at `place`, which reads `value`; false when the product cannot do it.
    mutating func take(_ place: Int, _ index: GraphIndex) -> Bool {
        let next = index.graph.nodes[place]
        guard next.outputs.count == 1, let output = next.outputs.first,
            let made = index.fact(of: output), made.type == .float, made.shape == shape,
            next.definition.domain.isEmpty, stage.rawValue < Stage.activation.rawValue
        else { return false }
        if next.isCore("Add") {
            guard let other = next.input(0) == value ? next.input(1) : next.input(0),
                let fact = index.fact(of: other), next.opset >= 7
            else { return false }
            if stage == .product, let columns = shape.last, fact.isLine(of: columns) {
                (bias, stage) = (other, .bias)
            } else if stage.rawValue < Stage.residual.rawValue, fact.shape == shape {
                (residual, stage) = (other, .residual)
            } else {
                return false
            }
        } else {
            guard next.input(0) == value, let found = next.activation(index) else { return false }
            (activation, stage) = (found, .activation)
        }
        value = output
        places.append(place)
        return true
    }

    var fused: Graph.Node {
        var fused = node
        fused.definition = Product.definition
        fused.attributes = [
            Product.function: .integer(Int64(activation.function)),
            Product.parameters: .floats([activation.alpha, activation.beta]),
            "transB": .integer(isTurned ? 1 : 0),
            "alpha": .float(node.float("alpha") ?? 1),
        ]
        fused.inputs = [node.input(0), node.input(1), bias, residual]
        fused.writtenInputCount = fused.inputs.count
        fused.outputs = [value]
        return fused
    }
}

extension Fact {
    /// Whether there is one single-precision element for each column.
    fileprivate func isLine(of columns: Dimension) -> Bool {
        type == .float && shape.last == columns && shape.dropLast().allSatisfy { $0 == 1 }
    }
}

extension Graph.Node {
    /// The function that the node applies to each element of its first input, where it has a vector form.
    fileprivate func activation(_ index: GraphIndex) -> Activation? {
        switch definition.name {
        case "Relu": Activation(function: SERIN_RELU.rawValue)
        case "Sigmoid": Activation(function: SERIN_SIGMOID.rawValue)
        case "Tanh": Activation(function: SERIN_TANH.rawValue)
        case "HardSwish": Activation(function: SERIN_HARD_SWISH.rawValue)
        case "LeakyRelu": Activation(function: SERIN_LEAKY.rawValue, alpha: float("alpha") ?? 0.01)
        case "Swish": Activation(function: SERIN_SWISH.rawValue, alpha: float("alpha") ?? 1)
        case "HardSigmoid":
            Activation(
                function: SERIN_HARD_SIGMOID.rawValue,
                alpha: float("alpha") ?? 0.2,
                beta: float("beta") ?? 0.5
            )
        case "Gelu": geluActivation
        case "Clip": clipActivation(index)
        default: nil
        }
    }

    private var geluActivation: Activation? {
        guard case .string(let form)? = attributes["approximate"] else {
            return Activation(function: SERIN_GELU.rawValue)
        }
        return Activation(
            function: form == "tanh" ? SERIN_GELU_TANH.rawValue : SERIN_GELU.rawValue
        )
    }

    private func clipActivation(_ index: GraphIndex) -> Activation? {
        var bounds: [Float] = [float("min") ?? -.infinity, float("max") ?? .infinity]
        for place in 1...2 {
            guard let bound = input(place) else { continue }
            guard let number = index.number(bound) else { return nil }
            bounds[place - 1] = Float(number)
        }
        return Activation(function: SERIN_CLIP.rawValue, alpha: bounds[0], beta: bounds[1])
    }
}
