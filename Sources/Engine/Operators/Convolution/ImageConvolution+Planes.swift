// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension ImageConvolution {
    /// Packs constant weights; nil when they are not known yet.
    func packed(_ context: inout NodeContext, input index: Int = 1) throws(EngineError) -> Tensor? {
        guard let weights = context.inputs[index]?.constant else { return nil }
        let byteCount = try packedByteCount(context)
        guard let shape = Shape([byteCount / 4]),
            let packed = Tensor(openType: .float, shape: shape)
        else { throw context.failure("packed weights beyond memory") }
        let target = unsafe MutableView(
            packed.address.assumingMemoryBound(to: Float.self),
            count: packed.elementCount
        )
        weights.withStoredBytes { stored in
            unsafe stored.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe pack(stored: start, count: source.count / 4, into: target)
            }
        }
        packed.seal()
        context.leaveUnread(input: index)
        context.keep(byteCount: byteCount)
        return packed
    }

    func packedByteCount(_ context: NodeContext) throws(EngineError) -> Int {
        guard let count = packedCount(), count <= 1 << 40 else {
            throw context.failure("the weights' size overflows")
        }
        return count * 4
    }

    /// The bytes that `run` needs as scratch, a multiple of 64.
    func scratchByteCount(_ context: NodeContext) throws(EngineError) -> Int {
        let widest = phases.map { max($0.call.pixel, $0.call.run * $0.call.groups) }.max() ?? 0
        let taps = phases.map(\.tapCount).max() ?? 0
        guard taps <= 1 << 30, widest <= 1 << 40 else {
            throw context.failure("a kernel of \(taps) taps is beyond reason")
        }
        return (serin_conv_scratch(taps, widest) + 63) / 64 * 64
    }

    /// Makes `images` images; `scratch` has the room that `scratchByteCount` says.
    @inline(__always)
    func run(
        images: Int,
        _ input: View<Float>,
        packed: View<Float>,
        bias: View<Float>?,
        residual: View<Float>? = nil,
        _ output: MutableView<Float>,
        scratch: MutableView<UInt8>
    ) {
        var start = 0
        for phase in phases {
            var call = phase.call
            call.images = images
            let count = serin_conv_packed_count(phase.tapCount, inputs, outputs) &* groups
            let weights = packed.part(start..<(start &+ count))
            start &+= count
            unsafe serin_conv_f32(
                &call,
                input.pointer,
                weights.pointer,
                bias?.pointer,
                residual?.pointer,
                output.pointer,
                scratch.pointer
            )
        }
    }

    /// The kernel over inputs image, weights and bias as ONNX lays them out (NCHW).
    ///
    /// An image at a time is turned so that its channels lie side by side, and its result back.
    func kernelOfPlanes(_ context: inout NodeContext) throws(EngineError) -> Kernel {
        let packed = try packed(&context)
        let scratchBytes = try scratchByteCount(context)
        let (inputPixels, outputPixels) = (pixelsOfInput, pixelsOfOutput)
        let (inputWidth, outputWidth) = (groups * inputs, groups * outputs)
        let inputCount = try count(inputPixels, inputWidth, context)
        let outputCount = try count(outputPixels, outputWidth, context)
        let packCount = packed == nil ? try packedByteCount(context) / 4 : 0
        context.reserveScratch(
            bytes: try context.sum([
                Dimension(scratchBytes), try context.product([Dimension(inputCount), 4]),
                try context.product([Dimension(outputCount), 4]),
                try context.product([Dimension(packCount), 4]),
            ])
        )
        let isFlat = inputPixels == 1 && outputPixels == 1
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            let bias: View<Float>? = frame.hasInput(2) ? frame.input(2) : nil
            let bytes: MutableView<UInt8> = frame.scratch()
            let floats: MutableView<Float> = frame.scratch()
            var next = scratchBytes / 4
            let images = frame.inputShape(0)[0]
            guard input.count == images &* inputCount, output.count == images &* outputCount,
                output.count > 0
            else { return }
            func take(_ count: Int) -> MutableView<Float> {
                defer { next &+= count }
                return floats.part(next..<(next &+ count))
            }
            let weights: View<Float>
            if let packed {
                weights = unsafe View(
                    packed.address.assumingMemoryBound(to: Float.self),
                    count: packed.elementCount
                )
            } else {
                let room = take(packCount)
                pack(frame.input(1), into: room)
                weights = room.reading
            }
            if isFlat {
                run(
                    images: images,
                    input,
                    packed: weights,
                    bias: bias,
                    output,
                    scratch: bytes
                )
                return
            }
            let (image, result) = (take(inputCount), take(outputCount))
            for index in 0..<images {
                let plane = input.part((index &* inputCount)..<((index &+ 1) &* inputCount))
                transpose(plane, rows: inputWidth, columns: inputPixels, to: image)
                run(
                    images: 1,
                    image.reading,
                    packed: weights,
                    bias: bias,
                    result,
                    scratch: bytes
                )
                let target = output.part((index &* outputCount)..<((index &+ 1) &* outputCount))
                transpose(result.reading, rows: outputPixels, columns: outputWidth, to: target)
            }
        }
    }

    private func count(
        _ pixels: Int,
        _ width: Int,
        _ context: NodeContext
    ) throws(EngineError) -> Int {
        let (count, overflow) = pixels.multipliedReportingOverflow(by: width)
        guard !overflow else { throw context.failure("the size of an image overflows") }
        return count
    }
}

/// Turns one matrix of `rows` × `columns` round.
@inline(__always)
func transpose(
    _ matrix: View<Float>,
    count: Int = 1,
    rows: Int,
    columns: Int,
    to target: MutableView<Float>
) {
    precondition(
        matrix.count == count &* rows &* columns && target.count == matrix.count,
        "matrices of another size"
    )
    unsafe serin_transpose_f32(matrix.pointer, count, rows, columns, target.pointer)
}
