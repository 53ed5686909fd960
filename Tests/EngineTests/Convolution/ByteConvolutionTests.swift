// SPDX-License-Identifier: Apache-2.0
import CKernels
import Engine
import Tensors
import Testing

/// Quantised convolutions against the loops that define them.
@Suite struct ByteConvolutionTests {
    /// A random ConvInteger of two spatial axes.
    private struct Case {
        var random: SeededNumbers
        let images, groups, inputs, outputs: Int
        let size, kernel, strides, dilations: [Int]
        let pads: [Int]
        let imageIsSigned, weightsAreSigned: Bool
        var image: [UInt8] = []
        var weights: [UInt8] = []
        let zero: UInt8?
        var zeros: [UInt8] = []

        init(seed: UInt64) {
            var random = SeededNumbers(state: seed)
            func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
            (images, groups) = (pick(1...2), pick(1...3))
            (inputs, outputs) = (pick(1...7), pick(1...20))
            kernel = [pick(1...3), pick(1...3)]
            strides = [pick(1...2), pick(1...3)]
            dilations = [pick(1...2), pick(1...2)]
            pads = [pick(0...2), pick(0...2), pick(0...2), pick(0...2)]
            size = [pick(5...40), pick(5...40)]
            (imageIsSigned, weightsAreSigned) = (pick(0...1) == 1, pick(0...1) == 1)
            func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(pick(0...255)) } }
            image = bytes(images * groups * inputs * size[0] * size[1])
            weights = bytes(groups * outputs * inputs * kernel[0] * kernel[1])
            zero = pick(0...3) == 0 ? nil : UInt8(pick(0...255))
            if zero != nil { zeros = bytes([0, 1, groups * outputs][pick(0...2)]) }
            self.random = random
        }

        var output: [Int] {
            (0..<2).map {
                (size[$0] + pads[$0] + pads[$0 + 2] - (kernel[$0] - 1) * dilations[$0] - 1)
                    / strides[$0] + 1
            }
        }

        func value(_ byte: UInt8, _ isSigned: Bool) -> Int32 {
            isSigned ? Int32(Int8(bitPattern: byte)) : Int32(byte)
        }

        /// The sums, each as it is defined.
        var expected: [Int32] {
            let zero = value(zero ?? 0, imageIsSigned)
            var sums: [Int32] = []
            for image in 0..<images {
                for channel in 0..<(groups * outputs) {
                    let base =
                        zeros.isEmpty
                        ? 0 : value(zeros[zeros.count == 1 ? 0 : channel], weightsAreSigned)
                    for i in 0..<output[0] {
                        for j in 0..<output[1] {
                            var sum: Int32 = 0
                            for c in 0..<inputs {
                                let plane =
                                    (image * groups + channel / outputs) * inputs + c
                                for u in 0..<kernel[0] {
                                    for v in 0..<kernel[1] {
                                        let y = i * strides[0] - pads[0] + u * dilations[0]
                                        let x = j * strides[1] - pads[1] + v * dilations[1]
                                        guard (0..<size[0]).contains(y), (0..<size[1]).contains(x)
                                        else { continue }
                                        let pixel = self.image[(plane * size[0] + y) * size[1] + x]
                                        let weight = weights[
                                            ((channel * inputs + c) * kernel[0] + u) * kernel[1] + v
                                        ]
                                        sum +=
                                            (value(pixel, imageIsSigned) - zero)
                                            * (value(weight, weightsAreSigned) - base)
                                    }
                                }
                            }
                            sums.append(sum)
                        }
                    }
                }
            }
            return sums
        }

        func tensor(_ bytes: [UInt8], _ lengths: [Int], _ isSigned: Bool) throws -> Tensor {
            let shape = try #require(Shape(lengths))
            return isSigned
                ? Tensor(bytes.map { Int8(bitPattern: $0) }, shape: shape)
                : Tensor(bytes, shape: shape)
        }

        func run() throws -> [Int32] {
            var inputs: [Tensor?] = [
                try tensor(image, [images, groups * self.inputs] + size, imageIsSigned),
                try tensor(weights, [groups * outputs, self.inputs] + kernel, weightsAreSigned),
            ]
            if let zero { inputs.append(try tensor([zero], [], imageIsSigned)) }
            if !zeros.isEmpty {
                let lengths = zeros.count == 1 ? [] : [zeros.count]
                inputs.append(try tensor(zeros, lengths, weightsAreSigned))
            }
            let result = try evaluate(
                "ConvInteger",
                opset: 10,
                attributes: [
                    "group": .integer(Int64(groups)),
                    "strides": .integers(strides.map { Int64($0) }),
                    "dilations": .integers(dilations.map { Int64($0) }),
                    "pads": .integers(pads.map { Int64($0) }),
                ],
                inputs: inputs
            )
            let sums = try #require(result?.first?.elements(as: Int32.self))
            return sums.indices.map { sums[$0] }
        }
    }

    @Test(arguments: 0..<60)
    func `sums are those of the definition`(seed: Int) throws {
        let example = Case(seed: UInt64(seed))
        #expect(try example.run() == example.expected)
    }

    @Test func `every level gives the same sums`() async {
        await #expect(processExitsWith: .success) {
            for level in [
                SERIN_CPU_PORTABLE, SERIN_CPU_AVX2, SERIN_CPU_AVX512, SERIN_CPU_VNNI,
            ] {
                serin_cpu_limit(level)
                for seed in 100..<120 {
                    let example = Case(seed: UInt64(seed))
                    let sums = try example.run()
                    try #require(sums == example.expected)
                }
            }
        }
    }
}
