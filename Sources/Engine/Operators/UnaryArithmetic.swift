// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One element in, one out, for every type that computes.
protocol UnaryArithmetic: SendableMetatype {
    static func apply<T: Arithmetic>(_ x: T) -> T
}

enum AbsFunction: UnaryArithmetic {
    // `x + 0` takes the sign off a negative zero.
    static func apply<T: Arithmetic>(_ x: T) -> T {
        x < .nought ? T.nought.minus(x) : x == .nought ? .nought : x
    }
}
enum NegFunction: UnaryArithmetic {
    static func apply<T: Arithmetic>(_ x: T) -> T {
        T.isFloating ? x.times(T.nought.minus(.unit)) : T.nought.minus(x)
    }
}
enum SignFunction: UnaryArithmetic {
    static func apply<T: Arithmetic>(_ x: T) -> T {
        x > .nought ? .unit : x < .nought ? T.nought.minus(.unit) : x
    }
}
enum ReluArithmetic: UnaryArithmetic {
    static func apply<T: Arithmetic>(_ x: T) -> T { x < .nought ? .nought : x }
}

private struct UnaryArithmeticKernel<F: UnaryArithmetic>: ArithmeticKernel {
    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        { frame in
            let input: View<T> = frame.input(0)
            let output: MutableView<T> = frame.output(0)
            for index in input.indices { output[index] = F.apply(input[index]) }
        }
    }
}

private func unary<F: UnaryArithmetic>(
    _ name: String,
    _: F.Type,
    since: Int
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            return UnaryArithmeticKernel<F>().kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16)
}

/// Draws what lies beyond a threshold on either side nearer to zero; what lies between becomes zero.
private struct ShrinkKernel: ArithmeticKernel {
    let bias: Double
    let threshold: Double

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (bias, threshold) = (bias, threshold)
        return { frame in
            let input: View<T> = frame.input(0)
            let output: MutableView<T> = frame.output(0)
            for index in input.indices {
                let x = input[index].wide
                output[index] =
                    x < -threshold
                    ? T(wide: x + bias) : x > threshold ? T(wide: x - bias) : .nought
            }
        }
    }
}

private let shrink = OperatorDefinition(
    "Shrink",
    since: 9,
    inputs: 1...1,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .arithmetic)
        let input = try context.input(0)
        return [Fact(input.type, input.shape)]
    },
    compile: { context throws(EngineError) in
        ShrinkKernel(
            bias: Double(try context.float("bias", default: 0)),
            threshold: Double(try context.float("lambd", default: 0.5))
        ).kernel(for: try context.input(0).type)
    }
).widened(.bfloat16)

/// A truth about each floating-point element.
private struct ClassifyingKernel: RealKernel {
    enum Question { case isNaN, isInfinite(positive: Bool, negative: Bool) }
    let question: Question

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        switch question {
        case .isNaN:
            { frame in
                let input: View<T> = frame.input(0)
                let output: MutableView<Truth> = frame.output(0)
                for index in input.indices { output[index] = Truth(input[index].isNaN) }
            }
        case .isInfinite(let positive, let negative):
            { frame in
                let input: View<T> = frame.input(0)
                let output: MutableView<Truth> = frame.output(0)
                for index in input.indices {
                    let x = input[index]
                    output[index] = Truth(x.isInfinite && (x > 0 ? positive : negative))
                }
            }
        }
    }
}

private func classifying(
    _ name: String,
    since: Int,
    _ question: @escaping @Sendable (NodeContext) throws(EngineError) -> ClassifyingKernel.Question
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            return [Fact(.bool, try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            ClassifyingKernel(question: try question(context))
                .kernel(for: try context.input(0).type)
        }
    ).widened(.halves).widened(.eights)
}

let unaryArithmeticOperators: [OperatorDefinition] = [
    unary("Abs", AbsFunction.self, since: 1),
    unary("Neg", NegFunction.self, since: 1),
    unary("Sign", SignFunction.self, since: 9),
    unary("Relu", ReluArithmetic.self, since: 1),
    shrink,
    classifying("IsNaN", since: 9) { _ in .isNaN },
    classifying("IsInf", since: 10) { context throws(EngineError) in
        .isInfinite(
            positive: try context.integer("detect_positive", default: 1) != 0,
            negative: try context.integer("detect_negative", default: 1) != 0
        )
    },
    OperatorDefinition(
        "Not",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.bool])
            return [Fact(.bool, try context.input(0).shape)]
        },
        compile: { _ in
            { frame in
                let input: View<Truth> = frame.input(0)
                let output: MutableView<Truth> = frame.output(0)
                for index in input.indices { output[index] = Truth(!input[index].isTrue) }
            }
        }
    ),
]
