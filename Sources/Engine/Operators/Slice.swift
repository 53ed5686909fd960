// SPDX-License-Identifier: Apache-2.0

/// One axis of a slice: where it starts, how far a step goes, and how many elements come out.
private struct AxisCut: Sendable {
    var start = Dimension(0)
    var step = 1
    var length: Dimension
}

private struct SliceKernel: MovingKernel {
    let cuts: [AxisCut]

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let starts = cuts.map(\.start)
        let steps = cuts.map(\.step)
        return { frame in
            let (shape, result) = (frame.inputShape(0), frame.outputShape(0))
            var walk = Walk()
            var (stride, offset) = (1, 0)
            for back in 0..<shape.count {
                let axis = shape.count - 1 - back
                let start = starts[axis].constant &+ starts[axis].perRow &* frame.rows
                offset &+= start &* stride
                walk.add(length: result[axis], a: steps[axis] &* stride)
                stride &*= shape[axis]
            }
            // The last of no rows.
            guard offset >= 0 || walk.isEmpty else { return frame.fault(.indexOutOfRange) }
            copy(frame.input(0, as: T.self), to: frame.output(0), along: walk, from: offset)
        }
    }
}

extension NodeContext {
    /// What each axis keeps, from attributes (before opset 10) or inputs.
    fileprivate func cuts() throws(EngineError) -> [AxisCut] {
        let shape = try input(0).shape
        let starts = try integersOperand("starts", input: 1) ?? []
        let ends = try integersOperand("ends", input: 2) ?? []
        let axes = try axesOperand(input: 3) ?? Array(starts.indices)
        let steps = try fixedIntegers(ofInput: 4) ?? Array(repeating: 1, count: starts.count)
        guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count
        else { throw failure("starts, ends, axes and steps differ in number") }
        var cuts = shape.map { AxisCut(length: $0) }
        for (index, named) in axes.enumerated() {
            let axis = try self.axis(named, rank: shape.count)
            cuts[axis] = try cut(shape[axis], starts[index], ends[index], steps[index])
        }
        return cuts
    }

    /// The rules of NumPy: ends count from the back when negative and are cut off at the length.
    private func cut(
        _ length: Dimension,
        _ start: Dimension,
        _ end: Dimension,
        _ step: Int
    ) throws(EngineError) -> AxisCut {
        guard step != 0 else { throw failure("a step of 0") }
        if let length = length.fixed, let start = start.fixed, let end = end.fixed {
            func clamped(_ value: Int, _ low: Int, _ high: Int) -> Int {
                let index = value < 0 ? (value <= -length ? -1 : value + length) : value
                let floor = value < 0 && value < -length ? low : index
                return min(max(floor, low), high)
            }
            if step > 0 {
                let (first, last) = (clamped(start, 0, length), clamped(end, 0, length))
                let count = max(last - first, 0)
                return AxisCut(
                    start: Dimension(first),
                    step: step,
                    length: Dimension(count / step + (count % step == 0 ? 0 : 1))
                )
            }
            let first = clamped(start, 0, length - 1)
            let last = clamped(end, -1, length - 1)
            let (count, stride) = (max(first - last, 0), step == .min ? Int.max : -step)
            return AxisCut(
                start: Dimension(first),
                step: step,
                length: Dimension(count / stride + (count % stride == 0 ? 0 : 1))
            )
        }
        return try openCut(length, start, end, step)
    }

    /// A slice of an axis that depends on the rows: all of it, or what is surely inside.
    private func openCut(
        _ length: Dimension,
        _ start: Dimension,
        _ end: Dimension,
        _ step: Int
    ) throws(EngineError) -> AxisCut {
        if start == 0, end == length || (end.fixed ?? 0) >= Int(Int32.max), step == 1 {
            return AxisCut(length: length)
        }
        if step == -1, start == -1, let end = end.fixed, end < -Int(Int32.max) + 1,
            let last = length.subtracting(1)
        {
            return AxisCut(start: last, step: -1, length: length)
        }
        // A run has one row at least, so the first of N is always there, and so is the last.
        if length == .rows, step == 1, start == 0, end == 1 {
            return AxisCut(length: 1)
        }
        if length == .rows, step == 1, start == -1, (end.fixed ?? 0) >= Int(Int32.max),
            let last = length.subtracting(1)
        {
            return AxisCut(start: last, length: 1)
        }
        throw failure(
            "\(start) to \(end) of an axis of length \(length) cannot be planned",
            kind: .unsupported
        )
    }
}

let sliceOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Slice",
        since: 1,
        inputs: 1...5,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            let cuts = try context.cuts()
            var fact = Fact(input.type, cuts.map(\.length))
            if input.rank == 1, let integers = input.integers, let start = cuts[0].start.fixed,
                let count = cuts[0].length.fixed
            {
                fact.integers = (0..<count).map { integers[start + $0 * cuts[0].step] }
            }
            return [fact]
        },
        compile: { context throws(EngineError) in
            let cuts = try context.cuts()
            for index in context.inputs.indices.dropFirst() { context.leaveUnread(input: index) }
            return SliceKernel(cuts: cuts).kernel(for: try context.input(0).type)
        }
    )
].widened(.packed)
