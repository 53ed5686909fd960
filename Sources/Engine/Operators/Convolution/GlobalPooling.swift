// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One number for each channel of each image, out of all its spatial elements.
private enum GlobalPool: Sendable {
    case average
    case most
    case power(Double)
}

private struct GlobalPoolKernel: SampleKernel {
    let pool: GlobalPool

    func make<T: Sample>(_: T.Type) -> Kernel {
        let pool = pool
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = Lanes3(frame.inputShape(0), flattenedFrom: 2)
            for plane in 0..<lanes.outer {
                let line = input.part((plane &* lanes.length)..<((plane &+ 1) &* lanes.length))
                output[plane] = T(sum: pool.result(of: line))
            }
        }
    }
}

extension GlobalPool {
    @inline(__always)
    fileprivate func result<T: Sample>(of line: View<T>) -> T.Sum {
        var total: T.Sum = 0
        switch self {
        case .average:
            for index in line.indices { total += line[index].sum }
            return total / T.Sum(max(line.count, 1))
        case .most:
            total = -.infinity
            for index in line.indices {
                let x = line[index].sum
                if x > total || x.isNaN { total = x }
            }
            return total
        case .power(let power):
            let p = T.Sum(power)
            for index in line.indices { total += T.Sum.pow(abs(line[index].sum), p) }
            return T.Sum.pow(total, 1 / p)
        }
    }
}

private func globalPool(
    _ name: String,
    _ pool: @escaping @Sendable (NodeContext) throws(EngineError) -> GlobalPool
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .samples)
            let image = try context.input(0)
            guard image.rank >= 2 else {
                throw context.failure("input 0 is \(image.shape), expected rows and channels")
            }
            let ones = [Dimension](repeating: 1, count: image.rank - 2)
            return [Fact(image.type, image.shape[..<2] + ones)]
        },
        compile: { context throws(EngineError) in
            GlobalPoolKernel(pool: try pool(context)).kernel(for: try context.input(0).type)
        }
    )
}

let globalPoolingOperators: [OperatorDefinition] = [
    globalPool("GlobalAveragePool") { _ throws(EngineError) in .average },
    globalPool("GlobalMaxPool") { _ throws(EngineError) in .most },
    globalPool("GlobalLpPool") { context throws(EngineError) in
        .power(try context.power())
    },
]
