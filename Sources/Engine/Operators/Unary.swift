// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// One element in, one out, of the same type.
protocol UnaryFunction: SendableMetatype {
    static func apply<T: Real>(_ x: T) -> T
}

/// A floating-point type with the functions that the C library gives it.
protocol Real: BinaryFloatingPoint, Scalar {
    static func exp(_ x: Self) -> Self
    static func log(_ x: Self) -> Self
    static func tanh(_ x: Self) -> Self
    static func erf(_ x: Self) -> Self
    static func pow(_ x: Self, _ y: Self) -> Self
    static func log1p(_ x: Self) -> Self
    static func expm1(_ x: Self) -> Self
}

extension Float: Real {
    static func exp(_ x: Float) -> Float { expf(x) }
    static func log(_ x: Float) -> Float { logf(x) }
    static func tanh(_ x: Float) -> Float { tanhf(x) }
    static func erf(_ x: Float) -> Float { erff(x) }
    static func pow(_ x: Float, _ y: Float) -> Float { powf(x, y) }
    static func log1p(_ x: Float) -> Float { log1pf(x) }
    static func expm1(_ x: Float) -> Float { expm1f(x) }
}

extension Double: Real {
    static func exp(_ x: Double) -> Double { Glibc.exp(x) }
    static func log(_ x: Double) -> Double { Glibc.log(x) }
    static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
    static func erf(_ x: Double) -> Double { Glibc.erf(x) }
    static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
    static func log1p(_ x: Double) -> Double { Glibc.log1p(x) }
    static func expm1(_ x: Double) -> Double { Glibc.expm1(x) }
}

enum ReluFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T) -> T { x < 0 ? 0 : x }
}
enum ExpFunction: UnaryFunction {
    static func apply<T: Real>(_ x: T) -> T { T.exp(x) }
}

func unaryKernel<F: UnaryFunction, T: Real>(_: F.Type, _: T.Type) -> Kernel {
    { frame in
        let input: View<T> = frame.input(0)
        let output: MutableView<T> = frame.output(0)
        for index in input.indices { output[index] = F.apply(input[index]) }
    }
}

func unary<F: UnaryFunction>(_ name: String, _: F.Type, since: Int) -> OperatorDefinition {
    OperatorDefinition(
        name, since: since, inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float, .double])
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            try context.input(0).type == .double
                ? unaryKernel(F.self, Double.self) : unaryKernel(F.self, Float.self)
        })
}

let unaryOperators: [OperatorDefinition] = [
    unary("Relu", ReluFunction.self, since: 6), unary("Exp", ExpFunction.self, since: 6),
]
