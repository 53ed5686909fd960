// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Rounds `lines` runs of `length` elements, `apart` from start to start, to one of 256 evenly spaced
/// numbers from their least to their greatest, zero among them (DynamicQuantizeLinear and back).
@inline(__always)
func roundToBytes<T: Real & Arithmetic>(
    _ numbers: MutableView<T>,
    from start: Int,
    lines: Int,
    apart: Int,
    length: Int
) {
    var (least, greatest) = (T.zero, T.zero)
    for line in 0..<lines {
        let first = start &+ line &* apart
        for index in first..<(first &+ length) {
            least = min(least, numbers[index])
            greatest = max(greatest, numbers[index])
        }
    }
    let scale = greatest > least ? (greatest - least) / 255 : 1
    let nought = max(0, min((-least / scale).rounded(.toNearestOrEven), 255))
    for line in 0..<lines {
        let first = start &+ line &* apart
        for index in first..<(first &+ length) {
            let place = (numbers[index] / scale).rounded(.toNearestOrEven) + nought
            numbers[index] = (max(0, min(place, 255)) - nought) * scale
        }
    }
}

extension NodeContext {
    /// The node as an LSTM over weights in single precision, which it may yet have to get.
    fileprivate func asLSTM(hasWeights: Bool) throws(EngineError) -> NodeContext {
        var inputs = Array(self.inputs.prefix(8))
        for index in 1...2 {
            let shape = try input(index).shape
            guard shape.count == 3 else {
                throw failure("input \(index) is \(shape), expected three axes")
            }
            inputs[index] =
                hasWeights
                ? Fact(try weights(index, scale: 6 + 2 * index, zeroPoint: 7 + 2 * index))
                : Fact(.float, [shape[0], shape[2], shape[1]])
        }
        return NodeContext(
            name: name,
            operatorName: operatorName,
            domain: domain,
            opset: opset,
            attributes: attributes,
            inputs: inputs,
            outputCount: outputCount,
            outputs: outputs
        )
    }

    /// Weights `[directions, depth, gates]` of one byte each as `[directions, gates, depth]` of numbers.
    private func weights(
        _ index: Int,
        scale: Int,
        zeroPoint: Int
    ) throws(EngineError) -> Tensor {
        let (tensor, points) = (try contents(ofInput: index), try bytes(ofInput: zeroPoint))
        let (bytes, scales) = (try bytes(ofInput: index), try numbers(ofInput: scale))
        let lengths = tensor.dimensions
        guard lengths.count == 3, let shape = Shape([lengths[0], lengths[2], lengths[1]]) else {
            throw failure("input \(index) is \(lengths), expected three axes")
        }
        let (directions, depth, gates) = (lengths[0], lengths[1], lengths[2])
        let each = scales.count == directions * gates ? gates : 1
        guard scales.count == directions * each, points.count == scales.count else {
            throw failure(
                "\(scales.count) scales and \(points.count) zero points for input \(index) of \(lengths)"
            )
        }
        var weights: [Float] = []
        weights.reserveCapacity(shape.elementCount)
        for direction in 0..<directions {
            for gate in 0..<gates {
                let at = direction * each + (each == 1 ? 0 : gate)
                for k in 0..<depth {
                    let byte = bytes[(direction * depth + k) * gates + gate]
                    weights.append(Float(byte - points[at]) * scales[at])
                }
            }
        }
        return Tensor(weights, shape: shape)
    }

    private func bytes(ofInput index: Int) throws(EngineError) -> [Int32] {
        let tensor = try contents(ofInput: index)
        switch tensor.type {
        case .int8: return tensor.elements(as: Int8.self).map { Int32($0) }
        case .uint8: return tensor.elements(as: UInt8.self).map { Int32($0) }
        case let type: throw failure("input \(index) is \(type), expected int8 or uint8")
        }
    }
}

/// An LSTM whose weights are bytes and whose inputs and states are rounded to bytes before each product.
///
/// The products are computed in single precision over the rounded numbers, which gives what whole
/// numbers give but for the last bits; each sequence of a batch has a scale of its own.
let dynamicQuantizeLSTMOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "DynamicQuantizeLSTM",
        domain: "com.microsoft",
        since: 1,
        inputs: 12...12,
        outputs: 0...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float])
            return try RecurrentForm(context.asLSTM(hasWeights: false), .lstm).outputs(.float)
        },
        compile: { context throws(EngineError) in
            var plain = try context.asLSTM(hasWeights: true)
            let kernel = try recurrentKernel(&plain, .lstm, roundsToBytes: true)
            context.reserveScratch(bytes: plain.scratch)
            context.keep(byteCount: plain.keptByteCount)
            for index in [1, 2, 8, 9, 10, 11] { context.leaveUnread(input: index) }
            return kernel
        }
    )
]
