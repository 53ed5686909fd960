// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Two elements in, one out, of the same type.
protocol BinaryFunction: SendableMetatype {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T
    /// Whether a zero in `b` is a fault for whole numbers.
    static var divides: Bool { get }
    /// The same on lengths that depend on the number of rows; nil when it has no such form.
    static func apply(_ a: Dimension, _ b: Dimension) -> Dimension?
}

extension BinaryFunction {
    static var divides: Bool { false }
    static func apply(_: Dimension, _: Dimension) -> Dimension? { nil }
}

enum AddFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.plus(b) }
    static func apply(_ a: Dimension, _ b: Dimension) -> Dimension? { a.adding(b) }
}
enum SubFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.minus(b) }
    static func apply(_ a: Dimension, _ b: Dimension) -> Dimension? { a.subtracting(b) }
}
enum MulFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.times(b) }
    static func apply(_ a: Dimension, _ b: Dimension) -> Dimension? { a.multiplied(by: b) }
}
enum DivFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.over(b) }
    static var divides: Bool { true }
    static func apply(_ a: Dimension, _ b: Dimension) -> Dimension? { a.dividedExactly(by: b) }
}
enum MaxFunction: BinaryFunction {
    // A NaN on either side wins, as in NumPy.
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.isNotANumber || a > b ? a : b }
}
enum MinFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a.isNotANumber || a < b ? a : b }
}
/// The slope of `b` for what lies below zero.
enum PReluFunction: BinaryFunction {
    static func apply<T: Arithmetic>(_ a: T, _ b: T) -> T { a < .nought ? a.times(b) : a }
}

/// `output = F(a, b)` with both stretched to the output; `a` may be the output itself.
@inline(__always)
func combine<F: BinaryFunction, T: Arithmetic>(
    _: F.Type,
    _ frame: Frame,
    _ a: View<T>,
    _ b: View<T>,
    _ output: MutableView<T>,
    _ walk: Walk
) {
    let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
    if F.divides, !T.isFloating {
        for index in b.indices where b[index] == .nought {
            return frame.fault(.integerDivisionByZero)
        }
    }
    walk.forEachRun { out, startA, startB, _ in
        let target = output.part(out..<(out &+ run))
        if stepA == 1, stepB == 1 {
            let (left, right) = (a.part(startA..<(startA &+ run)), b.part(startB..<(startB &+ run)))
            for index in target.indices { target[index] = F.apply(left[index], right[index]) }
        } else if stepA == 1 {
            let (left, right) = (a.part(startA..<(startA &+ run)), b[startB])
            for index in target.indices { target[index] = F.apply(left[index], right) }
        } else if stepB == 1 {
            let (left, right) = (a[startA], b.part(startB..<(startB &+ run)))
            for index in target.indices { target[index] = F.apply(left, right[index]) }
        } else {
            target.fill(target.indices, with: F.apply(a[startA], b[startB]))
        }
    }
}

private struct BinaryKernel<F: BinaryFunction>: ArithmeticKernel {
    let trailing: Int

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let trailing = trailing
        return { frame in
            let walk = Walk(
                frame.outputShape(0),
                frame.inputShape(0),
                frame.inputShape(1),
                trailing: trailing
            )
            combine(
                F.self,
                frame,
                frame.input(0, as: T.self),
                frame.input(1),
                frame.output(0),
                walk
            )
        }
    }
}

/// Any number of inputs, taken together from the left.
private struct VariadicKernel<F: BinaryFunction>: ArithmeticKernel {
    let inputCount: Int
    let isMean: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        { frame in
            let output: MutableView<T> = frame.output(0)
            let shape = frame.outputShape(0)
            copy(frame.input(0, as: T.self), to: output, along: Walk(shape, frame.inputShape(0)))
            for index in 1..<max(inputCount, 1) {
                let walk = Walk(shape, shape, frame.inputShape(index))
                combine(F.self, frame, output.reading, frame.input(index), output, walk)
            }
            guard isMean else { return }
            let count = T(wide: Double(inputCount))
            for index in output.indices { output[index] = output[index].over(count) }
        }
    }
}

private func binary<F: BinaryFunction>(
    _ name: String,
    _: F.Type,
    since: Int
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == b.type else {
                throw context.failure("the inputs are \(a.type) and \(b.type), expected one type")
            }
            var fact = Fact(a.type, try context.operandsShape())
            fact.integers = pairwise(a, b, F.apply)
            return [fact]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            context.mayReuse(input: 1)
            return BinaryKernel<F>(trailing: try context.trailingAxes())
                .kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16)
}

/// `combine` on the known integers of two facts, one of which may be a single number.
func pairwise(
    _ a: Fact,
    _ b: Fact,
    _ combine: (Dimension, Dimension) -> Dimension?
) -> [Dimension]? {
    guard a.rank <= 1, b.rank <= 1, let left = a.integers, let right = b.integers,
        left.count == right.count || left.count == 1 || right.count == 1
    else { return nil }
    var result: [Dimension] = []
    // One number stretches to any count, to none as well.
    for index in 0..<(left.count == 1 ? right.count : left.count) {
        let first = left[left.count == 1 ? 0 : index]
        guard let value = combine(first, right[right.count == 1 ? 0 : index]) else { return nil }
        result.append(value)
    }
    return result
}

private func variadic<F: BinaryFunction>(
    _ name: String,
    _: F.Type,
    since: Int,
    isMean: Bool = false
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 1...Int.max,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let type = try context.input(0).type
            var shapes: [[Dimension]] = []
            for index in context.inputs.indices {
                let fact = try context.input(index)
                guard fact.type == type else {
                    throw context.failure("input \(index) is \(fact.type), input 0 is \(type)")
                }
                shapes.append(fact.shape)
            }
            return [Fact(type, try context.broadcast(shapes))]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            return VariadicKernel<F>(inputCount: context.inputs.count, isMean: isMean)
                .kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16)
}

let binaryOperators: [OperatorDefinition] = [
    binary("Add", AddFunction.self, since: 1),
    binary("Sub", SubFunction.self, since: 1),
    binary("Mul", MulFunction.self, since: 1),
    binary("Div", DivFunction.self, since: 1),
    binary("PRelu", PReluFunction.self, since: 1),
    variadic("Max", MaxFunction.self, since: 1),
    variadic("Min", MinFunction.self, since: 1),
    variadic("Sum", AddFunction.self, since: 1),
    variadic("Mean", AddFunction.self, since: 1, isMean: true),
]
