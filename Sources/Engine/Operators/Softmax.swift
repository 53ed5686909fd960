// SPDX-License-Identifier: Apache-2.0
import CKernels
import Glibc
import Tensors

/// Shares of exponentials along a line; the largest is taken out first so that nothing overflows.
private struct SoftmaxKernel: RealKernel {
    enum Form { case plain, logarithm, hard }
    let form: Form
    let axis: Int
    /// Before opset 13 everything from the axis on is one line.
    let isFlattened: Bool

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (form, axis, isFlattened) = (form, axis, isFlattened)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes =
                isFlattened
                ? Lanes3(frame.inputShape(0), flattenedFrom: axis)
                : Lanes3(frame.inputShape(0), axis: axis)
            let (length, inner) = (lanes.length, lanes.inner)
            for block in 0..<lanes.outer {
                for lane in 0..<inner {
                    let start = block &* length &* inner &+ lane
                    var (largest, place) = (-T.infinity, 0)
                    for index in 0..<length where input[start &+ index &* inner] > largest {
                        largest = input[start &+ index &* inner]
                        place = index
                    }
                    if form == .hard {
                        for index in 0..<length {
                            output[start &+ index &* inner] = index == place ? 1 : 0
                        }
                        continue
                    }
                    var sum: T = 0
                    for index in 0..<length {
                        let shifted = input[start &+ index &* inner] - largest
                        let power = T.exp(shifted)
                        output[start &+ index &* inner] = form == .plain ? power : shifted
                        sum += power
                    }
                    let shift = form == .plain ? 1 / sum : T.log(sum)
                    for index in 0..<length {
                        let element = output[start &+ index &* inner]
                        output[start &+ index &* inner] =
                            form == .plain ? element * shift : element - shift
                    }
                }
            }
        }
    }
}

/// Lines whose elements lie side by side, in single precision.
private func lineKernel(axis: Int, isLogarithm: Bool) -> Kernel {
    { frame in
        let (input, output): (View<Float>, MutableView<Float>) = (frame.input(0), frame.output(0))
        let lanes = Lanes3(frame.inputShape(0), flattenedFrom: axis)
        let (count, length) = (lanes.outer, lanes.length)
        precondition(input.count == count &* length && output.count == input.count, "other lines")
        guard length > 0 else { return }
        unsafe serin_softmax_f32(
            count,
            length,
            input.pointer,
            length,
            output.pointer,
            length,
            isLogarithm ? 1 : 0
        )
    }
}

private func softmax(_ name: String, _ form: SoftmaxKernel.Form) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            let input = try context.input(0)
            let isOld = context.opset < 13
            let axis = try context.axis(
                context.integer("axis", default: isOld ? 1 : -1),
                rank: max(input.rank, 1)
            )
            // Decided here, not by the lengths of a run: a row's bits must not depend on its batch.
            if input.type == .float, form != .hard, isOld || axis == input.rank - 1 {
                return lineKernel(axis: axis, isLogarithm: form == .logarithm)
            }
            return SoftmaxKernel(form: form, axis: axis, isFlattened: isOld)
                .kernel(for: input.type)
        }
    )
}

/// Divides each line by its length in the sense of `p`.
private struct LpNormalizationKernel: RealKernel {
    let axis: Int
    let p: Int

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (axis, p) = (axis, p)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = Lanes3(frame.inputShape(0), axis: axis)
            for block in 0..<lanes.outer {
                for lane in 0..<lanes.inner {
                    let start = block &* lanes.length &* lanes.inner &+ lane
                    var sum = 0.0
                    for index in 0..<lanes.length {
                        let x = input[start &+ index &* lanes.inner].wide
                        sum += p == 1 ? x.magnitude : x * x
                    }
                    let norm = T(p == 1 ? sum : sum.squareRoot())
                    for index in 0..<lanes.length {
                        let place = start &+ index &* lanes.inner
                        output[place] = norm == 0 ? 0 : input[place] / norm
                    }
                }
            }
        }
    }
}

let softmaxOperators: [OperatorDefinition] = [
    softmax("Softmax", .plain), softmax("LogSoftmax", .logarithm), softmax("Hardmax", .hard),
    OperatorDefinition(
        "LpNormalization",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let p = try context.integer("p", default: 2)
            guard p == 1 || p == 2 else { throw context.failure("p is \(p), expected 1 or 2") }
            return LpNormalizationKernel(axis: axis, p: p).kernel(for: input.type)
        }
    ),
].widened(.halves)
