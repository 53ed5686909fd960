// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// The 32-bit sums of a quantised convolution, as products of the weights and what the window reads.
///
/// Zero points are taken off before multiplying; padding stands for the image's zero point and so adds
/// nothing. Sums wrap around in 32 bits, which takes 32,768 products of the largest size.
///
/// The bytes that the window reads are laid out for `block` places at a time, so that scratch memory
/// does not grow with the image.
struct ByteConvolution: Sendable {
    /// Where the operands stand among a node's inputs; the image is input 0.
    struct Operands: Sendable {
        let weights: Int
        let zeroOfImage: Int
        let zeroOfWeights: Int
    }

    private let form: ConvolutionForm
    private let operands: Operands
    private let imageIsUnsigned: Bool
    private let weightsAreUnsigned: Bool
    /// Products of one sum.
    private let depth: Int
    private let block: Int

    private var channels: Int { form.groups &* form.outputs }

    /// Reserves the scratch memory of a run.
    init(_ context: inout NodeContext, _ operands: Operands) throws(EngineError) {
        form = try ConvolutionForm(context, weights: operands.weights)
        self.operands = operands
        imageIsUnsigned = try context.input(0).type == .uint8
        weightsAreUnsigned = try context.input(operands.weights).type == .uint8
        // The weights have as many elements for each output, so the product fits.
        depth = form.inputs &* form.window.tapCount
        let panel = Int(SERIN_INT8_PANEL)
        // Both layouts of a block are to stay in the second cache.
        block = max(4 * panel, min(1024, (1 << 18) / max(depth, 1)) / panel * panel)
        context.reserveScratch(
            bytes: try context.sum([
                try context.product([
                    Dimension(depth), Dimension(2 * block + Int(SERIN_INT8_BLOCK) + 1),
                ]),
                Dimension(serin_int8_packed_count(8, block)), Dimension(serin_int8_scratch(0)),
                Dimension(4 * (block + panel)),
                try context.product([Dimension(4 * form.outputs), Dimension(block)]),
                try context.product([4, Dimension(form.groups), Dimension(form.outputs)]), 1024,
            ])
        )
    }

    /// Calls `take` with the sums of places side by side, their channel, and where in the output the
    /// first of them stands.
    @inline(__always)
    func run(_ frame: Frame, _ take: (View<Int32>, _ channel: Int, _ start: Int) -> Void) {
        let images = frame.inputShape(0)[0]
        let size = form.window.outputCount
        guard images > 0, size > 0 else { return }
        let image: View<UInt8> = frame.input(0)
        let weights: View<UInt8> = frame.input(operands.weights)
        let plane = form.inputs &* form.window.inputCount
        precondition(
            image.count >= images &* form.groups &* plane
                && weights.count >= channels &* depth,
            "operands of other shapes"
        )
        let zero =
            frame.hasInput(operands.zeroOfImage)
            ? frame.input(operands.zeroOfImage, as: UInt8.self)[0] : 0
        let zeroAsPacked = widened(zero, imageIsUnsigned) &- (imageIsUnsigned ? 128 : 0)
        // Safety: pieces of scratch memory are as large as the kernels are told; `infer` has checked the
        // shapes that places and weights follow, and the sums above hold them against the operands.
        unsafe withPieces(frame) { pieces in
            unsafe pieces.zeroOfImage.pointee = zeroAsPacked
            for index in 0..<(images &* form.groups) {
                let group = index % form.groups
                let own = unsafe image.pointer + index &* plane
                for first in stride(from: 0, to: size, by: block) {
                    let count = min(block, size &- first)
                    unsafe fill(pieces, own, zero, first: first, count: count)
                    var product = unsafe serin_int8_product(
                        rows: form.outputs,
                        columns: count,
                        depth: depth,
                        a: weights.pointer + group &* form.outputs &* depth,
                        a_is_unsigned: weightsAreUnsigned ? 1 : 0,
                        a_zeros: pieces.zeros.map {
                            unsafe UnsafePointer(
                                $0 + (pieces.zeroCount > 1 ? group &* form.outputs : 0)
                            )
                        },
                        a_zero_step: pieces.zeroCount > 1 ? 1 : 0,
                        packed: pieces.packed,
                        sums: pieces.columnSums,
                        b_zeros: pieces.zeroOfImage,
                        b_zero_step: 0,
                        c: pieces.sums
                    )
                    unsafe serin_int8_multiply(pieces.layout, &product, pieces.work)
                    for output in 0..<form.outputs {
                        let sums = unsafe View(
                            UnsafePointer(pieces.sums + output &* count),
                            count: count
                        )
                        let channel = group &* form.outputs &+ output
                        take(
                            sums,
                            channel,
                            (index / form.groups &* channels &+ channel) &* size &+ first
                        )
                    }
                }
            }
        }
    }

