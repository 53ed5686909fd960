// SPDX-License-Identifier: Apache-2.0

private struct TransposeKernel: MovingKernel {
    let permutation: [Int]

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let permutation = permutation
        return { frame in
            let shape = frame.inputShape(0)
            var strides = Walk.Axes(repeating: 0)
            var run = 1
            for back in 0..<shape.count {
                let axis = shape.count - 1 - back
                strides[axis] = run
                run &*= shape[axis]
            }
            var walk = Walk()
            for back in 0..<permutation.count {
                let index = permutation.count - 1 - back
                let axis = permutation[index]
                walk.add(length: shape[axis], a: strides[axis])
            }
            copy(frame.input(0, as: T.self), to: frame.output(0), along: walk)
        }
    }
}

/// Stretches input 0 to the output.
private struct ExpandKernel: MovingKernel {
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        { frame in
            let walk = Walk(frame.outputShape(0), frame.inputShape(0))
            copy(frame.input(0, as: T.self), to: frame.output(0), along: walk)
        }
    }
}

/// Repeats input 0 along each axis: an axis becomes two, the outer one with stride zero.
private struct TileKernel: MovingKernel {
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        { frame in
            let (shape, result) = (frame.inputShape(0), frame.outputShape(0))
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            var position = Walk.Axes(repeating: 0)
            for index in output.indices {
                var (offset, stride) = (0, 1)
                for back in 0..<shape.count {
                    let axis = shape.count - 1 - back
                    offset &+= position[axis] % shape[axis] &* stride
                    stride &*= shape[axis]
                }
                output[index] = input[offset]
                for back in 0..<result.count {
                    let axis = result.count - 1 - back
                    position[axis] &+= 1
                    if position[axis] < result[axis] { break }
                    position[axis] = 0
                }
            }
        }
    }
}

/// Transpose, Expand, Tile.
let arrangingOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Transpose",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            let order = try context.permutation()
            return [Fact(input.type, order.map { input.shape[$0] })]
        },
        compile: { context throws(EngineError) in
            TransposeKernel(permutation: try context.permutation())
                .kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "Expand",
        since: 8,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            guard let shape = try context.integers(ofInput: 1) else {
                throw context.failure("input 1 is missing")
            }
            var fact = Fact(input.type, try context.broadcast([input.shape, shape]))
            if input.integers?.count == 1, let number = input.integers?.first, fact.rank == 1,
                let count = fact.shape[0].fixed, (0...64).contains(count)
            {
                fact.integers = Array(repeating: number, count: count)
            }
            return [fact]
        },
        compile: { context throws(EngineError) in
            context.leaveUnread(input: 1)
            return ExpandKernel().kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "Tile",
        since: 6,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            guard let repeats = try context.integers(ofInput: 1), repeats.count == input.rank
            else { throw context.failure("input 1 has to hold one number for each axis") }
            var shape: [Dimension] = []
            for (length, times) in zip(input.shape, repeats) {
                shape.append(try context.product([length, times]))
            }
            return [Fact(input.type, shape)]
        },
        compile: { context throws(EngineError) in
            context.leaveUnread(input: 1)
            return TileKernel().kernel(for: try context.input(0).type)
        }
    ),
].widened(.packed)

extension NodeContext {
    /// The order of axes: given, or reversed.
    fileprivate func permutation() throws(EngineError) -> [Int] {
        let rank = try input(0).rank
        guard let order = try integers("perm") else { return (0..<rank).reversed() }
        guard order.sorted() == Array(0..<rank) else {
            throw failure("perm \(order) is no order of \(rank) axes")
        }
        return order
    }
}
