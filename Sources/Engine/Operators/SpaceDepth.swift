// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Moves elements between channels and blocks of `size` times `size` places.
private struct SpaceDepthKernel: MovingKernel {
    let isToDepth: Bool
    /// Whether the channel counts first in the depth ("CRD"), or the place in the block ("DCR").
    let isChannelFirst: Bool
    let size: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (isToDepth, isChannelFirst, size) = (isToDepth, isChannelFirst, size)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            // `deep` has many channels, `wide` many places.
            let deep = isToDepth ? frame.outputShape(0) : frame.inputShape(0)
            let wide = isToDepth ? frame.inputShape(0) : frame.outputShape(0)
            let (channels, rows, columns) = (wide[1], wide[2], wide[3])
            var place = 0
            for image in 0..<wide[0] {
                for channel in 0..<channels {
                    for row in 0..<rows {
                        for column in 0..<columns {
                            let block = row % size &* size &+ column % size
                            let depth =
                                isChannelFirst
                                ? channel &* size &* size &+ block : block &* channels &+ channel
                            let other =
                                ((image &* deep[1] &+ depth) &* deep[2] &+ row / size) &* deep[3]
                                &+ column / size
                            if isToDepth {
                                output[other] = input[place]
                            } else {
                                output[place] = input[other]
                            }
                            place &+= 1
                        }
                    }
                }
            }
        }
    }
}

extension NodeContext {
    /// The block size and the square of it.
    fileprivate func block() throws(EngineError) -> (size: Int, area: Dimension) {
        let size = try integer("blocksize", default: 0)
        guard size > 0, try input(0).rank == 4 else {
            throw failure("a block size of \(size), for an input of \(try input(0).shape)")
        }
        return (size, try product([Dimension(size), Dimension(size)]))
    }

    fileprivate func spaceDepthKernel(isToDepth: Bool) throws(EngineError) -> Kernel {
        let mode = try string("mode", default: "DCR")
        guard mode == "DCR" || mode == "CRD" else {
            throw failure("mode is '\(mode)', expected DCR or CRD")
        }
        return SpaceDepthKernel(
            isToDepth: isToDepth,
            isChannelFirst: mode == "CRD",
            size: try block().size
        ).kernel(for: try input(0).type)
    }

    fileprivate func divided(
        _ length: Dimension,
        by divisor: Dimension
    ) throws(EngineError) -> Dimension {
        guard let quotient = length.dividedExactly(by: divisor) else {
            throw failure("\(length) does not fall into parts of \(divisor)")
        }
        return quotient
    }
}

/// Turns the first elements of each sequence round.
private struct ReverseSequenceKernel: MovingKernel {
    let timeAxis: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let timeAxis = timeAxis
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lengths: View<Int64> = frame.input(1)
            let shape = frame.inputShape(0)
            let (times, batches) = (shape[timeAxis], shape[1 - timeAxis])
            let inner = Lanes3(shape, axis: 1).inner
            for batch in 0..<batches {
                let length = Int(lengths[batch])
                guard length >= 0, length <= times else { return frame.fault(.indexOutOfRange) }
                for time in 0..<times {
                    let source = time < length ? length - 1 - time : time
                    let (from, to) =
                        timeAxis == 0
                        ? (source &* batches &+ batch, time &* batches &+ batch)
                        : (batch &* times &+ source, batch &* times &+ time)
                    output.copy(
                        input.part((from &* inner)..<((from &+ 1) &* inner)),
                        at: to &* inner
                    )
                }
            }
        }
    }
}

/// DepthToSpace, SpaceToDepth, ReverseSequence.
let spaceDepthOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "DepthToSpace",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let (input, block) = (try context.input(0), try context.block())
            return [
                Fact(
                    input.type,
                    [
                        input.shape[0], try context.divided(input.shape[1], by: block.area),
                        try context.product([input.shape[2], Dimension(block.size)]),
                        try context.product([input.shape[3], Dimension(block.size)]),
                    ]
                )
            ]
        },
        compile: { context throws(EngineError) in
            try context.spaceDepthKernel(isToDepth: false)
        }
    ).widened(.packed),
    OperatorDefinition(
        "SpaceToDepth",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let (input, block) = (try context.input(0), try context.block())
            return [
                Fact(
                    input.type,
                    [
                        input.shape[0], try context.product([input.shape[1], block.area]),
                        try context.divided(input.shape[2], by: Dimension(block.size)),
                        try context.divided(input.shape[3], by: Dimension(block.size)),
                    ]
                )
            ]
        },
        compile: { context throws(EngineError) in
            try context.spaceDepthKernel(isToDepth: true)
        }
    ).widened(.packed),
    OperatorDefinition(
        "ReverseSequence",
        since: 10,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 1, oneOf: [.int64])
            let (input, lengths) = (try context.input(0), try context.input(1))
            let time = try context.integer("time_axis", default: 0)
            let batch = try context.integer("batch_axis", default: 1)
            guard input.rank >= 2, [time, batch].sorted() == [0, 1],
                lengths.shape == [input.shape[batch]]
            else {
                throw context.failure(
                    "time axis \(time) and batch axis \(batch) of \(input.shape) with lengths \(lengths.shape)"
                )
            }
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            ReverseSequenceKernel(timeAxis: try context.integer("time_axis", default: 0))
                .kernel(for: try context.input(0).type)
        }
    ).widened(.packed),
]
