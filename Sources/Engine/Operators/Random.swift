// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// What one random number becomes.
private enum Distribution: Sendable {
    case uniform(low: Double, high: Double)
    case normal(mean: Double, deviation: Double)
    /// One with the probability that input 0 holds, else zero.
    case bernoulli

    func kernel(_ seed: UInt32, _ store: @escaping Storer, _ load: Loader?) -> Kernel {
        { frame in
            var numbers = RandomNumbers(seed: seed, in: frame.scratch())
            var count = 1
            let shape = frame.outputShape(0)
            for axis in shape.indices { count &*= shape[axis] }
            for index in 0..<count {
                switch self {
                case .uniform(let low, let high):
                    store(frame, index, .real(low + (high - low) * numbers.uniform()))
                case .normal(let mean, let deviation):
                    store(frame, index, .real(mean + deviation * numbers.normal()))
                case .bernoulli:
                    let chance = load?(frame, index)?.double ?? 0
                    store(frame, index, .whole(numbers.uniform() < chance ? 1 : 0))
                }
            }
        }
    }
}

extension NodeContext {
    fileprivate func uniform() throws(EngineError) -> Distribution {
        .uniform(
            low: Double(try float("low", default: 0)),
            high: Double(try float("high", default: 1))
        )
    }

    fileprivate func normal() throws(EngineError) -> Distribution {
        .normal(
            mean: Double(try float("mean", default: 0)),
            deviation: Double(try float("scale", default: 1))
        )
    }

    fileprivate mutating func kernel(of distribution: Distribution) throws(EngineError) -> Kernel {
        let type = outputs[0].type
        guard let store = storer(type, from: .double) else {
            throw failure("\(type) is not built", kind: .unsupported)
        }
        reserveScratch(bytes: Dimension(RandomNumbers.byteCount))
        return distribution.kernel(try seed(), store, optionalInput(0).flatMap { loader($0.type) })
    }

    /// The shape that the attribute of a node without inputs gives.
    fileprivate func attributeShape() throws(EngineError) -> [Dimension] {
        guard let lengths = try integers("shape") else {
            throw failure("attribute 'shape' is missing")
        }
        return lengths.map { Dimension($0) }
    }
}

/// Numbers of an own generator: the same for every run, as the seed or else the node's name decides.
///
/// No two implementations of these operators agree; what can be relied on is the distribution.
private func random(
    _ name: String,
    since: Int,
    isLike: Bool,
    _ distribution: @escaping @Sendable (NodeContext) throws(EngineError) -> Distribution
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: isLike ? 1...1 : 0...0,
        isPure: false,
        infer: { context throws(EngineError) in
            guard isLike else {
                return [
                    Fact(
                        try context.elementType("dtype", default: .float),
                        try context.attributeShape()
                    )
                ]
            }
            let input = try context.input(0)
            return [Fact(try context.elementType("dtype", default: input.type), input.shape)]
        },
        compile: { context throws(EngineError) in
            try context.kernel(of: try distribution(context))
        }
    )
}

/// RandomUniform, RandomNormal and their forms like an input, Bernoulli, Multinomial.
let randomOperators: [OperatorDefinition] = [
    random("RandomUniform", since: 1, isLike: false) { context throws(EngineError) in
        try context.uniform()
    },
    random("RandomUniformLike", since: 1, isLike: true) { context throws(EngineError) in
        try context.uniform()
    },
    random("RandomNormal", since: 1, isLike: false) { context throws(EngineError) in
        try context.normal()
    },
    random("RandomNormalLike", since: 1, isLike: true) { context throws(EngineError) in
        try context.normal()
    },
    random("Bernoulli", since: 15, isLike: true) { _ in .bernoulli },
    OperatorDefinition(
        "Multinomial",
        since: 7,
        inputs: 1...1,
        isPure: false,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float, .double, .float16, .bfloat16])
            let input = try context.input(0)
            let count = try context.integer("sample_size", default: 1)
            guard input.rank == 2, count > 0 else {
                throw context.failure("\(count) samples of an input of \(input.shape)")
            }
            let type = try context.elementType("dtype", default: .int32)
            guard Set<DataType>.index.contains(type) else {
                throw context.failure("dtype is \(type), expected int32 or int64")
            }
            return [Fact(type, [input.shape[0], Dimension(count)])]
        },
        compile: { context throws(EngineError) in
            guard let store = storer(context.outputs[0].type, from: .int64),
                let load = loader(try context.input(0).type)
            else { throw context.failure("no such type", kind: .unsupported) }
            context.reserveScratch(bytes: Dimension(RandomNumbers.byteCount))
            return multinomialKernel(try context.seed(), load, store)
        }
    ),
]

/// Draws classes by unnormalised logarithms of their chances, `[batch, classes]`.
private func multinomialKernel(
    _ seed: UInt32,
    _ load: @escaping Loader,
    _ store: @escaping Storer
) -> Kernel {
    { frame in
        var numbers = RandomNumbers(seed: seed, in: frame.scratch())
        let (classes, samples) = (frame.inputShape(0)[1], frame.outputShape(0)[1])
        for row in 0..<frame.inputShape(0)[0] {
            func chance(_ index: Int, _ largest: Double) -> Double {
                exp((load(frame, row &* classes &+ index)?.double ?? 0) - largest)
            }
            var largest = -Double.infinity
            for index in 0..<classes {
                largest = max(largest, load(frame, row &* classes &+ index)?.double ?? 0)
            }
            var total = 0.0
            for index in 0..<classes { total += chance(index, largest) }
            for sample in 0..<samples {
                var rest = numbers.uniform() * total
                var chosen = 0
                while chosen < classes - 1 {
                    rest -= chance(chosen, largest)
                    if rest < 0 { break }
                    chosen += 1
                }
                store(frame, row &* samples &+ sample, .whole(Int128(chosen)))
            }
        }
    }
}
