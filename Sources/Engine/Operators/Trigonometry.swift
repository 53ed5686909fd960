// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// A circular or hyperbolic function of the C library, computed in double precision.
protocol DoubleFunction: UnaryFunction {
    static func apply(_ x: Double) -> Double
}

extension DoubleFunction {
    static func apply<T: Real>(_ x: T, _: T, _: T) -> T { T(apply(Double(x))) }
}

enum SinFunction: DoubleFunction { static func apply(_ x: Double) -> Double { sin(x) } }
enum CosFunction: DoubleFunction { static func apply(_ x: Double) -> Double { cos(x) } }
enum TanFunction: DoubleFunction { static func apply(_ x: Double) -> Double { tan(x) } }
enum AsinFunction: DoubleFunction { static func apply(_ x: Double) -> Double { asin(x) } }
enum AcosFunction: DoubleFunction { static func apply(_ x: Double) -> Double { acos(x) } }
enum AtanFunction: DoubleFunction { static func apply(_ x: Double) -> Double { atan(x) } }
enum SinhFunction: DoubleFunction { static func apply(_ x: Double) -> Double { sinh(x) } }
enum CoshFunction: DoubleFunction { static func apply(_ x: Double) -> Double { cosh(x) } }
enum AsinhFunction: DoubleFunction { static func apply(_ x: Double) -> Double { asinh(x) } }
enum AcoshFunction: DoubleFunction { static func apply(_ x: Double) -> Double { acosh(x) } }
enum AtanhFunction: DoubleFunction { static func apply(_ x: Double) -> Double { atanh(x) } }

let trigonometryOperators: [OperatorDefinition] = [
    unary("Sin", SinFunction.self, since: 7), unary("Cos", CosFunction.self, since: 7),
    unary("Tan", TanFunction.self, since: 7), unary("Asin", AsinFunction.self, since: 7),
    unary("Acos", AcosFunction.self, since: 7), unary("Atan", AtanFunction.self, since: 7),
    unary("Sinh", SinhFunction.self, since: 9), unary("Cosh", CoshFunction.self, since: 9),
    unary("Asinh", AsinhFunction.self, since: 9), unary("Acosh", AcoshFunction.self, since: 9),
    unary("Atanh", AtanhFunction.self, since: 9),
].widened(.halves)
