// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A single-precision convolution over images whose channels lie side by side, as `serin_conv_f32` does it.
///
/// A transposed convolution is several of these, one for each remainder of the output by the stride.
struct ImageConvolution: Sendable {
    /// One call of the kernel, and the taps of the weights that it uses.
    struct Phase: Sendable {
        var call: serin_conv
        /// For each axis the first tap, the distance to the next, and how many.
        let taps: [(first: Int, step: Int, count: Int)]
        /// Where its packed weights start.
        var weights = 0

        var tapCount: Int { taps.reduce(1) { $0 * $1.count } }
    }

    /// The pixels of one image that goes in, and of one that comes out.
    var pixelsOfInput: Int { isTransposed ? window.outputCount : window.inputCount }
    var pixelsOfOutput: Int { isTransposed ? window.inputCount : window.outputCount }

    let window: Window
    var phases: [Phase]
    let groups: Int
    /// Channels of one group.
    let inputs: Int
    let outputs: Int
    /// Weights are `[inputs, outputs of a group, ...]` rather than `[outputs, inputs of a group, ...]`.
    private let isTransposed: Bool

    /// A plain convolution.
    init(_ form: ConvolutionForm) {
        window = form.window
        (groups, inputs, outputs, isTransposed) = (form.groups, form.inputs, form.outputs, false)
        let axes = [window.x, window.y, window.z].map { Self.axis($0) }
        phases = [
            Phase(
                call: Self.call(axes, groups: groups, inputs: inputs, outputs: outputs),
                taps: axes.map { (0, 1, $0.taps) }
            )
        ]
    }

    /// An axis of a plain window.
    static func axis(_ axis: Window.Axis) -> serin_axis {
        serin_axis(
            length_in: axis.input,
            length_out: axis.output,
            outputs: axis.output,
            start: 0,
            step: 1,
            taps: axis.kernel,
            first: -axis.before,
            tap_step: axis.dilation,
            stride: axis.stride
        )
    }

    /// Lets every call end in `activation`.
    mutating func activate(_ activation: ImageActivation) {
        for index in phases.indices {
            phases[index].call.activation = activation.kind
            (phases[index].call.a, phases[index].call.b) = (activation.a, activation.b)
        }
    }

    /// The elements of one image that goes in, and of one that comes out; their facts proved that
    /// these fit.
    var inputCount: Int { pixelsOfInput * groups * inputs }
    var outputCount: Int { pixelsOfOutput * groups * outputs }

    /// A transposed convolution: `window` is that of the convolution it turns round, whose input is our output.
    init(transposed window: Window, groups: Int, inputs: Int, outputs: Int) {
        self.window = window
        (self.groups, self.inputs, self.outputs, isTransposed) = (groups, inputs, outputs, true)
        phases = []
        let choices = [window.x, window.y, window.z].map { axis in
            (0..<axis.stride).compactMap { Self.phase(of: axis, remainder: $0) }
        }
        for x in choices[0] {
            for y in choices[1] {
                for z in choices[2] {
                    phases.append(
                        Phase(
                            call: Self.call(
                                [x.axis, y.axis, z.axis],
                                groups: groups,
                                inputs: inputs,
                                outputs: outputs
                            ),
                            taps: [x.taps, y.taps, z.taps]
                        )
                    )
                }
            }
        }
    }

    private static func call(
        _ axes: [serin_axis],
        groups: Int,
        inputs: Int,
        outputs: Int
    ) -> serin_conv {
        serin_conv(
            images: 0,
            axis: (axes[0], axes[1], axes[2]),
            pixel: groups * inputs,
            run: inputs,
            groups: groups,
            columns: outputs,
            activation: SERIN_ACT_NONE,
            a: 0,
            b: 0
        )
    }

    /// The outputs `remainder`, `remainder + stride`, … of a transposed axis; nil where there are none.
    ///
    /// Output `o` gets input `i` through tap `k` where `o + before = i * stride + k * dilation`: the
    /// taps of a phase repeat with the period of `k * dilation` modulo the stride.
    private static func phase(
        of axis: Window.Axis,
        remainder: Int
    ) -> (axis: serin_axis, taps: (first: Int, step: Int, count: Int))? {
        // `axis.input` is the longer side: what the transposed convolution makes.
        guard remainder < axis.input else { return nil }
        let taps = (0..<axis.kernel).filter {
            (remainder + axis.before - $0 * axis.dilation) % axis.stride == 0
        }
        let first = taps.first ?? 0
        let step = taps.count > 1 ? taps[1] - taps[0] : 1
        return (
            serin_axis(
                length_in: axis.output,
                length_out: axis.input,
                outputs: (axis.input - remainder + axis.stride - 1) / axis.stride,
                start: remainder,
                step: axis.stride,
                taps: taps.count,
                first: (remainder + axis.before - first * axis.dilation) / axis.stride,
                tap_step: -(step * axis.dilation) / axis.stride,
                stride: 1
            ),
            (first, step, taps.count)
        )
    }

