// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Takes whole slices; the last axis of the indices names axes of the data, behind shared batch axes.
private struct GatherNDKernel: MovingKernel {
    let batchAxes: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let batchAxes = batchAxes
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let indices: View<Int64> = frame.input(1)
            let (shape, part) = (frame.inputShape(0), frame.inputShape(1))
            let depth = part[part.count - 1]
            var (batches, perBatch, size) = (1, 1, 1)
            for axis in 0..<batchAxes { batches &*= part[axis] }
            for axis in batchAxes..<(part.count - 1) { perBatch &*= part[axis] }
            for axis in (batchAxes + depth)..<max(shape.count, batchAxes + depth) {
                size &*= shape[axis]
            }
            for number in 0..<(batches &* perBatch) {
                var source = number / max(perBatch, 1)
                for axis in 0..<depth {
                    let length = shape[batchAxes + axis]
                    var position = Int(indices[number &* depth &+ axis])
                    if position < 0 { position &+= length }
                    guard position >= 0, position < length else {
                        return frame.fault(.indexOutOfRange)
                    }
                    source = source &* length &+ position
                }
                let from = source &* size
                output.copy(input.part(from..<(from &+ size)), at: number &* size)
            }
        }
    }
}

let gatherNDOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "GatherND",
        since: 11,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 1, oneOf: [.int64])
            let (data, indices) = (try context.input(0), try context.input(1))
            let batchAxes = try context.integer("batch_dims", default: 0)
            guard let depth = indices.shape.last?.fixed, batchAxes >= 0, depth > 0,
                batchAxes < indices.rank, depth <= data.rank - batchAxes,
                data.shape[..<batchAxes] == indices.shape[..<batchAxes]
            else {
                throw context.failure("indices \(indices.shape) do not fit \(data.shape)")
            }
            return [
                Fact(
                    data.type,
                    Array(indices.shape.dropLast()) + Array(data.shape[(batchAxes + depth)...])
                )
            ]
        },
        compile: { context throws(EngineError) in
            GatherNDKernel(batchAxes: try context.integer("batch_dims", default: 0))
                .kernel(for: try context.input(0).type)
        }
    ).widened(.packed)
]
