// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Running sums or products along an axis that is an input and read while the model runs.
private struct CumulativeKernel: ArithmeticKernel {
    let isProduct: Bool
    let hasWideAxis: Bool
    let isExclusive: Bool
    let isReverse: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (isProduct, hasWideAxis) = (isProduct, hasWideAxis)
        let (isExclusive, isReverse) = (isExclusive, isReverse)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            var axis =
                hasWideAxis
                ? Int(frame.input(1, as: Int64.self)[0]) : Int(frame.input(1, as: Int32.self)[0])
            if axis < 0 { axis &+= shape.count }
            guard axis >= 0, axis < shape.count else { return frame.fault(.indexOutOfRange) }
            let lanes = Lanes3(shape, axis: axis)
            for block in 0..<lanes.outer {
                for lane in 0..<lanes.inner {
                    let start = block &* lanes.length &* lanes.inner &+ lane
                    var total = isProduct ? T.unit : T.nought
                    for index in 0..<lanes.length {
                        let step = isReverse ? lanes.length - 1 - index : index
                        let place = start &+ step &* lanes.inner
                        let next =
                            isProduct ? total.times(input[place]) : total.plus(input[place])
                        output[place] = isExclusive ? total : next
                        total = next
                    }
                }
            }
        }
    }
}

private func cumulative(_ name: String, since: Int, isProduct: Bool) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            try context.require(input: 1, oneOf: .index)
            let (input, axis) = (try context.input(0), try context.input(1))
            guard try context.product(axis.shape) == 1 else {
                throw context.failure("the axis is \(axis.shape), expected one number")
            }
            if let named = axis.integers?.first?.fixed {
                _ = try context.axis(named, rank: input.rank)
            }
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            CumulativeKernel(
                isProduct: isProduct,
                hasWideAxis: try context.input(1).type == .int64,
                isExclusive: try context.integer("exclusive", default: 0) != 0,
                isReverse: try context.integer("reverse", default: 0) != 0
            ).kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16)
}

let cumulativeOperators: [OperatorDefinition] = [
    cumulative("CumSum", since: 11, isProduct: false),
    cumulative("CumProd", since: 26, isProduct: true),
]
