// SPDX-License-Identifier: Apache-2.0
import CKernels
import Glibc
import Tensors

/// One floating-point element in, one out, of the same type; up to two numbers from attributes.
protocol UnaryFunction: SendableMetatype {
    static func apply<T: Real>(_ x: T, _ alpha: T, _ beta: T) -> T
    /// The vector form for single precision, where there is one.
    static var vectorForm: UInt32? { get }
}

extension UnaryFunction {
    static var vectorForm: UInt32? { nil }
}

enum ReluFunction: UnaryFunction {
    // A NaN compares false and passes.
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x < 0 ? 0 : x }
}
enum LeakyReluFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_LEAKY.rawValue }
    static func apply<T: Real>(_ x: T, _ alpha: T, _: T) -> T { x < 0 ? alpha * x : x }
}
enum EluFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _ alpha: T, _: T) -> T {
        x < 0 ? alpha * T.expm1(x) : x
    }
}
enum SeluFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _ alpha: T, _ gamma: T) -> T {
        gamma * (x <= 0 ? alpha * T.expm1(x) : x)
    }
}
enum CeluFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _ alpha: T, _: T) -> T {
        x < 0 ? alpha * T.expm1(x / alpha) : x
    }
}
enum ThresholdedReluFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _ alpha: T, _: T) -> T { x > alpha ? x : 0 }
}
enum HardSigmoidFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_HARD_SIGMOID.rawValue }
    static func apply<T: Real>(_ x: T, _ alpha: T, _ beta: T) -> T {
        let line = alpha * x + beta
        return line < 0 ? 0 : line > 1 ? 1 : line
    }
}
enum HardSwishFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_HARD_SWISH.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        let line = x / 6 + 0.5
        return x * (line < 0 ? 0 : line > 1 ? 1 : line)
    }
}
enum ExpFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_EXP.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { T.exp(x) }
}
enum LogFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_LOG.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { T.log(x) }
}
enum SqrtFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x.squareRoot() }
}
enum ReciprocalFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { 1 / x }
}
enum FloorFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x.rounded(.down) }
}
enum CeilFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x.rounded(.up) }
}
enum RoundFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x.rounded(.toNearestOrEven) }
}
enum ErfFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_ERF.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { T.erf(x) }
}
enum TanhFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_TANH.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { T.tanh(x) }
}
enum SigmoidFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_SIGMOID.rawValue }
    /// Takes the exponential of a negative number only, which cannot overflow.
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        let power = T.exp(-x.magnitude)
        return x < 0 ? power / (1 + power) : 1 / (1 + power)
    }
}
enum SoftplusFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        (x > 0 ? x : 0) + T.log1p(T.exp(-x.magnitude))
    }
}
enum SoftsignFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { x / (1 + x.magnitude) }
}
enum MishFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        x * T.tanh(SoftplusFunction.apply(x, 0, 0))
    }
}
enum SwishFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_SWISH.rawValue }
    static func apply<T: Real>(_ x: T, _ alpha: T, _: T) -> T {
        x * SigmoidFunction.apply(alpha * x, 0, 0)
    }
}
enum GeluFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_GELU.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        T(0.5) * x * (1 + T.erf(x * T(0.5).squareRoot()))
    }
}
enum GeluTanhFunction: UnaryFunction {
    static var vectorForm: UInt32? { SERIN_GELU_TANH.rawValue }
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T {
        let inner = T(0.7978845608028654) * (x + T(0.044715) * x * x * x)
        return T(0.5) * x * (1 + T.tanh(inner))
    }
}
struct UnaryKernel<F: UnaryFunction>: RealKernel {
    let alpha: Float
    let beta: Float

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        if T.self == Float.self, let function = F.vectorForm {
            return Activation(function: function, alpha: alpha, beta: beta).kernel
        }
        let (alpha, beta) = (T(alpha), T(beta))
        return { frame in
            let input: View<T> = frame.input(0)
            let output: MutableView<T> = frame.output(0)
            for index in input.indices { output[index] = F.apply(input[index], alpha, beta) }
        }
    }
}

/// A row of the table: a function of each element and the attributes it reads.
func unary<F: UnaryFunction>(
    _ name: String,
    _: F.Type,
    since: Int,
    alpha: (String, Float)? = nil,
    beta: (String, Float)? = nil
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            return UnaryKernel<F>(
                alpha: try alpha.map { value throws(EngineError) in
                    try context.float(value.0, default: value.1)
                } ?? 0,
                beta: try beta.map { value throws(EngineError) in
                    try context.float(value.0, default: value.1)
                } ?? 0
            ).kernel(for: try context.input(0).type)
        }
    )
}

let unaryOperators: [OperatorDefinition] = [
    unary("LeakyRelu", LeakyReluFunction.self, since: 1, alpha: ("alpha", 0.01)),
    unary("Elu", EluFunction.self, since: 1, alpha: ("alpha", 1)),
    unary(
        "Selu",
        SeluFunction.self,
        since: 1,
        alpha: ("alpha", 1.67326319217681884765625),
        beta: ("gamma", 1.05070102214813232421875)
    ),
    unary("Celu", CeluFunction.self, since: 12, alpha: ("alpha", 1)),
    unary("ThresholdedRelu", ThresholdedReluFunction.self, since: 1, alpha: ("alpha", 1)),
    unary(
        "HardSigmoid",
        HardSigmoidFunction.self,
        since: 1,
        alpha: ("alpha", 0.2),
        beta: ("beta", 0.5)
    ),
    unary("HardSwish", HardSwishFunction.self, since: 14),
    unary("Exp", ExpFunction.self, since: 1),
    unary("Log", LogFunction.self, since: 1),
    unary("Sqrt", SqrtFunction.self, since: 1),
    unary("Reciprocal", ReciprocalFunction.self, since: 1),
    unary("Floor", FloorFunction.self, since: 1),
    unary("Ceil", CeilFunction.self, since: 1),
    unary("Round", RoundFunction.self, since: 11),
    unary("Erf", ErfFunction.self, since: 9),
    unary("Tanh", TanhFunction.self, since: 1),
    unary("Sigmoid", SigmoidFunction.self, since: 1),
    unary("Softplus", SoftplusFunction.self, since: 1),
    unary("Softsign", SoftsignFunction.self, since: 1),
    unary("Mish", MishFunction.self, since: 18),
    unary("Swish", SwishFunction.self, since: 24, alpha: ("alpha", 1)),
    gelu,
].widened(.halves)

/// Gelu chooses its formula by an attribute.
private let gelu = OperatorDefinition(
    "Gelu",
    since: 20,
    inputs: 1...1,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .real)
        let input = try context.input(0)
        return [Fact(input.type, input.shape)]
    },
    compile: { context throws(EngineError) in
        let type = try context.input(0).type
        context.mayReuse(input: 0)
        switch try context.string("approximate", default: "none") {
        case "none": return UnaryKernel<GeluFunction>(alpha: 0, beta: 0).kernel(for: type)
        case "tanh": return UnaryKernel<GeluTanhFunction>(alpha: 0, beta: 0).kernel(for: type)
        case let other: throw context.failure("approximate is '\(other)', expected none or tanh")
        }
    }
)