    /// The same convolution over lines with a border of zeros, in which the taps of the last axis
    /// lie side by side and so are one run; nil where they do not.
    ///
    /// With few channels the runs of one tap are short, which costs more than the border.
    var bordered: (convolution: ImageConvolution, border: Border)? {
        let axis = window.z
        guard !isTransposed, groups == 1, axis.dilation == 1, axis.before >= 0, phases.count == 1
        else { return nil }
        let needed = (axis.output - 1) * axis.stride + axis.kernel
        let padded = max(needed, axis.before + axis.input)
        var copy = self
        copy.phases[0].call.run = axis.kernel * inputs
        copy.phases[0].call.axis.2 = serin_axis(
            length_in: padded,
            length_out: axis.output,
            outputs: axis.output,
            start: 0,
            step: 1,
            taps: 1,
            first: 0,
            tap_step: 1,
            stride: axis.stride
        )
        let lines = window.x.input * window.y.input
        return (copy, Border(lines: lines, width: axis.input, left: axis.before, padded: padded))
    }

    /// Lines of `width` pixels, `left` of which come before them in lines of `padded` pixels.
    struct Border: Sendable {
        let lines: Int
        let width: Int
        let left: Int
        let padded: Int

        /// Puts an image as ONNX lays it out into `lines`, whose channels lie side by side.
        @inline(__always)
        func add(to image: View<Float>, channels: Int, _ target: MutableView<Float>) {
            precondition(
                image.count == lines &* width &* channels
                    && target.count == lines &* padded &* channels,
                "an image of another size"
            )
            unsafe serin_border_planes_f32(
                image.pointer,
                lines &* width,
                channels,
                lines,
                width,
                left,
                padded,
                target.pointer
            )
        }
    }

    // MARK: Weights

    /// The floats that the packed weights take; nil on overflow.
    func packedCount() -> Int? {
        var total = 0
        for phase in phases {
            let (wide, overflow) = (outputs + 15).multipliedReportingOverflow(by: groups)
            let (deep, overflow2) = wide.multipliedReportingOverflow(by: phase.tapCount)
            let (all, overflow3) = deep.multipliedReportingOverflow(by: inputs)
            let (sum, overflow4) = total.addingReportingOverflow(all)
            guard !overflow, !overflow2, !overflow3, !overflow4 else { return nil }
            total = sum
        }
        return total
    }

    /// Packs `weights` (as ONNX lays them out) into `packed`, one phase after the other.
    func pack(_ weights: View<Float>, into packed: MutableView<Float>) {
        unsafe pack(stored: weights.pointer, count: weights.count, into: packed)
    }

    /// The same from `count` floats that may lie at any alignment.
    @unsafe
    func pack(stored weights: UnsafeRawPointer, count: Int, into packed: MutableView<Float>) {
        let kernel = [window.x.kernel, window.y.kernel, window.z.kernel]
        let strides = [kernel[1] * kernel[2], kernel[2], 1]
        let tapCount = window.tapCount
        precondition(
            count == groups * inputs * outputs * tapCount,
            "weights of another size"
        )
        var start = 0
        for phase in phases {
            let count = serin_conv_packed_count(phase.tapCount, inputs, outputs)
            let counts = phase.taps.map(\.count)
            let steps = zip(strides, phase.taps).map { $0 * $1.step }
            let first = zip(strides, phase.taps).reduce(0) { $0 + $1.0 * $1.1.first }
            for group in 0..<groups {
                let from = group * inputs * outputs * tapCount + first
                let target = packed.part(start..<(start + count))
                start += count
                guard phase.tapCount > 0 else { continue }
                unsafe serin_conv_pack_f32(
                    weights + from * 4,
                    outputs,
                    inputs,
                    counts,
                    isTransposed ? tapCount : inputs * tapCount,
                    isTransposed ? outputs * tapCount : tapCount,
                    steps,
                    target.pointer
                )
            }
        }
    }
}
