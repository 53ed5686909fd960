// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// Takes many elements together into one.
///
/// Sums run in double precision for floating-point types.
protocol Reduction: SendableMetatype {
    static var start: Double { get }
    static func take(_ sum: Double, _ x: Double) -> Double
    static func finish(_ sum: Double, count: Int) -> Double
    /// Whether whole numbers are taken together in their own type, wrapping around.
    static var isExact: Bool { get }
    static func take<T: Arithmetic>(_ sum: T, _ x: T) -> T
}

extension Reduction {
    static var start: Double { 0 }
    static func finish(_ sum: Double, count: Int) -> Double { sum }
    static var isExact: Bool { false }
    static func take<T: Arithmetic>(_ sum: T, _ x: T) -> T { sum.plus(x) }
}

enum SumReduction: Reduction {
    static var isExact: Bool { true }
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x }
}
enum MeanReduction: Reduction {
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x }
    static func finish(_ sum: Double, count: Int) -> Double { sum / Double(count) }
}
enum ProdReduction: Reduction {
    static var start: Double { 1 }
    static func take(_ sum: Double, _ x: Double) -> Double { sum * x }
    static var isExact: Bool { true }
    static func take<T: Arithmetic>(_ sum: T, _ x: T) -> T { sum.times(x) }
}
enum SumSquareReduction: Reduction {
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x * x }
    static var isExact: Bool { true }
    static func take<T: Arithmetic>(_ sum: T, _ x: T) -> T { sum.plus(x.times(x)) }
}
enum L1Reduction: Reduction {
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x.magnitude }
}
enum L2Reduction: Reduction {
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x * x }
    static func finish(_ sum: Double, count: Int) -> Double { sum.squareRoot() }
}
enum LogSumReduction: Reduction {
    static func take(_ sum: Double, _ x: Double) -> Double { sum + x }
    static func finish(_ sum: Double, count: Int) -> Double { Glibc.log(sum) }
}

/// The axes a reduction leaves and those it takes together, as two walks over the input.
private struct ReductionWalks {
    var kept = Walk()
    var reduced = Walk()
    var count = 1

    init(_ shape: View<Int>, mask: UInt) {
        var stride = 1
        for back in 0..<shape.count {
            let axis = shape.count - 1 - back
            if mask >> UInt(axis) & 1 == 1 {
                reduced.add(length: shape[axis], a: stride)
                count &*= shape[axis]
            } else {
                kept.add(length: shape[axis], a: stride)
            }
            stride &*= shape[axis]
        }
    }

    /// Calls `body` with the output's place and the input's start of every element that stays.
    @inline(__always)
    func forEachOutput(_ body: (_ output: Int, _ start: Int) -> Void) {
        let (run, step) = (kept.run, kept.strideA[0])
        kept.forEachRun { out, start, _, _ in
            for index in 0..<run { body(out &+ index, start &+ index &* step) }
        }
    }

    /// Calls `body` with the place of every element that belongs to `start`.
    @inline(__always)
    func forEachInput(from start: Int, _ body: (Int) -> Void) {
        let (run, step) = (reduced.run, reduced.strideA[0])
        reduced.forEachRun { _, offset, _, _ in
            for index in 0..<run { body(start &+ offset &+ index &* step) }
        }
    }
}

private struct ReduceKernel<R: Reduction>: ArithmeticKernel {
    let mask: UInt

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let mask = mask
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let walks = ReductionWalks(frame.inputShape(0), mask: mask)
            if !T.isFloating, R.isExact {
                // Whole numbers of 64 bits would lose digits in a double.
                walks.forEachOutput { out, start in
                    var sum = R.start == 0 ? T.nought : .unit
                    walks.forEachInput(from: start) { sum = R.take(sum, input[$0]) }
                    output[out] = sum
                }
                return
            }
            walks.forEachOutput { out, start in
                var sum = R.start
                walks.forEachInput(from: start) { sum = R.take(sum, input[$0].wide) }
                output[out] = T(wide: R.finish(sum, count: walks.count))
            }
        }
    }
}

