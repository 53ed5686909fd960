// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// Multiplies the scale of a BatchNormalization into the weights of the Gemm before it, and
    /// lets the Gemm's bias take up the rest.
    ///
    /// With `f = scale / sqrt(variance + epsilon)`, `(x W + b - mean) f + bias` is
    /// `x (W f) + ((b - mean) f + bias)`; worked out in double precision.
    mutating func foldBatchNormalizationIntoGemm() {
        guard nodes.contains(where: { $0.isCore("BatchNormalization") }) else { return }
        let index = GraphIndex(self)
        var dropped: Set<Int> = []
        for (place, node) in index.graph.nodes.enumerated()
        where node.isCore("BatchNormalization") && node.outputs.count == 1
            && node.integer("training_mode") ?? 0 == 0
        {
            guard let input = node.input(0), index.useCount(of: input) == 1,
                let maker = index.node(named: "Gemm", making: input), !dropped.contains(maker),
                let folded = folded(index.graph.nodes[maker], node)
            else { continue }
            nodes[place] = folded
            dropped.insert(maker)
        }
        nodes = nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
    }

    private mutating func folded(_ gemm: Node, _ norm: Node) -> Node? {
        guard let rows = gemm.input(0), let weights = floats(gemm.input(1)),
            let scale = floats(norm.input(1)), let bias = floats(norm.input(2)),
            let mean = floats(norm.input(3)), let variance = floats(norm.input(4)),
            weights.shape.rank == 2
        else { return nil }
        let isTurned = gemm.integer("transB") ?? 0 != 0
        let columns = weights.dimensions[isTurned ? 0 : 1]
        guard [scale, bias, mean, variance].allSatisfy({ $0.elementCount == columns }) else {
            return nil
        }
        let epsilon = Double(norm.float("epsilon") ?? 1e-5)
        let alpha = Double(gemm.float("alpha") ?? 1)
        let beta = Double(gemm.float("beta") ?? 1)
        func numbers(_ tensor: Tensor) -> [Double] {
            tensor.elements(as: Float.self).map { Double($0) }
        }
        let factors = zip(numbers(scale), numbers(variance)).map {
            $0 / ($1 + epsilon).squareRoot()
        }
        var shift = [Double](repeating: 0, count: columns)
        if let value = gemm.input(2) {
            // One number, or one for each column; one for each row cannot be taken along.
            guard let old = floats(value),
                old.elementCount == 1
                    || old.elementCount == columns && old.dimensions.last == columns
            else { return nil }
            let terms = numbers(old)
            shift = (0..<columns).map { beta * terms[terms.count == 1 ? 0 : $0] }
        }
        let (middle, offset) = (numbers(mean), numbers(bias))
        let newBias = (0..<columns).map {
            Float((shift[$0] - middle[$0]) * factors[$0] + offset[$0])
        }
        let depth = columns == 0 ? 0 : weights.elementCount / columns
        let newWeights = weights.elements(as: Float.self).enumerated().map { place, weight in
            Float(Double(weight) * alpha * factors[isTurned ? place / depth : place % columns])
        }
        var attributes = gemm.attributes
        attributes["alpha"] = .float(1)
        attributes["beta"] = .float(1)
        let inputs: [ValueID?] = [
            rows, addValue(named: "", fact: Fact(Tensor(newWeights, shape: weights.shape))),
            addValue(named: "", fact: Fact(Tensor(newBias))),
        ]
        return self.node(
            replacing: norm,
            with: "Gemm",
            opset: gemm.opset,
            inputs: inputs,
            attributes: attributes
        )
    }

    private func floats(_ value: ValueID?) -> Tensor? {
        guard let constant = value.flatMap({ self[$0].fact?.constant }), constant.type == .float
        else { return nil }
        return constant
    }
}