    /// Scratch memory of a run.
    @unsafe
    private struct Pieces {
        let layout: serin_int8_layout
        let work: UnsafeMutableRawPointer
        let columns: UnsafeMutablePointer<UInt8>
        let packed: UnsafeMutablePointer<Int8>
        let columnSums: UnsafeMutablePointer<Int32>
        let sums: UnsafeMutablePointer<Int32>
        /// As packed.
        let zeroOfImage: UnsafeMutablePointer<Int32>
        /// The weights' zero points, one or one for each channel; none where they are left out.
        let zeros: UnsafeMutablePointer<Int32>?
        let zeroCount: Int
    }

    @unsafe
    private func withPieces(_ frame: Frame, _ body: (Pieces) -> Void) {
        var room = Room(frame.scratch())
        let panel = Int(SERIN_INT8_PANEL)
        var zeros: UnsafeMutablePointer<Int32>?
        var zeroCount = 0
        if frame.hasInput(operands.zeroOfWeights) {
            let view: View<UInt8> = frame.input(operands.zeroOfWeights)
            let place = unsafe room.take(view.count &* 4).assumingMemoryBound(to: Int32.self)
            for index in view.indices {
                unsafe place[index] = widened(view[index], weightsAreUnsigned)
            }
            unsafe zeros = place
            zeroCount = view.count
        }
        unsafe body(
            Pieces(
                layout: serin_int8_layout(serin_cpu_level()),
                work: room.take(serin_int8_scratch(depth)),
                columns: room.take(depth &* block).assumingMemoryBound(to: UInt8.self),
                packed: room.take(serin_int8_packed_count(depth, block))
                    .assumingMemoryBound(to: Int8.self),
                columnSums: room.take((block &+ panel) &* 4).assumingMemoryBound(to: Int32.self),
                sums: room.take(form.outputs &* block &* 4).assumingMemoryBound(to: Int32.self),
                zeroOfImage: room.take(4).assumingMemoryBound(to: Int32.self),
                zeros: zeros,
                zeroCount: zeroCount
            )
        )
    }

    /// Lays out and packs what the window reads at `count` places from `first` on.
    @unsafe
    private func fill(
        _ pieces: Pieces,
        _ image: UnsafePointer<UInt8>,
        _ zero: UInt8,
        first: Int,
        count: Int
    ) {
        let window = form.window
        let axes: InlineArray<3, serin_window_axis> = [
            .init(window.x), .init(window.y), .init(window.z),
        ]
        unsafe axes.span.withUnsafeBufferPointer {
            unsafe serin_int8_columns(
                $0.baseAddress,
                form.inputs,
                image,
                zero,
                first,
                count,
                pieces.columns
            )
        }
        unsafe serin_int8_pack(
            pieces.layout,
            pieces.columns,
            imageIsUnsigned ? 1 : 0,
            depth,
            count,
            count,
            1,
            pieces.packed,
            pieces.columnSums
        )
    }

    private func widened(_ byte: UInt8, _ isUnsigned: Bool) -> Int32 {
        isUnsigned ? Int32(byte) : Int32(Int8(bitPattern: byte))
    }
}

extension serin_window_axis {
    fileprivate init(_ axis: Window.Axis) {
        self.init(
            input: axis.input,
            output: axis.output,
            kernel: axis.kernel,
            stride: axis.stride,
            dilation: axis.dilation,
            before: axis.before
        )
    }
}
