// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The discrete Fourier transform of one length, in double precision: `X[k] = Σ x[n] e^(-2πi nk / length)`.
///
/// Mixed radix (Cooley and Tukey 1965): the length is split into its prime factors, fours first, and each
/// level puts `factor` shorter transforms together. Length times the sum of its factors is the work,
/// so that a large prime is slow.
struct FourierTransform: Sendable {
    /// A complex number.
    typealias Number = SIMD2<Double>

    let length: Int
    private let factors: [Int]
    /// `e^(-2πi k / length)`.
    private let roots: [Number]

    /// Nil when the length is none or the work beyond reason.
    init?(length: Int) {
        guard length > 0, length <= 1 << 22 else { return nil }
        self.length = length
        var factors: [Int] = []
        var rest = length
        var factor = 4
        while rest > 1 {
            while rest % factor == 0 {
                factors.append(factor)
                rest /= factor
            }
            factor = factor == 4 ? 2 : factor == 2 ? 3 : factor + 2
            if factor * factor > rest, factor > 2, rest > 1 { factor = rest }
        }
        guard length * factors.reduce(0, +) <= 1 << 32 else { return nil }
        self.factors = factors
        roots = (0..<length).map { step in
            let angle = 2 * Double.pi * Double(step) / Double(length)
            return Number(cos(angle), -sin(angle))
        }
    }

    /// The scratch numbers a transform needs beside its input and output.
    var scratchCount: Int { factors.max() ?? 1 }

    /// Transforms `input` into `output`, `length` numbers each, which do not overlap; backwards
    /// without the division by the length.
    @inline(__always)
    func transform(
        _ input: View<Number>,
        to output: MutableView<Number>,
        scratch: MutableView<Number>,
        isInverse: Bool = false
    ) {
        precondition(input.count == length && output.count == length, "another length")
        level(0, input, 0, 1, output, 0, length, scratch, isInverse ? -1 : 1)
    }

    /// The transform of every `stride`-th input from `first` on, `count` of them.
    private func level(
        _ level: Int,
        _ input: View<Number>,
        _ first: Int,
        _ stride: Int,
        _ output: MutableView<Number>,
        _ start: Int,
        _ count: Int,
        _ scratch: MutableView<Number>,
        _ sign: Double
    ) {
        guard count > 1 else {
            output[start] = input[first]
            return
        }
        let factor = factors[level]
        let part = count / factor
        for index in 0..<factor {
            self.level(
                level + 1,
                input,
                first &+ index &* stride,
                stride &* factor,
                output,
                start &+ index &* part,
                part,
                scratch,
                sign
            )
        }
        for k in 0..<part {
            for index in 0..<factor {
                scratch[index] = product(
                    output[start &+ index &* part &+ k],
                    root(index &* k &* stride, sign)
                )
            }
            switch factor {
            case 2:
                output[start &+ k] = scratch[0] + scratch[1]
                output[start &+ part &+ k] = scratch[0] - scratch[1]
            case 4: four(output, start &+ k, part, scratch, sign)
            default:
                for result in 0..<factor {
                    var sum = scratch[0]
                    for index in 1..<factor {
                        let turn = (index &* result) % factor
                        sum += product(scratch[index], root(turn &* part &* stride, sign))
                    }
                    output[start &+ result &* part &+ k] = sum
                }
            }
        }
    }

    @inline(__always)
    private func four(
        _ output: MutableView<Number>,
        _ start: Int,
        _ part: Int,
        _ scratch: MutableView<Number>,
        _ sign: Double
    ) {
        let (even, odd) = (scratch[0] + scratch[2], scratch[1] + scratch[3])
        let (evenGap, oddGap) = (scratch[0] - scratch[2], scratch[1] - scratch[3])
        // Times -i.
        let turned = Number(oddGap.y, -oddGap.x) * sign
        output[start] = even + odd
        output[start &+ part] = evenGap + turned
        output[start &+ 2 &* part] = even - odd
        output[start &+ 3 &* part] = evenGap - turned
    }

    @inline(__always)
    private func root(_ step: Int, _ sign: Double) -> Number {
        let root = roots[step]
        return Number(root.x, root.y * sign)
    }

    @inline(__always)
    private func product(_ a: Number, _ b: Number) -> Number {
        Number(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
    }
}

extension NodeContext {
    /// The transform of `length`, or an error that says why there is none.
    func fourierTransform(_ length: Int) throws(EngineError) -> FourierTransform {
        guard let transform = FourierTransform(length: length) else {
            throw failure("a transform of length \(length) is not supported", kind: .unsupported)
        }
        return transform
    }

    /// The one whole number in input `index`; nil when it is left out.
    func wholeNumber(ofInput index: Int) throws(EngineError) -> Int? {
        guard let numbers = try fixedIntegers(ofInput: index) else { return nil }
        guard numbers.count == 1 else {
            throw failure("input \(index) has \(numbers.count) numbers, expected one")
        }
        return numbers[0]
    }
}
