// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// A power whose exponent may be of another type; computed in double precision, or by multiplying
/// for small whole exponents.
private struct PowKernel: ArithmeticKernel {
    let exponentType: DataType
    let trailing: Int

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        switch exponentType {
        case .float: kernel(T.self) { $0.input(1, as: Float.self)[$1].wide }
        case .double: kernel(T.self) { $0.input(1, as: Double.self)[$1] }
        case .float16: kernel(T.self) { $0.input(1, as: Float16.self)[$1].wide }
        case .int8: kernel(T.self) { $0.input(1, as: Int8.self)[$1].wide }
        case .int16: kernel(T.self) { $0.input(1, as: Int16.self)[$1].wide }
        case .int32: kernel(T.self) { $0.input(1, as: Int32.self)[$1].wide }
        case .uint8: kernel(T.self) { $0.input(1, as: UInt8.self)[$1].wide }
        case .uint16: kernel(T.self) { $0.input(1, as: UInt16.self)[$1].wide }
        case .uint32: kernel(T.self) { $0.input(1, as: UInt32.self)[$1].wide }
        case .uint64: kernel(T.self) { $0.input(1, as: UInt64.self)[$1].wide }
        default: kernel(T.self) { $0.input(1, as: Int64.self)[$1].wide }
        }
    }

    private func kernel<T: Arithmetic>(
        _: T.Type,
        _ exponent: @escaping @Sendable (Frame, Int) -> Double
    ) -> Kernel {
        let trailing = trailing
        return { frame in
            let a: View<T> = frame.input(0)
            let output: MutableView<T> = frame.output(0)
            let walk = Walk(
                frame.outputShape(0),
                frame.inputShape(0),
                frame.inputShape(1),
                trailing: trailing
            )
            let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
            walk.forEachRun { out, startA, startB, _ in
                guard stepB != 0 else {
                    // One exponent for the whole run, mostly 2 or 0.5.
                    let shared = exponent(frame, startB)
                    for index in 0..<run {
                        output[out &+ index] = power(a[startA &+ index &* stepA], shared)
                    }
                    return
                }
                for index in 0..<run {
                    output[out &+ index] = power(
                        a[startA &+ index &* stepA],
                        exponent(frame, startB &+ index &* stepB)
                    )
                }
            }
        }
    }
}

/// `base` to the power of `exponent`; whole numbers wrap around.
@inline(__always)
private func power<T: Arithmetic>(_ base: T, _ exponent: Double) -> T {
    if exponent == 2 { return base.times(base) }
    guard !T.isFloating, exponent >= 0, exponent < 4_294_967_296,
        exponent.rounded() == exponent
    else {
        return T(wide: Glibc.pow(base.wide, exponent))
    }
    var (result, square, rest) = (T.unit, base, UInt64(exponent))
    while rest > 0 {
        if rest & 1 == 1 { result = result.times(square) }
        square = square.times(square)
        rest >>= 1
    }
    return result
}

/// The remainder: with the divisor's sign, or with the dividend's when `fmod` is set.
private struct ModKernel: ArithmeticKernel {
    let hasSignOfDividend: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let truncates = hasSignOfDividend
        return { frame in
            let (a, b): (View<T>, View<T>) = (frame.input(0), frame.input(1))
            let output: MutableView<T> = frame.output(0)
            let walk = Walk(frame.outputShape(0), frame.inputShape(0), frame.inputShape(1))
            let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
            walk.forEachRun { out, startA, startB, _ in
                for index in 0..<run {
                    let (left, right) = (a[startA &+ index &* stepA], b[startB &+ index &* stepB])
                    if !T.isFloating, right == .nought { frame.fault(.integerDivisionByZero) }
                    var rest: T
                    if T.isFloating {
                        rest = T(wide: Glibc.fmod(left.wide, right.wide))
                    } else {
                        rest = left.minus(left.over(right).times(right))
                    }
                    if !truncates {
                        if rest == .nought, T.isFloating {
                            // A zero has the divisor's sign too.
                            rest = right < .nought ? T.nought.times(T.nought.minus(.unit)) : .nought
                        } else if rest != .nought, (rest < .nought) != (right < .nought) {
                            rest = rest.plus(right)
                        }
                    }
                    output[out &+ index] = rest
                }
            }
        }
    }
}

let powModOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Pow",
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            try context.require(input: 1, oneOf: .arithmetic)
            return [Fact(try context.input(0).type, try context.operandsShape())]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            return PowKernel(
                exponentType: try context.input(1).type,
                trailing: try context.trailingAxes()
            ).kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16, resultLike: 0),
    OperatorDefinition(
        "Mod",
        since: 10,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == b.type else {
                throw context.failure("the inputs are \(a.type) and \(b.type), expected one type")
            }
            return [Fact(a.type, try context.broadcast([a.shape, b.shape]))]
        },
        compile: { context throws(EngineError) in
            ModKernel(hasSignOfDividend: try context.integer("fmod", default: 0) != 0)
                .kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16),
]
