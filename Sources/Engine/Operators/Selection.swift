// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The place of the largest or smallest element of each line.
private struct ArgKernel: ArithmeticKernel {
    let axis: Int
    let isLargest: Bool
    let takesLast: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (axis, isLargest, takesLast) = (axis, isLargest, takesLast)
        return { frame in
            let input: View<T> = frame.input(0)
            let output: MutableView<Int64> = frame.output(0)
            let lanes = Lanes3(frame.inputShape(0), axis: axis)
            guard lanes.length > 0 else { return frame.fault(.undefinedValue) }
            for block in 0..<lanes.outer {
                for lane in 0..<lanes.inner {
                    let start = block &* lanes.length &* lanes.inner &+ lane
                    var (best, place) = (input[start], 0)
                    for index in 1..<lanes.length {
                        let x = input[start &+ index &* lanes.inner]
                        if (isLargest ? x > best : x < best) || takesLast && x == best
                            || x.isNotANumber && !best.isNotANumber
                        {
                            (best, place) = (x, index)
                        }
                    }
                    output[block &* lanes.inner &+ lane] = Int64(place)
                }
            }
        }
    }
}

private func argument(_ name: String, isLargest: Bool) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: input.rank)
            var shape = input.shape
            shape[axis] = 1
            if try context.integer("keepdims", default: 1) == 0 { shape.remove(at: axis) }
            return [Fact(.int64, shape)]
        },
        compile: { context throws(EngineError) in
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: input.rank)
            return ArgKernel(
                axis: axis,
                isLargest: isLargest,
                takesLast: try context.integer("select_last_index", default: 0) != 0
            ).kernel(for: input.type)
        }
    )
}

/// The `k` first elements of each line in sorted order, and their places; equal ones keep theirs.
///
/// A heap of places in scratch memory: made in linear time, then the best is taken off k times.
private struct TopKKernel: ArithmeticKernel {
    let axis: Int
    let isLargest: Bool
    let namesPlaces: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (axis, isLargest, namesPlaces) = (axis, isLargest, namesPlaces)
        return { frame in
            let (input, values): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let places: MutableView<Int64>? = namesPlaces ? frame.output(1) : nil
            let heap: MutableView<Int> = frame.scratch()
            let lanes = Lanes3(frame.inputShape(0), axis: axis)
            let k = frame.outputShape(0)[axis]
            guard k <= lanes.length else { return frame.fault(.indexOutOfRange) }
            for block in 0..<lanes.outer {
                for lane in 0..<lanes.inner {
                    let start = block &* lanes.length &* lanes.inner &+ lane
                    func isBefore(_ a: Int, _ b: Int) -> Bool {
                        let left = input[start &+ a &* lanes.inner]
                        let right = input[start &+ b &* lanes.inner]
                        if left == right { return a < b }
                        return isLargest ? left > right : left < right
                    }
                    func sink(_ root: Int, _ count: Int) {
                        var root = root
                        while true {
                            var first = root
                            for side in 1...2 {
                                let child = 2 &* root &+ side
                                if child < count, isBefore(heap[child], heap[first]) {
                                    first = child
                                }
                            }
                            guard first != root else { return }
                            let place = heap[root]
                            heap[root] = heap[first]
                            heap[first] = place
                            root = first
                        }
                    }
                    for index in 0..<lanes.length { heap[index] = index }
                    for back in 0..<(lanes.length / 2) {
                        sink(lanes.length / 2 - 1 - back, lanes.length)
                    }
                    for index in 0..<k {
                        let out = (block &* k &+ index) &* lanes.inner &+ lane
                        values[out] = input[start &+ heap[0] &* lanes.inner]
                        places?[out] = Int64(heap[0])
                        let last = lanes.length - 1 - index
                        heap[0] = heap[last]
                        sink(0, last)
                    }
                }
            }
        }
    }
}

/// ArgMax, ArgMin, TopK.
let selectionOperators: [OperatorDefinition] = [
    argument("ArgMax", isLargest: true), argument("ArgMin", isLargest: false),
    OperatorDefinition(
        "TopK",
        since: 1,
        inputs: 1...2,
        outputs: 1...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let given = try context.fixedIntegers(ofInput: 1)?.first
            let attribute = context.has("k") ? try context.integer("k", default: 0) : nil
            guard let k = given ?? attribute, k >= 0 else {
                throw context.failure("k is missing or negative")
            }
            if let length = input.shape[axis].fixed, k > length {
                throw context.failure("k is \(k), the axis has \(length) elements")
            }
            var shape = input.shape
            shape[axis] = Dimension(k)
            return [Fact(input.type, shape), Fact(.int64, shape)]
        },
        compile: { context throws(EngineError) in
            if context.inputs.count > 1 { context.leaveUnread(input: 1) }
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            context.reserveScratch(
                bytes: try context.product([input.shape[axis], Dimension(8)])
            )
            return TopKKernel(
                axis: axis,
                isLargest: try context.integer("largest", default: 1) != 0,
                namesPlaces: context.outputCount > 1
            ).kernel(for: input.type)
        }
    ),
].widened(.bfloat16)
