// SPDX-License-Identifier: Apache-2.0

/// Copies the lines of each input behind each other.
private struct ConcatKernel: MovingKernel {
    let axis: Int
    let inputCount: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (axis, inputCount) = (axis, inputCount)
        return { frame in
            let output: MutableView<T> = frame.output(0)
            let whole = Lanes3(frame.outputShape(0), axis: axis)
            let width = whole.length &* whole.inner
            var start = 0
            for index in 0..<inputCount {
                let input: View<T> = frame.input(index)
                let part = Lanes3(frame.inputShape(index), axis: axis)
                let partWidth = part.length &* part.inner
                if partWidth == 1 {
                    for row in 0..<whole.outer { output[row &* width &+ start] = input[row] }
                } else {
                    for row in 0..<whole.outer {
                        let from = row &* partWidth
                        output.copy(
                            input.part(from..<(from &+ partWidth)),
                            at: row &* width &+ start
                        )
                    }
                }
                start &+= partWidth
            }
        }
    }
}

/// Copies a part of each line of the input to each output.
private struct SplitKernel: MovingKernel {
    let axis: Int
    let outputCount: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (axis, outputCount) = (axis, outputCount)
        return { frame in
            let input: View<T> = frame.input(0)
            let whole = Lanes3(frame.inputShape(0), axis: axis)
            let width = whole.length &* whole.inner
            var start = 0
            for index in 0..<outputCount {
                let output: MutableView<T> = frame.output(index)
                let partWidth = Lanes3(frame.outputShape(index), axis: axis).length &* whole.inner
                for row in 0..<whole.outer {
                    let from = row &* width &+ start
                    output.copy(input.part(from..<(from &+ partWidth)), at: row &* partWidth)
                }
                start &+= partWidth
            }
        }
    }
}

let concatSplitOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Concat",
        since: 1,
        inputs: 1...Int.max,
        infer: { context throws(EngineError) in
            var fact = try context.input(0)
            let axis = try context.concatAxis(rank: fact.rank)
            var lengths: [Dimension] = []
            var integers: [Dimension]? = []
            for index in context.inputs.indices {
                let part = try context.input(index)
                guard part.type == fact.type, part.rank == fact.rank,
                    part.shape.indices.allSatisfy({
                        $0 == axis || part.shape[$0] == fact.shape[$0]
                    })
                else {
                    throw context.failure(
                        "input \(index) is \(part.type) \(part.shape), input 0 is \(fact.type) \(fact.shape)"
                    )
                }
                lengths.append(part.shape[axis])
                integers = part.integers.flatMap { known in integers.map { $0 + known } }
            }
            fact.shape[axis] = try context.sum(lengths)
            fact = Fact(fact.type, fact.shape)
            if fact.rank == 1 { fact.integers = integers }
            return [fact]
        },
        compile: { context throws(EngineError) in
            let input = try context.input(0)
            let axis = try context.concatAxis(rank: input.rank)
            return ConcatKernel(axis: axis, inputCount: context.inputs.count)
                .kernel(for: input.type)
        }
    ),
    OperatorDefinition(
        "Split",
        since: 1,
        inputs: 1...2,
        outputs: 1...Int.max,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: input.rank)
            var facts: [Fact] = []
            var start = 0
            for length in try context.splitLengths(of: input.shape[axis]) {
                var shape = input.shape
                shape[axis] = length
                var fact = Fact(input.type, shape)
                if let count = length.fixed, count >= 0, let integers = input.integers,
                    input.rank == 1,
                    start + count <= integers.count
                {
                    fact.integers = Array(integers[start..<(start + count)])
                    start += count
                }
                facts.append(fact)
            }
            return facts
        },
        compile: { context throws(EngineError) in
            if context.inputs.count > 1 { context.leaveUnread(input: 1) }
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: input.rank)
            return SplitKernel(axis: axis, outputCount: context.outputCount)
                .kernel(for: input.type)
        }
    ),
].widened(.packed)

extension NodeContext {
    /// The axis along which parts stand; before opset 4 it could be left out.
    fileprivate func concatAxis(rank: Int) throws(EngineError) -> Int {
        try axis(integer("axis", default: opset < 4 ? 1 : 0), rank: rank)
    }

    /// The lengths of the parts: an attribute, an input, or equal parts with a shorter last one.
    fileprivate func splitLengths(of whole: Dimension) throws(EngineError) -> [Dimension] {
        if let lengths = try integersOperand("split", input: 1) {
            guard lengths.count == outputCount, try sum(lengths) == whole else {
                throw failure("parts \(lengths) for \(outputCount) outputs of \(whole)")
            }
            return lengths
        }
        guard let total = whole.fixed else {
            guard let part = whole.dividedExactly(by: Dimension(outputCount)) else {
                throw failure("\(whole) does not fall into \(outputCount) parts")
            }
            return Array(repeating: part, count: outputCount)
        }
        let part = total / outputCount + (total % outputCount == 0 ? 0 : 1)
        let last = total - part * (outputCount - 1)
        guard last >= 0 else { throw failure("\(total) does not fall into \(outputCount) parts") }
        return (0..<outputCount).map { Dimension($0 == outputCount - 1 ? last : part) }
    }
}
