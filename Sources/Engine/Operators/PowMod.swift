// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// A power whose exponent may be of another type; computed in double precision, or by multiplying
/// for small whole exponents.
private struct PowKernel: ArithmeticKernel {
    let exponentType: DataType

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        switch exponentType {
        case .float: kernel(T.self, Float.self)
        case .double: kernel(T.self, Double.self)
        case .int32: kernel(T.self, Int32.self)
        default: kernel(T.self, Int64.self)
        }
    }

    private func kernel<T: Arithmetic, E: Arithmetic>(_: T.Type, _: E.Type) -> Kernel {
        { frame in
            let (a, b): (View<T>, View<E>) = (frame.input(0), frame.input(1))
            let output: MutableView<T> = frame.output(0)
            let walk = Walk(frame.outputShape(0), frame.inputShape(0), frame.inputShape(1))
            let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
            walk.forEachRun { out, startA, startB, _ in
                for index in 0..<run {
                    let base = a[startA &+ index &* stepA]
                    let exponent = b[startB &+ index &* stepB].wide
                    output[out &+ index] =
                        exponent == 2
                        ? base.times(base) : T(wide: Glibc.pow(base.wide, exponent))
                }
            }
        }
    }
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
                    if !truncates, rest != .nought, (rest < .nought) != (right < .nought) {
                        rest = rest.plus(right)
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
        since: 7,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            try context.require(input: 1, oneOf: [.float, .double, .int32, .int64])
            let (a, b) = (try context.input(0), try context.input(1))
            return [Fact(a.type, try context.broadcast([a.shape, b.shape]))]
        },
        compile: { context throws(EngineError) in
            PowKernel(exponentType: try context.input(1).type)
                .kernel(for: try context.input(0).type)
        }
    ),
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
    ),
]
