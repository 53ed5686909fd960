// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// Three convolutions in one call against the same three one after the other.
///
/// The level is one for the whole process, so the test runs in a process of its own.
@Suite struct ConvolutionBlockTests {
    @Test func `a block gives the bits of its convolutions one after the other`() async {
        await #expect(processExitsWith: .success) {
            var random = Numbers(seed: 5)
            for index in 0..<240 {
                let block = random.block(isLarge: index % 8 == 0)
                let data = BlockData(block, &random)
                serin_cpu_limit(SERIN_CPU_VNNI)
                let highest = serin_cpu_level().rawValue
                for level in [SERIN_CPU_PORTABLE, SERIN_CPU_AVX2, SERIN_CPU_AVX512, SERIN_CPU_VNNI]
                where level.rawValue <= highest {
                    serin_cpu_limit(level)
                    precondition(
                        isSame(data.together(block), data.apart(block)),
                        "\(level) gives other bits for block \(index)"
                    )
                }
            }
        }
    }
}

/// What a block reads.
private struct BlockData {
    let input: [Float]
    /// Of the three; those of the middle as one convolution wants them.
    let weights: [[Float]]
    let slicedWeights: [Float]
    let bias: [[Float]]
    let residual: [Float]
    let hasBias: Bool
    let hasResidual: Bool

    init(_ block: serin_conv_block, _ random: inout Numbers) {
        let (expand, depthwise, project) = (block.expand, block.depthwise, block.project)
        let wide = depthwise.groups
        let taps = depthwise.tapCount
        input = random.floats(expand.inputCount)
        let middle = random.floats(taps * wide)
        weights = [
            random.floats(serin_conv_packed_count(expand.tapCount, expand.run, wide)), middle,
            random.floats(serin_conv_packed_count(1, wide, project.columns)),
        ]
        slicedWeights = (0..<middle.count).map { index in
            let (slice, rest) = index.quotientAndRemainder(dividingBy: taps * 16)
            return middle[rest / 16 * wide + slice * 16 + rest % 16]
        }
        bias = [random.floats(wide), random.floats(wide), random.floats(project.columns)]
        residual = random.floats(project.outputCount)
        (hasBias, hasResidual) = (random.below(4) > 0, random.below(2) == 0)
    }

    func together(_ block: serin_conv_block) -> [Float] {
        var block = block
        var output = [Float](repeating: 7, count: block.project.outputCount)
        let words = unsafe serin_conv_block_scratch(&block) / 8 + 8
        var scratch = [UInt64](repeating: ~0, count: words)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe weights[0].withUnsafeBufferPointer { first in
                unsafe slicedWeights.withUnsafeBufferPointer { middle in
                    unsafe weights[2].withUnsafeBufferPointer { last in
                        unsafe withBias { bias in
                            unsafe residual.withUnsafeBufferPointer { residual in
                                var operands = unsafe serin_block_operands(
                                    in: input.baseAddress,
                                    weights: (
                                        first.baseAddress, middle.baseAddress, last.baseAddress
                                    ),
                                    bias: bias,
                                    residual: hasResidual ? residual.baseAddress : nil
                                )
                                unsafe serin_conv_block_f32(&block, &operands, &output, &scratch)
                            }
                        }
                    }
                }
            }
        }
        return output
    }

    private func withBias(
        _ body: (
            (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?)
        ) -> Void
    ) {
        guard hasBias else { return unsafe body((nil, nil, nil)) }
        unsafe bias[0].withUnsafeBufferPointer { first in
            unsafe bias[1].withUnsafeBufferPointer { middle in
                unsafe bias[2].withUnsafeBufferPointer { last in
                    unsafe body((first.baseAddress, middle.baseAddress, last.baseAddress))
                }
            }
        }
    }

    func apart(_ block: serin_conv_block) -> [Float] {
        var (expand, depthwise, project) = (block.expand, block.depthwise, block.project)
        var wide = [Float](repeating: 7, count: expand.outputCount)
        var sums = [Float](repeating: 7, count: depthwise.outputCount)
        var output = [Float](repeating: 7, count: project.outputCount)
        let bytes = max(
            serin_conv_scratch(expand.tapCount, max(expand.pixel, expand.run)),
            serin_conv_scratch(1, project.run)
        )
        var scratch = [UInt64](repeating: 0, count: bytes / 8 + 1)
        unsafe serin_conv_f32(
            &expand,
            input,
            weights[0],
            hasBias ? bias[0] : nil,
            nil,
            &wide,
            &scratch
        )
        unsafe serin_depthwise_f32(
            &depthwise,
            wide,
            weights[1],
            hasBias ? bias[1] : nil,
            nil,
            &sums
        )
        unsafe serin_conv_f32(
            &project,
            sums,
            weights[2],
            hasBias ? bias[2] : nil,
            hasResidual ? residual : nil,
            &output,
            &scratch
        )
        return output
    }
}

extension Numbers {
    /// A block of any shape; a large one takes several bands.
    fileprivate mutating func block(isLarge: Bool) -> serin_conv_block {
        let wide = 16 * (1 + below(3))
        let lengths = isLarge ? (40 + below(30), 100 + below(50)) : (1 + below(12), 1 + below(12))
        let run = 1 + below(20)
        let none = axis(length: 1, taps: 1, stride: 1, before: 0)
        func conv(_ axes: (serin_axis, serin_axis), _ run: Int, _ columns: Int) -> serin_conv {
            serin_conv(
                images: 1,
                axis: (none, axes.0, axes.1),
                pixel: run,
                run: run,
                groups: 1,
                columns: columns,
                activation: SERIN_ACT_CLIP,
                a: -0.5,
                b: 0.6
            )
        }
        let isSingle = below(2) == 0
        func first(_ length: Int) -> serin_axis {
            isSingle
                ? axis(length: length, taps: 1, stride: 1, before: 0)
                : axis(length: length, taps: 1 + below(3), stride: 1 + below(2), before: below(2))
        }
        func middle(_ length: Int) -> serin_axis {
            axis(
                length: length,
                taps: below(2) == 0 ? 3 : 1 + below(5),
                stride: 1 + below(3),
                before: below(3),
                step: 1 + below(5) / 4
            )
        }
        var expand = conv((first(lengths.0), first(lengths.1)), run, wide)
        expand.activation = serin_activation(UInt32(below(7)))
        var depthwise = conv(
            (middle(expand.axis.1.outputs), middle(expand.axis.2.outputs)),
            wide,
            1
        )
        (depthwise.run, depthwise.groups) = (1, wide)
        let project = conv(
            (
                axis(length: depthwise.axis.1.outputs, taps: 1, stride: 1, before: 0),
                axis(length: depthwise.axis.2.outputs, taps: 1, stride: 1, before: 0)
            ),
            wide,
            1 + below(40)
        )
        return serin_conv_block(
            expand: expand,
            depthwise: depthwise,
            project: project,
            width: 0,
            left: 0
        )
    }

    private func axis(
        length: Int,
        taps: Int,
        stride: Int,
        before: Int,
        step: Int = 1
    ) -> serin_axis {
        let outputs = max(1, (length + before - 1) / stride + 1)
        return serin_axis(
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
    }
}

extension serin_conv {
    fileprivate var tapCount: Int { axis.0.taps * axis.1.taps * axis.2.taps }
}
