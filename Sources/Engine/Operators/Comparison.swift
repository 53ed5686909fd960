// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Two elements in, a truth out.
protocol ComparisonFunction: SendableMetatype {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool
}

enum EqualFunction: ComparisonFunction {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a == b }
}
enum LessFunction: ComparisonFunction {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a < b }
}
enum LessOrEqualFunction: ComparisonFunction {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a <= b }
}
enum GreaterFunction: ComparisonFunction {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a > b }
}
enum GreaterOrEqualFunction: ComparisonFunction {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a >= b }
}

/// Stretches both inputs to the output and writes `truth` of each pair.
@inline(__always)
private func compare<T: BitwiseCopyable>(
    _ frame: Frame,
    _: T.Type,
    trailing: Int,
    _ truth: (T, T) -> Bool
) {
    let (a, b): (View<T>, View<T>) = (frame.input(0), frame.input(1))
    let output: MutableView<Truth> = frame.output(0)
    let walk = Walk(
        frame.outputShape(0),
        frame.inputShape(0),
        frame.inputShape(1),
        trailing: trailing
    )
    let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
    walk.forEachRun { out, startA, startB, _ in
        for index in 0..<run {
            output[out &+ index] = Truth(
                truth(a[startA &+ index &* stepA], b[startB &+ index &* stepB])
            )
        }
    }
}

private struct ComparisonKernel<F: ComparisonFunction>: ArithmeticKernel {
    let trailing: Int

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let trailing = trailing
        return { frame in compare(frame, T.self, trailing: trailing) { F.apply($0, $1) } }
    }
}

private func comparison<F: ComparisonFunction>(
    _ name: String,
    _: F.Type,
    since: Int,
    others: Set<DataType> = []
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic.union(others))
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == b.type else {
                throw context.failure("the inputs are \(a.type) and \(b.type), expected one type")
            }
            var fact = Fact(.bool, try context.operandsShape())
            fact.constant = decided(a, b, shape: fact.shape, F.self)
            return [fact]
        },
        compile: { context throws(EngineError) in
            let trailing = try context.trailingAxes()
            return switch try context.input(0).type {
            case .bool:
                { frame in
                    compare(frame, Truth.self, trailing: trailing) { $0.isTrue == $1.isTrue }
                }
            case .string:
                { frame in
                    compare(frame, TextReference.self, trailing: trailing) { left, right in
                        let (a, b) = unsafe (left.bytes, right.bytes)
                        guard a.count == b.count else { return false }
                        for index in a.indices where unsafe a[index] != b[index] { return false }
                        return true
                    }
                }
            case let type: ComparisonKernel<F>(trailing: trailing).kernel(for: type)
            }
        }
    ).widened(.bfloat16)
}

/// The answers where lengths decide them whatever the number of rows: a line that grows with the
/// rows never equals a number below zero.
private func decided<F: ComparisonFunction>(
    _ a: Fact,
    _ b: Fact,
    shape: [Dimension],
    _: F.Type
) -> Tensor? {
    var truths: [Truth] = []
    let answers = pairwise(a, b) { left, right in
        if let left = left.fixed, let right = right.fixed {
            truths.append(Truth(F.apply(left, right)))
            return 0
        }
        guard F.self == EqualFunction.self, let gap = left.subtracting(right),
            gap.constant > 0 && gap.perRow > 0 || gap.constant < 0 && gap.perRow < 0
        else { return nil }
        truths.append(Truth(false))
        return 0
    }
    guard answers != nil, let lengths = shape.fixed, let whole = Shape(lengths),
        whole.elementCount == truths.count
    else { return nil }
    return Tensor(truths, shape: whole)
}

private func logic(
    _ name: String,
    _ truth: @escaping @Sendable (Bool, Bool) -> Bool
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.bool])
            try context.require(input: 1, oneOf: [.bool])
            return [Fact(.bool, try context.operandsShape())]
        },
        compile: { context throws(EngineError) in
            let trailing = try context.trailingAxes()
            return { frame in
                compare(frame, Truth.self, trailing: trailing) { truth($0.isTrue, $1.isTrue) }
            }
        }
    )
}

let comparisonOperators: [OperatorDefinition] = [
    comparison("Equal", EqualFunction.self, since: 1, others: [.bool, .string]),
    comparison("Less", LessFunction.self, since: 1),
    comparison("LessOrEqual", LessOrEqualFunction.self, since: 12),
    comparison("Greater", GreaterFunction.self, since: 1),
    comparison("GreaterOrEqual", GreaterOrEqualFunction.self, since: 12),
    logic("And") { $0 && $1 }, logic("Or") { $0 || $1 }, logic("Xor") { $0 != $1 },
]
