// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension Graph {
    /// Lets convolutions with channels last end in the addition and the activation behind them.
    mutating func fuseIntoConvolutions() {
        var fusion = ConvolutionFusion(self)
        fusion.run()
        nodes = fusion.finished
    }
}

/// One walk over the nodes; a fused node stands where the later of the two stood.
private struct ConvolutionFusion {
    private let graph: Graph
    private var nodes: [Graph.Node?]
    private var makers: [Graph.ValueID: Int] = [:]
    private var uses: [Graph.ValueID: Int] = [:]

    init(_ graph: Graph) {
        self.graph = graph
        nodes = graph.nodes
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs { makers[output] = index }
            for case let input? in node.inputs { uses[input, default: 0] += 1 }
        }
        for output in graph.outputs { uses[output.value, default: 0] += 1 }
    }

    var finished: [Graph.Node] { nodes.compactMap { $0 } }

    mutating func run() {
        for place in nodes.indices {
            guard let node = nodes[place], node.definition.domain.isEmpty, node.outputs.count == 1
            else { continue }
            if node.definition.name == "Add" {
                addResidual(node, at: place)
            } else if node.definition.name == "Mul" {
                gate(node, at: place)
            } else if let activation = activation(of: node), let input = node.inputs[0],
                let maker = open(input, uses: 1)
            {
                replace(maker, node, at: place, activation)
            }
        }
    }

    /// The place of the convolution that makes `value`, when it has no activation yet and nobody
    /// but `uses` readers sees its result.
    private func open(_ value: Graph.ValueID, uses count: Int) -> Int? {
        guard uses[value] == count, let maker = makers[value], let node = nodes[maker],
            node.definition.domain == ChannelsLast.domain, node.outputs == [value],
            ["Conv", "ConvTranspose", "Affine"].contains(node.definition.name),
            node.attributes["activation"] == nil
        else { return nil }
        return maker
    }

    private mutating func replace(
        _ maker: Int,
        _ node: Graph.Node,
        at place: Int,
        _ activation: (kind: serin_activation, a: Float, b: Float)
    ) {
        guard var fused = nodes[maker] else { return }
        fused.attributes["activation"] = .integer(Int64(activation.kind.rawValue))
        fused.attributes["a"] = .float(activation.a)
        fused.attributes["b"] = .float(activation.b)
        put(fused, for: maker, node, at: place)
    }

    private mutating func put(
        _ fused: Graph.Node,
        for maker: Int,
        _ node: Graph.Node,
        at place: Int
    ) {
        var fused = fused
        fused.outputs = node.outputs
        nodes[maker] = nil
        nodes[place] = fused
        makers[node.outputs[0]] = place
    }

    /// `conv + x` for an `x` of the same shape; of two convolutions the later takes the addition.
    private mutating func addResidual(_ node: Graph.Node, at place: Int) {
        guard node.inputs.count == 2, let a = node.inputs[0], let b = node.inputs[1], a != b,
            let shape = graph[node.outputs[0]].fact?.shape, graph[a].fact?.shape == shape,
            graph[b].fact?.shape == shape
        else { return }
        let choices = [(a, b), (b, a)].compactMap { value, other -> (maker: Int, Graph.ValueID)? in
            guard let maker = open(value, uses: 1), let made = nodes[maker],
                made.definition.name != "Affine", made.inputs.count < 4
            else { return nil }
            return (maker, other)
        }
        guard let (maker, other) = choices.max(by: { $0.maker < $1.maker }),
            var fused = nodes[maker]
        else { return }
        fused.inputs += Array(repeating: nil, count: 3 - fused.inputs.count) + [other]
        put(fused, for: maker, node, at: place)
    }

    /// `x * sigmoid(x)` and `x * hardSigmoid(x)`.
    private mutating func gate(_ node: Graph.Node, at place: Int) {
        guard node.inputs.count == 2, let a = node.inputs[0], let b = node.inputs[1] else { return }
        for (value, gate) in [(a, b), (b, a)] {
            guard uses[gate] == 1, let gateMaker = makers[gate], let gateNode = nodes[gateMaker],
                gateNode.definition.domain.isEmpty, gateNode.inputs.first == value,
                let maker = open(value, uses: 2), let inner = activation(of: gateNode)
            else { continue }
            let kind: serin_activation
            switch inner.kind {
            case SERIN_ACT_SIGMOID: kind = SERIN_ACT_SILU
            case SERIN_ACT_HARD_SIGMOID: kind = SERIN_ACT_HARD_SWISH
            default: continue
            }
            nodes[gateMaker] = nil
            replace(maker, node, at: place, (kind, inner.a, inner.b))
            return
        }
    }

    /// The activation that `node` is, when its numbers are known.
    private func activation(
        of node: Graph.Node
    ) -> (kind: serin_activation, a: Float, b: Float)? {
        func float(_ name: String, _ value: Float) -> Float {
            if case .float(let number) = node.attributes[name] { number } else { value }
        }
        switch node.definition.name {
        case "Relu": return (SERIN_ACT_CLIP, 0, .infinity)
        case "Clip":
            guard let low = bound(node, 1, "min", -.infinity),
                let high = bound(node, 2, "max", .infinity), low <= high
            else { return nil }
            return (SERIN_ACT_CLIP, low, high)
        case "LeakyRelu": return (SERIN_ACT_LEAKY, float("alpha", 0.01), 0)
        case "HardSigmoid":
            return (SERIN_ACT_HARD_SIGMOID, float("alpha", 0.2), float("beta", 0.5))
        case "HardSwish": return (SERIN_ACT_HARD_SWISH, 1 / 6, 0.5)
        case "Sigmoid": return (SERIN_ACT_SIGMOID, 0, 0)
        case "Swish": return float("alpha", 1) == 1 ? (SERIN_ACT_SILU, 0, 0) : nil
        default: return nil
        }
    }

    /// A bound of Clip: an attribute before version 11, then a constant.
    private func bound(
        _ node: Graph.Node,
        _ index: Int,
        _ name: String,
        _ missing: Float
    ) -> Float? {
        guard node.opset >= 11 else {
            if case .float(let number) = node.attributes[name] { return number }
            return missing
        }
        guard index < node.inputs.count, let input = node.inputs[index] else { return missing }
        guard let constant = graph[input].fact?.constant, constant.type == .float else {
            return nil
        }
        return constant.elements(as: Float.self).first
    }
}
