// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Which scale (and zero point) an element of a QuantizeLinear or DequantizeLinear node has: one for all,
/// one for each place of an axis, or one for each block along an axis.
struct QuantizationForm: Sendable {
    private enum Grain { case all, axis, block(Int) }
    private let grain: Grain
    private let axis: Int

    init(_ context: NodeContext) throws(EngineError) {
        let (input, scale) = (try context.input(0), try context.input(1))
        let block = try context.integer("block_size", default: 0)
        guard (0...largestWindowNumber).contains(block) else {
            throw context.failure(
                "block_size is \(block), expected 0 to \(largestWindowNumber)"
            )
        }
        if let zero = context.optionalInput(2) {
            let isOne = zero.shape.elementCount == 1 && scale.shape.elementCount == 1
            guard zero.shape == scale.shape || isOne else {
                throw context.failure("the zero point is \(zero.shape), the scale \(scale.shape)")
            }
        }
        if block == 0, scale.shape.elementCount == 1 {
            (grain, axis) = (.all, 0)
            return
        }
        axis = try context.axis(context.integer("axis", default: 1), rank: input.rank)
        var expected = input.shape
        if block > 0 {
            if let length = input.shape[axis].fixed {
                expected[axis] = Dimension(length / block + (length % block == 0 ? 0 : 1))
            } else if scale.rank == input.rank, scale.shape[axis].fixed ?? 1 > 0 {
                expected[axis] = scale.shape[axis]
            }
            grain = .block(block)
        } else {
            expected = [input.shape[axis]]
            grain = .axis
        }
        guard scale.shape == expected else {
            throw context.failure("the scale is \(scale.shape), expected \(expected)")
        }
    }

    /// Calls `body` for runs of elements that share a scale: where each starts, its length, which scale.
    @inline(__always)
    func forEachRun(_ frame: Frame, _ body: (_ start: Int, _ count: Int, _ scale: Int) -> Void) {
        let shape = frame.inputShape(0)
        switch grain {
        case .all:
            var count = 1
            for axis in shape.indices { count &*= shape[axis] }
            body(0, count, 0)
        case .axis:
            let lanes = Lanes3(shape, axis: axis)
            var start = 0
            for _ in 0..<lanes.outer {
                for place in 0..<lanes.length {
                    body(start, lanes.inner, place)
                    start &+= lanes.inner
                }
            }
        case .block(let size):
            let lanes = Lanes3(shape, axis: axis)
            let blocks = frame.inputShape(1)[axis]
            var start = 0
            for outer in 0..<lanes.outer {
                for place in 0..<lanes.length {
                    let first = (outer &* blocks &+ min(place / size, blocks &- 1)) &* lanes.inner
                    for inner in 0..<lanes.inner { body(start &+ inner, 1, first &+ inner) }
                    start &+= lanes.inner
                }
            }
        }
    }
}
