// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What an STFT node says about itself: `[batch, samples, 1 or 2]` into `[batch, frames, bins, 2]`.
private struct STFTForm: Sendable {
    let step: Int
    let length: Int
    /// Samples of a frame that are read: the window's length, or all.
    let windowLength: Int
    let frames: Int
    let bins: Int
    let parts: Int
    let output: [Dimension]

    init(_ context: NodeContext) throws(EngineError) {
        let shape = try context.input(0).shape
        // Some exporters leave out the axis of real parts.
        let last = shape.count == 2 ? 1 : shape.last?.fixed
        guard shape.count == 2 || shape.count == 3, let samples = shape[1].fixed,
            let parts = last, parts == 1 || parts == 2
        else {
            throw context.failure("a signal of \(shape), expected [batch, samples, 1 or 2]")
        }
        let window = context.optionalInput(2)
        guard window?.rank ?? 1 == 1,
            window?.type ?? context.inputs[0]?.type
                == context.inputs[0]?.type
        else { throw context.failure("the window is \(window?.shape ?? []), expected one axis") }
        if let window, window.shape.fixed == nil {
            throw context.failure(
                "the window is \(window.shape), expected a length that does not depend on the rows"
            )
        }
        let step = try context.wholeNumber(ofInput: 1) ?? 0
        let length = try context.wholeNumber(ofInput: 3) ?? window?.shape[0].fixed ?? samples
        guard step > 0, length > 0 else {
            throw context.failure("frames of \(length) samples, every \(step)")
        }
        self.parts = parts
        (self.step, self.length) = (step, length)
        windowLength = min(window?.shape[0].fixed ?? length, length)
        frames = samples < length ? 0 : 1 + (samples - length) / step
        bins = try context.integer("onesided", default: 1) != 0 ? length / 2 + 1 : length
        output = [shape[0], Dimension(frames), Dimension(bins), 2]
    }
}

/// The transform of each frame times the window.
///
/// A real signal's frames go two at a time through one complex transform, as its real and its
/// imaginary part, and are told apart by the symmetry of their spectra.
private struct STFTKernel: RealKernel {
    typealias Number = FourierTransform.Number
    let form: STFTForm
    let transform: FourierTransform

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (form, transform) = (form, transform)
        let (length, parts) = (form.length, form.parts)
        let atOnce = parts == 1 ? 2 : 1
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let window: View<T>? = frame.hasInput(2) ? frame.input(2) : nil
            let shape = frame.inputShape(0)
            let samples = shape[1]
            var cursor = ScratchCursor<Number>(frame.scratch())
            let (source, target) = (cursor.take(length), cursor.take(length))
            let scratch = cursor.take(transform.scratchCount)
            for index in source.indices { source[index] = .zero }
            for signal in 0..<shape[0] {
                for first in stride(from: 0, to: form.frames, by: atOnce) {
                    let hasSecond = atOnce == 2 && first + 1 < form.frames
                    for index in 0..<form.windowLength {
                        let share = window?[index].wide ?? 1
                        let at = (signal &* samples &+ first &* form.step &+ index) &* parts
                        var number = Number(input[at].wide, 0)
                        if parts == 2 {
                            number.y = input[at &+ 1].wide
                        } else if hasSecond {
                            number.y = input[at &+ form.step].wide
                        }
                        source[index] = number * share
                    }
                    transform.transform(source.reading, to: target, scratch: scratch)
                    for bin in 0..<form.bins {
                        let here = target[bin]
                        let at = 2 &* ((signal &* form.frames &+ first) &* form.bins &+ bin)
                        guard parts == 1 else {
                            output[at] = T(here.x)
                            output[at &+ 1] = T(here.y)
                            continue
                        }
                        let there = target[bin == 0 ? 0 : length &- bin]
                        output[at] = T((here.x + there.x) / 2)
                        output[at &+ 1] = T((here.y - there.y) / 2)
                        guard hasSecond else { continue }
                        let next = at &+ 2 &* form.bins
                        output[next] = T((here.y + there.y) / 2)
                        output[next &+ 1] = T((there.x - here.x) / 2)
                    }
                }
            }
        }
    }
}

let stftOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "STFT",
        since: 17,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            return [Fact(try context.input(0).type, try STFTForm(context).output)]
        },
        compile: { context throws(EngineError) in
            let form = try STFTForm(context)
            let transform = try context.fourierTransform(form.length)
            context.keep(byteCount: 16 * form.length)
            context.reserveScratch(
                bytes: Dimension(16 * (2 * form.length + transform.scratchCount))
            )
            return STFTKernel(form: form, transform: transform)
                .kernel(for: try context.input(0).type)
        }
    )
].widened(.halves)
