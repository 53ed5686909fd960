// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Resizing as one pass for each axis that changes, block by block: a block is everything behind
/// the axes in front that stay.
struct ResizePlan: Sendable {
    struct Pass: Sendable {
        let table: ResizeTable
        let weights: [Float]
        /// The block before this pass, as lines of the axis.
        let outer: Int
        let inner: Int
        let input: Int
        let output: Int

        var inputCount: Int { outer * input * inner }
        var outputCount: Int { outer * output * inner }
    }
    private(set) var passes: [Pass] = []
    private(set) var inputCount = 1
    private(set) var outputCount = 1
    /// The largest block between two passes.
    private(set) var largestMiddle = 0

    init(_ context: NodeContext, _ form: ResizeForm) throws(EngineError) {
        guard let first = form.axes.firstIndex(where: { !$0.isUnchanged }) else { return }
        guard let inputs = form.axes[first...].map(\.input).fixed,
            let outputs = form.axes[first...].map(\.output).fixed
        else {
            throw context.failure("an axis that depends on the number of rows cannot be resized")
        }
        var lengths = inputs
        inputCount = try context.fixedProduct(inputs)
        outputCount = try context.fixedProduct(outputs)
        // Fewest elements first: shrinking axes early, growing ones late, from the last on.
        let growth = zip(inputs, outputs).map { Double($1) / Double($0) }
        let order = inputs.indices.filter { !form.axes[first + $0].isUnchanged }.sorted {
            (growth[$0], $1) < (growth[$1], $0)
        }
        guard inputCount > 0, outputCount > 0 else { return }
        for axis in order {
            guard
                ResizeTable.isReasonable(
                    form,
                    form.axes[first + axis],
                    input: inputs[axis],
                    output: outputs[axis]
                )
            else {
                throw context.failure(
                    "axis \(first + axis) from \(inputs[axis]) to \(outputs[axis]) is beyond reason"
                )
            }
            let table = ResizeTable(
                form,
                form.axes[first + axis],
                input: inputs[axis],
                output: outputs[axis]
            )
            passes.append(
                Pass(
                    table: table,
                    weights: table.weights.map { Float($0) },
                    outer: try context.fixedProduct(lengths[..<axis]),
                    inner: try context.fixedProduct(lengths[(axis + 1)...]),
                    input: inputs[axis],
                    output: outputs[axis]
                )
            )
            lengths[axis] = outputs[axis]
            if passes.count < order.count {
                largestMiddle = max(largestMiddle, try context.fixedProduct(lengths))
            }
        }
    }
}

extension NodeContext {
    /// The product of known lengths, within what an operand may hold.
    func fixedProduct(_ lengths: some Sequence<Int>) throws(EngineError) -> Int {
        let product = try product(lengths.map { Dimension($0) }).constant
        guard product < 1 << 40 else { throw failure("\(product) elements are beyond reason") }
        return product
    }
}

/// Lends each block with the memory for what lies between its passes.
@inline(__always)
private func forEachPass<T: BitwiseCopyable>(
    _ plan: ResizePlan,
    from input: View<T>,
    to output: MutableView<T>,
    through scratch: MutableView<T>,
    _ body: (ResizePlan.Pass, View<T>, MutableView<T>) -> Void
) {
    let size = plan.largestMiddle
    var source = input
    for (index, pass) in plan.passes.enumerated() {
        let isLast = index == plan.passes.count - 1
        let start = index % 2 &* size
        let target =
            isLast ? output : scratch.part(start..<(start &+ pass.outputCount))
        body(pass, source, target)
        source = target.reading
    }
}

/// Every type, nearest: elements are picked.
struct NearestResizeKernel: MovingKernel {
    let plan: ResizePlan
    /// What stands for an output outside the region, as bytes of the element type.
    let extrapolation: Tensor

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (plan, extrapolation) = (plan, extrapolation)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            guard output.count > 0 else { return }
            guard !plan.passes.isEmpty else { return output.copy(input, at: 0) }
            let outside = unsafe extrapolation.address.assumingMemoryBound(to: T.self).pointee
            for block in 0..<(output.count / plan.outputCount) {
                forEachPass(
                    plan,
                    from: input.part(blockRange(block, plan.inputCount)),
                    to: output.part(blockRange(block, plan.outputCount)),
                    through: frame.scratch()
                ) { pass, source, target in
                    pick(pass, source, target, outside: outside)
                }
            }
        }
    }

    @inline(__always)
    private func pick<T: BitwiseCopyable>(
        _ pass: ResizePlan.Pass,
        _ source: View<T>,
        _ target: MutableView<T>,
        outside: T
    ) {
        let (inner, indices) = (pass.inner, pass.table.indices)
        if inner == 1, MemoryLayout<T>.size == 4 {
            unsafe indices.withUnsafeBufferPointer { indices in
                guard let base = indices.baseAddress else { return }
                unsafe serin_pick_lines_u32(
                    pass.outer,
                    pass.input,
                    pass.output,
                    base,
                    UnsafeRawPointer(source.pointer).assumingMemoryBound(to: UInt32.self),
                    UnsafeMutableRawPointer(target.pointer).assumingMemoryBound(to: UInt32.self)
                )
            }
        } else {
            for outer in 0..<pass.outer {
                for place in indices.indices {
                    let from = (outer &* pass.input &+ Int(indices[place])) &* inner
                    let to = (outer &* pass.output &+ place) &* inner
                    if inner == 1 {
                        target[to] = source[from]
                    } else {
                        target.copy(source.part(from..<(from &+ inner)), at: to)
                    }
                }
            }
        }
        fillOutside(pass, target, with: outside)
    }
}

