// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a DFT node says about itself: `[…, length, …, 1 or 2]` along one axis, real or complex.
private struct DFTForm: Sendable {
    let axis: Int
    let length: Int
    let isInverse: Bool
    let isOneSided: Bool
    /// 1 for real input, 2 for complex.
    let parts: Int
    let output: [Dimension]

    init(_ context: NodeContext) throws(EngineError) {
        let shape = try context.input(0).shape
        isInverse = try context.integer("inverse", default: 0) != 0
        isOneSided = try context.integer("onesided", default: 0) != 0
        let named =
            context.opset < 20
            ? try context.integer("axis", default: 1)
            : try context.wholeNumber(ofInput: 2) ?? -2
        axis = try context.axis(named, rank: shape.count)
        guard shape.count >= 2, axis < shape.count - 1, let last = shape.last?.fixed,
            last == 1 || last == 2, let given = shape[axis].fixed
        else {
            throw context.failure(
                "\(shape) along axis \(axis), expected a fixed length there and 1 or 2 numbers at the end"
            )
        }
        parts = last
        let isReal = isInverse && isOneSided
        length = try context.wholeNumber(ofInput: 1) ?? (isReal ? 2 * (given - 1) : given)
        guard length > 0 else { throw context.failure("a transform of length \(length)") }
        var output = shape
        output[axis] = Dimension(isOneSided && !isInverse ? length / 2 + 1 : length)
        output[output.count - 1] = isReal ? 1 : 2
        self.output = output
    }
}

private struct DFTKernel: RealKernel {
    typealias Number = FourierTransform.Number
    let form: DFTForm
    let transform: FourierTransform

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (form, transform) = (form, transform)
        let (length, parts) = (transform.length, form.parts)
        // The inverse of a one-sided spectrum is real: only half of it is given.
        let isReal = form.isInverse && form.isOneSided
        let given = isReal ? length / 2 + 1 : length
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = Lanes3(frame.inputShape(0), axis: form.axis)
            let inner = lanes.inner / parts
            let kept = frame.outputShape(0)[form.axis]
            var cursor = ScratchCursor<Number>(frame.scratch())
            let (source, target) = (cursor.take(length), cursor.take(length))
            let scratch = cursor.take(transform.scratchCount)
            let scale = form.isInverse ? 1 / Double(length) : 1
            for lane in 0..<(lanes.outer &* inner) {
                let (block, place) = (lane / inner, lane % inner)
                for index in 0..<given {
                    var number = Number.zero
                    if index < lanes.length {
                        let at = ((block &* lanes.length &+ index) &* inner &+ place) &* parts
                        number.x = input[at].wide
                        if parts == 2 { number.y = input[at &+ 1].wide }
                    }
                    source[index] = number
                }
                if isReal { mirror(source, length) }
                transform.transform(
                    source.reading,
                    to: target,
                    scratch: scratch,
                    isInverse: form.isInverse
                )
                for index in 0..<kept {
                    let at = (block &* kept &+ index) &* inner &+ place
                    let number = target[index] * scale
                    if isReal {
                        output[at] = T(number.x)
                    } else {
                        output[2 &* at] = T(number.x)
                        output[2 &* at &+ 1] = T(number.y)
                    }
                }
            }
        }
    }

    /// Fills in the half of a spectrum that a real signal makes of the other.
    @inline(__always)
    private func mirror(_ numbers: MutableView<Number>, _ length: Int) {
        numbers[0].y = 0
        if length % 2 == 0 { numbers[length / 2].y = 0 }
        for index in (length / 2 + 1)..<max(length, length / 2 + 1) {
            let other = numbers[length &- index]
            numbers[index] = Number(other.x, -other.y)
        }
    }
}

let dftOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "DFT",
        since: 17,
        inputs: 1...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            return [Fact(try context.input(0).type, try DFTForm(context).output)]
        },
        compile: { context throws(EngineError) in
            let form = try DFTForm(context)
            let transform = try context.fourierTransform(form.length)
            context.keep(byteCount: 16 * form.length)
            context.reserveScratch(
                bytes: Dimension(16 * (2 * form.length + transform.scratchCount))
            )
            return DFTKernel(form: form, transform: transform)
                .kernel(for: try context.input(0).type)
        }
    )
].widened(.halves)
