// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// The kernels for this processor against the portable ones, on shapes with every tail.
///
/// The level is one for the whole process, so each test runs in a process of its own.
@Suite struct ConvolutionKernelTests {
    @Test func `convolutions give what the portable kernel gives`() async {
        await #expect(processExitsWith: .success) {
            var random = Numbers(seed: 1)
            let calls =
                (0..<400).map { _ in random.call() } + Numbers.largeCalls
                + (0..<300).map { random.lineCall(outputs: 1 + $0 % 30) }
            for var call in calls {
                let widest = max(call.pixel, call.run * call.groups)
                let taps = call.axis.0.taps * call.axis.1.taps * call.axis.2.taps
                let input = random.floats(call.inputCount)
                let packed = random.floats(
                    serin_conv_packed_count(taps, call.run, call.columns) * call.groups
                )
                let bias = random.floats(call.groups * call.columns)
                let residual = random.floats(call.outputCount)
                let (hasBias, hasResidual) = (random.below(2) == 0, random.below(2) == 0)
                let words = serin_conv_scratch(taps, widest) / 8 + 1
                var scratch = [UInt64](repeating: 0, count: words)
                compare(count: call.outputCount) { output in
                    unsafe serin_conv_f32(
                        &call,
                        input,
                        packed,
                        hasBias ? bias : nil,
                        hasResidual ? residual : nil,
                        &output,
                        &scratch
                    )
                }
            }
        }
    }

    @Test func `depthwise convolutions give what the portable kernel gives`() async {
        await #expect(processExitsWith: .success) {
            var random = Numbers(seed: 2)
            for _ in 0..<600 {
                var call = random.call(longest: 14 + random.below(2) * 30)
                (call.groups, call.run, call.columns) = (call.groups * call.run, 1, 1)
                let taps = call.axis.0.taps * call.axis.1.taps * call.axis.2.taps
                let input = random.floats(call.inputCount)
                let weights = random.floats(taps * call.groups)
                let bias = random.floats(call.groups)
                let residual = random.floats(call.outputCount)
                let (hasBias, hasResidual) = (random.below(2) == 0, random.below(2) == 0)
                compare(count: call.outputCount) { output in
                    unsafe serin_depthwise_f32(
                        &call,
                        input,
                        weights,
                        hasBias ? bias : nil,
                        hasResidual ? residual : nil,
                        &output
                    )
                }
            }
        }
    }

    @Test func `pooling gives what the portable kernel gives`() async {
        await #expect(processExitsWith: .success) {
            var random = Numbers(seed: 3)
            for _ in 0..<400 {
                var call = random.call()
                (call.groups, call.run, call.columns) = (call.groups * call.run, 1, 1)
                let input = random.floats(call.inputCount)
                let kind = serin_pool(UInt32(random.below(3)))
                let after = [0, random.below(2), random.below(2)]
                compare(count: call.outputCount) { output in
                    unsafe serin_pool_f32(&call, kind, after, input, &output)
                }
            }
        }
    }

    @Test func `turning and scaling give what the portable kernels give`() async {
        await #expect(processExitsWith: .success) {
            var random = Numbers(seed: 4)
            for _ in 0..<200 {
                let (count, rows, columns) = (
                    1 + random.below(2), 1 + random.below(40), 1 + random.below(40)
                )
                let input = random.floats(count * rows * columns)
                let (factor, shift) = (random.floats(columns), random.floats(columns))
                compare(count: input.count) { output in
                    unsafe serin_transpose_f32(input, count, rows, columns, &output)
                }
                let (channels, left, padded) = (1 + random.below(4), random.below(3), columns + 4)
                compare(count: channels * rows * padded) { output in
                    let planes = (0..<channels).flatMap { _ in input }
                    unsafe serin_border_planes_f32(
                        planes,
                        input.count,
                        channels,
                        rows,
                        columns,
                        left,
                        padded,
                        &output
                    )
                }
                let kind = serin_activation(UInt32(random.below(7)))
                compare(count: input.count) { output in
                    unsafe serin_affine_f32(
                        input,
                        count * rows,
                        columns,
                        factor,
                        shift,
                        kind,
                        0.2,
                        0.5,
                        &output
                    )
                }
            }
        }
    }
}

