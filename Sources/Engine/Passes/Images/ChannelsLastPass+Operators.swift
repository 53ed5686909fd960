// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Which operator works how on images with channels last.
extension ChannelsLastPass {
    typealias Twin = (node: Graph.Node, output: Graph.ValueID?)

    /// Operators that treat every element of input 0 alike, whatever its axes.
    private static let elementwise: Set<String> = [
        "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid",
        "HardSwish", "Softplus", "Softsign", "Erf", "Exp", "Log", "Sqrt", "Abs", "Neg", "Gelu",
        "Mish", "Swish", "ThresholdedRelu", "Reciprocal", "Floor", "Ceil", "Round", "Identity",
        "Dropout",
    ]

    /// Operators of two operands that are stretched to each other.
    private static let binary: Set<String> = [
        "Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu", "Pow",
    ]

    /// The node that makes the twin of `node`'s output; nil where the node stays as it is.
    mutating func twin(of node: Graph.Node) -> Twin? {
        guard node.definition.domain.isEmpty, node.outputs.count == 1,
            let fact = graph[node.outputs[0]].fact, fact.type == .float,
            let input = node.inputs.first ?? nil
        else { return nil }
        switch node.definition.name {
        case "Conv": return convolution(node, input)
        case "ConvTranspose": return image(node, ChannelsLast.transposedConvolution)
        case "MaxPool": return pooling(node, input, ChannelsLast.maxPool)
        case "AveragePool": return pooling(node, input, ChannelsLast.averagePool)
        case "GlobalAveragePool": return pooling(node, input, ChannelsLast.globalAveragePool)
        case "BatchNormalization": return affine(node, input)
        case "Concat": return concat(node)
        case "ReduceMean": return mean(node, input)
        case "Transpose": return transposition(node, input)
        case "Resize", "Upsample": return resized(node, input)
        case let name where Self.elementwise.contains(name):
            guard hasTwin(input), let twin = last(input) else { return nil }
            return copy(node, inputs: [twin] + node.inputs.dropFirst())
        case let name where Self.binary.contains(name):
            return stretched(node, fact.rank)
        default: return nil
        }
    }

    /// The same operator over other inputs.
    private mutating func copy(
        _ node: Graph.Node,
        inputs: [Graph.ValueID?],
        _ attributes: [String: Attribute]? = nil
    ) -> Twin? {
        guard
            let made = made(
                node.definition,
                node.name,
                node.opset,
                inputs,
                attributes ?? node.attributes
            )
        else { return nil }
        return (made.node, made.output)
    }

    private mutating func image(_ node: Graph.Node, _ definition: OperatorDefinition) -> Twin? {
        guard let input = node.inputs.first ?? nil, let twin = last(input),
            let made = made(
                definition,
                node.name,
                1,
                [twin] + node.inputs.dropFirst(),
                node.attributes
            )
        else { return nil }
        return (made.node, made.output)
    }

    /// An image of few channels that has no twin is read as it is, by the form for first layers.
    private mutating func convolution(_ node: Graph.Node, _ input: Graph.ValueID) -> Twin? {
        if !hasTwin(input), let channels = graph[input].fact?.shape.dropFirst().first?.fixed,
            channels <= 4, let weights = node.inputs.dropFirst().first ?? nil,
            let shape = graph[weights].fact?.shape, shape.count > 2,
            graph[weights].fact?.constant != nil, shape[1].fixed == channels
        {
            var attributes = node.attributes
            attributes["planes"] = .integer(1)
            if let made = made(ChannelsLast.convolution, node.name, 1, node.inputs, attributes),
                isFirstLayer(made.node)
            {
                return (made.node, made.output)
            }
        }
        return image(node, ChannelsLast.convolution)
    }

    private func isFirstLayer(_ node: Graph.Node) -> Bool {
        let context = graph.context(of: node)
        guard let shape = context.inputs[0]?.shape,
            let form = try? ConvolutionForm(context, image: shape)
        else { return false }
        return ImageConvolution(form).bordered != nil
    }

    /// Pooling alone does not pay for turning the image.
    private mutating func pooling(
        _ node: Graph.Node,
        _ input: Graph.ValueID,
        _ definition: OperatorDefinition
    ) -> Twin? {
        hasTwin(input) ? image(node, definition) : nil
    }

    /// A BatchNormalization of constants, as one multiplication and one addition.
    private mutating func affine(_ node: Graph.Node, _ input: Graph.ValueID) -> Twin? {
        guard hasTwin(input), let twin = last(input),
            let line = BatchNormalizationLine(node, in: graph),
            graph[input].fact?.shape[1] == Dimension(line.factors.count)
        else { return nil }
        let factors = graph.addValue(
            named: "\(node.name).factor",
            fact: Fact(Tensor(line.factors.map { Float($0) }))
        )
        let shifts = graph.addValue(
            named: "\(node.name).shift",
            fact: Fact(Tensor(line.shifts.map { Float($0) }))
        )
        guard let made = made(ChannelsLast.affine, node.name, 1, [twin, factors, shifts], [:])
        else { return nil }
        return (made.node, made.output)
    }

