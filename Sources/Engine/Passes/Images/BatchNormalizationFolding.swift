// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A BatchNormalization of constants as `x * factor + shift` for each channel, in double precision.
struct BatchNormalizationLine {
    let factors: [Double]
    let shifts: [Double]

    /// Nil for another operator, statistics that are not constant, or other types.
    init?(_ node: Graph.Node, in graph: Graph) {
        guard node.definition.name == "BatchNormalization", node.definition.domain.isEmpty,
            node.outputs.count == 1, node.inputs.count == 5,
            graph[node.outputs[0]].fact?.type == .float
        else { return nil }
        if case .integer(0) = node.attributes["spatial"] { return nil }
        var lists: [[Double]] = []
        for case let input? in node.inputs.dropFirst() {
            guard let tensor = graph[input].fact?.constant, tensor.type == .float else {
                return nil
            }
            lists.append(tensor.elements(as: Float.self).map { Double($0) })
        }
        guard lists.count == 4, lists.allSatisfy({ $0.count == lists[0].count }) else {
            return nil
        }
        var epsilon = 1e-5
        if case .float(let number) = node.attributes["epsilon"] { epsilon = Double(number) }
        factors = zip(lists[0], lists[3]).map { $0 / ($1 + epsilon).squareRoot() }
        shifts = zip(lists[1], zip(lists[2], factors)).map { $0 - $1.0 * $1.1 }
    }
}

extension Graph {
    /// Multiplies the scale of a BatchNormalization into the weights of the convolution before it,
    /// and lets the convolution's bias take up the rest.
    mutating func foldBatchNormalizationIntoConvolutions() {
        var makers: [ValueID: Int] = [:]
        var uses: [ValueID: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs { makers[output] = index }
            for case let input? in node.inputs { uses[input, default: 0] += 1 }
        }
        for output in outputs { uses[output.value, default: 0] += 1 }
        var dropped: Set<Int> = []
        for place in nodes.indices {
            guard let line = BatchNormalizationLine(nodes[place], in: self),
                let input = nodes[place].inputs[0], uses[input] == 1,
                let maker = makers[input], nodes[maker].outputs == [input],
                var folded = folded(nodes[maker], line)
            else { continue }
            folded.outputs = nodes[place].outputs
            nodes[place] = folded
            dropped.insert(maker)
        }
        nodes = nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
    }

    /// `convolution` with other weights and another bias; nil where it is none or not constant.
    private mutating func folded(_ convolution: Node, _ line: BatchNormalizationLine) -> Node? {
        let isTransposed = convolution.definition.name == "ConvTranspose"
        guard isTransposed || convolution.definition.name == "Conv",
            convolution.definition.domain.isEmpty, convolution.inputs.count >= 2,
            let weightID = convolution.inputs[1],
            let weights = self[weightID].fact?.constant, weights.type == .float,
            weights.shape.rank > 2
        else { return nil }
        var groups = 1
        if case .integer(let number) = convolution.attributes["group"] { groups = Int(number) }
        let channels = line.factors.count
        guard !isTransposed || groups == 1,
            weights.dimensions[isTransposed ? 1 : 0] == channels, channels > 0
        else { return nil }
        var bias = line.shifts
        if convolution.inputs.count > 2, let old = convolution.inputs[2] {
            guard let tensor = self[old].fact?.constant, tensor.type == .float,
                tensor.elementCount == channels
            else { return nil }
            for (index, number) in tensor.elements(as: Float.self).enumerated() {
                bias[index] += Double(number) * line.factors[index]
            }
        }
        // Weights of one output channel lie together, but for a transposed convolution, where
        // those of one input channel and one output channel do.
        let run = weights.dimensions[(isTransposed ? 2 : 1)...].reduce(1, *)
        var numbers = weights.elements(as: Float.self)
        for index in numbers.indices {
            numbers[index] = Float(Double(numbers[index]) * line.factors[index / run % channels])
        }
        var folded = convolution
        folded.inputs = [
            convolution.inputs[0],
            addValue(
                named: self[weightID].name,
                fact: Fact(Tensor(numbers, shape: weights.shape))
            ),
            addValue(
                named: "\(convolution.name).bias",
                fact: Fact(Tensor(bias.map { Float($0) }))
            ),
        ]
        return folded
    }
}