/// Largest or smallest; of no elements, the other end of the type.
private struct ExtremeKernel: ArithmeticKernel {
    let mask: UInt
    let isLargest: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (mask, isLargest) = (mask, isLargest)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let walks = ReductionWalks(frame.inputShape(0), mask: mask)
            walks.forEachOutput { out, start in
                var best = isLargest ? T.least : T.greatest
                walks.forEachInput(from: start) { place in
                    let x = input[place]
                    best =
                        isLargest
                        ? MaxFunction.apply(best, x) : MinFunction.apply(best, x)
                }
                output[out] = best
            }
        }
    }
}

/// Whether any element is true, or whether all are: the largest and smallest of truths.
private func truthKernel(mask: UInt, isLargest: Bool) -> Kernel {
    { frame in
        let (input, output): (View<Truth>, MutableView<Truth>) = (frame.input(0), frame.output(0))
        let walks = ReductionWalks(frame.inputShape(0), mask: mask)
        walks.forEachOutput { out, start in
            var answer = !isLargest
            walks.forEachInput(from: start) { place in
                if input[place].isTrue == isLargest { answer = isLargest }
            }
            output[out] = Truth(answer)
        }
    }
}

/// The logarithm of a sum of exponentials, the largest taken out first so that nothing overflows.
private struct LogSumExpKernel: ArithmeticKernel {
    let mask: UInt

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let mask = mask
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let walks = ReductionWalks(frame.inputShape(0), mask: mask)
            walks.forEachOutput { out, start in
                var largest = -Double.infinity
                walks.forEachInput(from: start) { largest = max(largest, input[$0].wide) }
                let pivot = largest.isFinite ? largest : 0
                var sum = 0.0
                walks.forEachInput(from: start) { sum += Glibc.exp(input[$0].wide - pivot) }
                output[out] = T(wide: pivot + Glibc.log(sum))
            }
        }
    }
}

extension NodeContext {
    /// The axes that are taken together, as bits; nil when the node does nothing.
    fileprivate func reducedAxes() throws(EngineError) -> UInt? {
        let rank = try input(0).rank
        let listed = try axesOperand(input: 1)
        if listed?.isEmpty ?? true {
            let doesNothing = try integer("noop_with_empty_axes", default: 0) != 0
            return doesNothing ? nil : (1 << UInt(rank)) - 1
        }
        return try axes(listed ?? [], rank: rank).reduce(0) { $0 | 1 << UInt($1) }
    }
}

private func reduction(
    _ name: String,
    others: Set<DataType> = [],
    _ kernel: @escaping @Sendable (UInt, DataType) -> Kernel
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: 1...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic.union(others))
            let input = try context.input(0)
            guard let mask = try context.reducedAxes() else {
                return [Fact(input.type, input.shape)]
            }
            let keeps = try context.integer("keepdims", default: 1) != 0
            var shape: [Dimension] = []
            for (axis, length) in input.shape.enumerated() {
                if mask >> UInt(axis) & 1 == 0 {
                    shape.append(length)
                } else if keeps {
                    shape.append(1)
                }
            }
            return [Fact(input.type, shape)]
        },
        compile: { context throws(EngineError) in
            if context.inputs.count > 1 { context.leaveUnread(input: 1) }
            return kernel(try context.reducedAxes() ?? 0, try context.input(0).type)
        }
    ).widened(.bfloat16)
}

let reductionOperators: [OperatorDefinition] = [
    reduction("ReduceSum") { ReduceKernel<SumReduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceMean") { ReduceKernel<MeanReduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceProd") { ReduceKernel<ProdReduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceSumSquare") { ReduceKernel<SumSquareReduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceL1") { ReduceKernel<L1Reduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceL2") { ReduceKernel<L2Reduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceLogSum") { ReduceKernel<LogSumReduction>(mask: $0).kernel(for: $1) },
    reduction("ReduceLogSumExp") { LogSumExpKernel(mask: $0).kernel(for: $1) },
    extreme("ReduceMax", isLargest: true), extreme("ReduceMin", isLargest: false),
]

private func extreme(_ name: String, isLargest: Bool) -> OperatorDefinition {
    reduction(name, others: [.bool]) { mask, type in
        type == .bool
            ? truthKernel(mask: mask, isLargest: isLargest)
            : ExtremeKernel(mask: mask, isLargest: isLargest).kernel(for: type)
    }
}