    /// At least half of the parts have twins; the others get theirs.
    private mutating func concat(_ node: Graph.Node) -> Twin? {
        guard let rank = graph[node.outputs[0]].fact?.rank, (3...5).contains(rank),
            node.inputs.filter({ hasTwin($0) }).count * 2 >= node.inputs.count,
            case .integer(let axis) = node.attributes["axis"] ?? .integer(0)
        else { return nil }
        let place = Int(axis) < 0 ? Int(axis) + rank : Int(axis)
        guard (0..<rank).contains(place) else { return nil }
        var inputs: [Graph.ValueID?] = []
        for case let input? in node.inputs {
            guard let twin = last(input) else { return nil }
            inputs.append(twin)
        }
        guard inputs.count == node.inputs.count else { return nil }
        var attributes = node.attributes
        attributes["axis"] = .integer(Int64(Self.axis(place, rank: rank)))
        return copy(node, inputs: inputs, attributes)
    }

    /// Where an axis of `[rows, channels, ...spatial]` stands with channels last.
    static func axis(_ axis: Int, rank: Int) -> Int {
        axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1
    }

    /// The mean over all spatial axes.
    private mutating func mean(_ node: Graph.Node, _ input: Graph.ValueID) -> Twin? {
        let output = node.outputs
        guard hasTwin(input), let twin = last(input), let rank = graph[input].fact?.rank else {
            return nil
        }
        var axes: [Int] = []
        if case .integers(let list) = node.attributes["axes"] {
            axes = list.map { Int($0) }
        } else if node.inputs.count > 1, let value = node.inputs[1],
            let list = graph[value].fact?.integers?.fixed
        {
            axes = list
        }
        guard Set(axes.map { $0 < 0 ? $0 + rank : $0 }) == Set(2..<rank) else { return nil }
        var keeps = true
        if case .integer(0) = node.attributes["keepdims"] { keeps = false }
        guard
            let made = made(
                ChannelsLast.globalAveragePool,
                node.name,
                1,
                [twin],
                ["keepdims": .integer(keeps ? 1 : 0)]
            )
        else { return nil }
        guard !keeps else { return (made.node, made.output) }
        // Without the spatial axes it is no image: it makes the value itself.
        var node = made.node
        node.outputs = output
        return (node, nil)
    }

    /// A Transpose of a twin starts from the twin, and may be the twin itself.
    private mutating func transposition(_ node: Graph.Node, _ input: Graph.ValueID) -> Twin? {
        guard hasTwin(input), let twin = last(input), let rank = graph[input].fact?.rank,
            case .integers(let list) = node.attributes["perm"], list.count == rank
        else { return nil }
        guard list.allSatisfy({ (0..<Int64(rank)).contains($0) }) else { return nil }
        let turned = list.map { Int64(Self.axis(Int($0), rank: rank)) }
        if turned == Array(0..<Int64(rank)) { substitutes[node.outputs[0]] = twin }
        var made = node
        made.inputs = [twin]
        made.attributes["perm"] = .integers(turned)
        return (made, nil)
    }

    /// Operands are stretched from the last axis on, so those of fewer axes are constants given all.
    private mutating func stretched(_ node: Graph.Node, _ rank: Int) -> Twin? {
        guard (3...5).contains(rank), node.inputs.contains(where: { hasTwin($0) }),
            node.attributes["axis"] == nil, node.attributes["broadcast"] == nil
        else { return nil }
        var inputs: [Graph.ValueID?] = []
        for case let input? in node.inputs {
            guard let operand = operand(input, rank) else { return nil }
            inputs.append(operand)
        }
        guard inputs.count == node.inputs.count else { return nil }
        return copy(node, inputs: inputs)
    }

    private mutating func operand(_ value: Graph.ValueID, _ rank: Int) -> Graph.ValueID? {
        guard let fact = graph[value].fact else { return nil }
        if fact.rank == rank { return last(value) }
        if fact.shape.elementCount == 1 { return value }
        guard let constant = fact.constant, constant.type == .float, fact.rank < rank,
            let shape = Shape(
                Array(repeating: 1, count: rank - fact.rank) + constant.dimensions
            )
        else { return nil }
        return last(
            graph.addValue(
                named: "\(graph[value].name).whole",
                fact: Fact(constant.reshaped(shape))
            )
        )
    }

    /// Scales and sizes change places with the axes.
    private mutating func resized(_ node: Graph.Node, _ input: Graph.ValueID) -> Twin? {
        guard hasTwin(input), let twin = last(input), let rank = graph[input].fact?.rank,
            node.attributes["axes"] == nil
        else { return nil }
        var attributes = node.attributes
        if case .floats(let scales) = attributes["scales"], scales.count == rank {
            attributes["scales"] = .floats(ChannelsLast.last(scales))
        }
        var inputs: [Graph.ValueID?] = [twin]
        for input in node.inputs.dropFirst() {
            guard let input, let tensor = graph[input].fact?.constant, tensor.elementCount > 0
            else {
                inputs.append(input)
                continue
            }
            // A region of interest says start and end; only crops read it.
            guard tensor.elementCount == rank else { return nil }
            let turned: Tensor
            switch tensor.type {
            case .float: turned = Tensor(ChannelsLast.last(tensor.elements(as: Float.self)))
            case .int64: turned = Tensor(ChannelsLast.last(tensor.elements(as: Int64.self)))
            default: return nil
            }
            inputs.append(
                graph.addValue(named: "\(graph[input].name).last", fact: Fact(turned))
            )
        }
        return copy(node, inputs: inputs, attributes)
    }
}