/// Runs `body` at the portable level and at each of the processor's; the fast ones give equal bits.
func compare(count: Int, _ body: (inout [Float]) -> Void) {
    func run(_ level: serin_cpu) -> [Float] {
        var output = [Float](repeating: 7, count: count)
        serin_cpu_limit(level)
        body(&output)
        return output
    }
    serin_cpu_limit(SERIN_CPU_VNNI)
    let levels = [SERIN_CPU_AVX2, SERIN_CPU_AVX512, SERIN_CPU_VNNI].filter {
        $0.rawValue <= serin_cpu_level().rawValue
    }
    let portable = run(SERIN_CPU_PORTABLE)
    var first: [Float]?
    for level in levels {
        let fast = run(level)
        for index in 0..<count {
            let gap = abs(fast[index] - portable[index])
            precondition(
                fast[index] == portable[index] || gap <= 1e-4 + 1e-4 * abs(portable[index]),
                "element \(index) is \(fast[index]), the portable kernel gives \(portable[index])"
            )
        }
        precondition(isSame(fast, first ?? fast), "\(level) gives other bits")
        first = fast
    }
}

extension Numbers {
    /// A convolution of any small shape, whose outputs all lie in the image made.
    mutating func call(longest: Int = 14) -> serin_conv {
        var axes: [serin_axis] = []
        for index in 0..<3 {
            let isThere = index > 0 || below(4) == 0
            let taps = isThere ? 1 + below(4) : 1
            let (stride, step) = (1 + below(3), 1 + below(2))
            let before = isThere ? below(3) : 0
            let length = isThere ? 1 + below(index == 2 ? longest : 14) : 1
            let outputs = max(1, (length + before - 1) / stride + 1)
            axes.append(
                serin_axis(
                    length_in: length,
                    length_out: outputs,
                    outputs: outputs,
                    start: 0,
                    step: 1,
                    taps: taps,
                    first: -before,
                    tap_step: step,
                    stride: stride
                )
            )
        }
        let groups = below(3) == 0 ? 1 + below(3) : 1
        let run = below(20) == 0 ? 250 + below(20) : 1 + below(40)
        return serin_conv(
            images: 1 + below(2),
            axis: (axes[0], axes[1], axes[2]),
            pixel: groups * run,
            run: run,
            groups: groups,
            columns: 1 + below(40),
            activation: serin_activation(UInt32(below(7))),
            a: 0.1,
            b: 0.6
        )
    }
}

extension Numbers {
    /// One line of outputs whose taps all read inside, or many that take each pixel by itself.
    fileprivate mutating func lineCall(outputs: Int) -> serin_conv {
        var call = call()
        let (taps, lines) = (1 + below(3), 1 + below(3))
        var axis = call.axis.2
        (axis.taps, axis.tap_step, axis.first, axis.stride) = (taps, 1, 0, 1 + below(2))
        (axis.outputs, axis.length_out) = (outputs, outputs)
        axis.length_in = (outputs - 1) * axis.stride + taps
        var above = axis
        (above.taps, above.length_in, above.stride) = (lines, lines, 1)
        (above.outputs, above.length_out) = (1, 1)
        var none = above
        (none.taps, none.length_in) = (1, 1)
        call.axis = (none, above, axis)
        return call
    }

    /// Shapes beyond every block: many pixels, sums in several stretches, more weights than stay in a
    /// cache, and lines that lie a power of two apart.
    fileprivate static var largeCalls: [serin_conv] {
        [
            (13, 40, 24, 1, 1), (9, 130, 100, 3, 1), (4, 1024, 130, 1, 1), (6, 512, 96, 1, 2),
            (5, 700, 70, 1, 1), (3, 400, 30, 3, 1), (7, 512, 72, 3, 2),
        ].map { length, run, columns, taps, stride in
            let axis = serin_axis(
                length_in: length,
                length_out: (length - 1) / stride + 1,
                outputs: (length - 1) / stride + 1,
                start: 0,
                step: 1,
                taps: taps,
                first: -(taps / 2),
                tap_step: 1,
                stride: stride
            )
            var none = axis
            (none.length_in, none.length_out, none.outputs) = (1, 1, 1)
            (none.taps, none.first, none.stride) = (1, 0, 1)
            return serin_conv(
                images: 2,
                axis: (none, axis, axis),
                pixel: run,
                run: run,
                groups: 1,
                columns: columns,
                activation: SERIN_ACT_CLIP,
                a: -50,
                b: 50
            )
        }
    }
}

extension serin_conv {
    var inputCount: Int {
        images * axis.0.length_in * axis.1.length_in * axis.2.length_in * pixel
    }
    var outputCount: Int {
        images * axis.0.length_out * axis.1.length_out * axis.2.length_out * groups * columns
    }
}