/// Float: weighted sums by the kernels in C.
func floatResizeKernel(_ plan: ResizePlan, extrapolation: Float) -> Kernel {
    { frame in
        let (input, output): (View<Float>, MutableView<Float>) = (
            frame.input(0), frame.output(0)
        )
        guard output.count > 0 else { return }
        guard !plan.passes.isEmpty else { return output.copy(input, at: 0) }
        for block in 0..<(output.count / plan.outputCount) {
            forEachPass(
                plan,
                from: input.part(blockRange(block, plan.inputCount)),
                to: output.part(blockRange(block, plan.outputCount)),
                through: frame.scratch()
            ) { pass, source, target in
                resample(pass, source, target)
                fillOutside(pass, target, with: extrapolation)
            }
        }
    }
}

@inline(__always)
private func resample(
    _ pass: ResizePlan.Pass,
    _ source: View<Float>,
    _ target: MutableView<Float>
) {
    precondition(
        source.count == pass.inputCount && target.count == pass.outputCount,
        "a block of another size"
    )
    unsafe pass.table.indices.withUnsafeBufferPointer { indices in
        unsafe pass.weights.withUnsafeBufferPointer { weights in
            guard let index = indices.baseAddress, let weight = weights.baseAddress else { return }
            if pass.inner == 1 {
                return unsafe serin_resample_lines_f32(
                    pass.outer,
                    pass.input,
                    pass.output,
                    pass.table.taps,
                    index,
                    weight,
                    source.pointer,
                    target.pointer
                )
            }
            for outer in 0..<pass.outer {
                unsafe serin_resample_blocks_f32(
                    pass.inner,
                    pass.output,
                    pass.table.taps,
                    index,
                    weight,
                    source.pointer + outer &* pass.input &* pass.inner,
                    target.pointer + outer &* pass.output &* pass.inner
                )
            }
        }
    }
}

/// Every other type that computes: in double precision, whole numbers rounded at the end.
struct PlainResizeKernel: ArithmeticKernel {
    let plan: ResizePlan
    let extrapolation: Float

    /// Two blocks between passes, and the block before and after them.
    static func scratchCount(_ plan: ResizePlan) -> Int {
        2 * plan.largestMiddle + plan.inputCount + plan.outputCount
    }

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (plan, extrapolation) = (plan, Double(extrapolation))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            guard output.count > 0 else { return }
            guard !plan.passes.isEmpty else { return output.copy(input, at: 0) }
            var cursor = ScratchCursor<Double>(frame.scratch())
            let middle = cursor.take(2 &* plan.largestMiddle)
            let (before, after) = (cursor.take(plan.inputCount), cursor.take(plan.outputCount))
            for block in 0..<(output.count / plan.outputCount) {
                let source = input.part(blockRange(block, plan.inputCount))
                for index in source.indices { before[index] = source[index].wide }
                forEachPass(plan, from: before.reading, to: after, through: middle) {
                    pass,
                    source,
                    target in
                    resample(pass, source, target)
                    fillOutside(pass, target, with: extrapolation)
                }
                let start = block &* plan.outputCount
                for index in after.indices {
                    let value = after[index]
                    output[start &+ index] = T(
                        wide: T.isFloating ? value : value.rounded(.toNearestOrEven)
                    )
                }
            }
        }
    }

    private func resample(
        _ pass: ResizePlan.Pass,
        _ source: View<Double>,
        _ target: MutableView<Double>
    ) {
        let (table, inner) = (pass.table, pass.inner)
        for outer in 0..<pass.outer {
            for place in 0..<pass.output {
                for lane in 0..<inner {
                    var sum = 0.0
                    for tap in (place &* table.taps)..<((place &+ 1) &* table.taps) {
                        let from = outer &* pass.input &+ Int(table.indices[tap])
                        sum += table.weights[tap] * source[from &* inner &+ lane]
                    }
                    target[(outer &* pass.output &+ place) &* inner &+ lane] = sum
                }
            }
        }
    }
}

@inline(__always)
private func blockRange(_ block: Int, _ count: Int) -> Range<Int> {
    (block &* count)..<((block &+ 1) &* count)
}

@inline(__always)
private func fillOutside<T: BitwiseCopyable>(
    _ pass: ResizePlan.Pass,
    _ target: MutableView<T>,
    with value: T
) {
    for place in pass.table.outside {
        for outer in 0..<pass.outer {
            let start = (outer &* pass.output &+ place) &* pass.inner
            target.fill(start..<(start &+ pass.inner), with: value)
        }
    }
}
