// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A whole-number type that indices come in.
protocol IndexElement: BitwiseCopyable, SendableMetatype {
    var position: Int { get }
}
extension Int32: IndexElement { var position: Int { Int(self) } }
extension Int64: IndexElement { var position: Int { Int(self) } }

/// Takes whole lines along an axis.
private struct GatherKernel: MovingKernel {
    let axis: Int
    let hasWideIndices: Bool

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        hasWideIndices ? kernel(T.self, Int64.self) : kernel(T.self, Int32.self)
    }

    private func kernel<T: BitwiseCopyable, I: IndexElement>(_: T.Type, _: I.Type) -> Kernel {
        let axis = axis
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let indices: View<I> = frame.input(1)
            let lanes = Lanes3(frame.inputShape(0), axis: axis)
            var target = 0
            for block in 0..<lanes.outer {
                let base = block &* lanes.length &* lanes.inner
                for index in indices.indices {
                    var position = indices[index].position
                    if position < 0 { position &+= lanes.length }
                    guard position >= 0, position < lanes.length else {
                        return frame.fault(.indexOutOfRange)
                    }
                    let from = base &+ position &* lanes.inner
                    output.copy(input.part(from..<(from &+ lanes.inner)), at: target)
                    target &+= lanes.inner
                }
            }
        }
    }
}

/// Takes single elements along an axis.
private struct GatherElementsKernel: MovingKernel {
    let axis: Int
    let hasWideIndices: Bool

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        hasWideIndices ? kernel(T.self, Int64.self) : kernel(T.self, Int32.self)
    }

    private func kernel<T: BitwiseCopyable, I: IndexElement>(_: T.Type, _: I.Type) -> Kernel {
        let axis = axis
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let indices: View<I> = frame.input(1)
            let (shape, result) = (frame.inputShape(0), frame.inputShape(1))
            var place = Walk.Axes(repeating: 0)
            for index in indices.indices {
                var position = indices[index].position
                if position < 0 { position &+= shape[axis] }
                guard position >= 0, position < shape[axis] else {
                    return frame.fault(.indexOutOfRange)
                }
                var (offset, stride) = (0, 1)
                for back in 0..<shape.count {
                    let other = shape.count - 1 - back
                    offset &+= (other == axis ? position : place[other]) &* stride
                    stride &*= shape[other]
                }
                output[index] = input[offset]
                for back in 0..<result.count {
                    let other = result.count - 1 - back
                    place[other] &+= 1
                    if place[other] < result[other] { break }
                    place[other] = 0
                }
            }
        }
    }
}

let gatherOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Gather",
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 1, oneOf: .index)
            let (data, indices) = (try context.input(0), try context.input(1))
            let axis = try context.axis(context.integer("axis", default: 0), rank: data.rank)
            var fact = Fact(
                data.type,
                data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...]
            )
            if data.rank == 1, fact.rank <= 1, let numbers = data.integers,
                let places = indices.integers?.fixed
            {
                let wrapped = places.map { $0 < 0 ? $0 + numbers.count : $0 }
                guard wrapped.allSatisfy(numbers.indices.contains) else {
                    throw context.failure(
                        "an index of \(places) is outside \(numbers.count) elements"
                    )
                }
                fact.integers = wrapped.map { numbers[$0] }
            }
            return [fact]
        },
        compile: { context throws(EngineError) in
            let data = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: data.rank)
            return GatherKernel(axis: axis, hasWideIndices: try context.input(1).type == .int64)
                .kernel(for: data.type)
        }
    ),
    OperatorDefinition(
        "GatherElements",
        since: 11,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 1, oneOf: .index)
            let (data, indices) = (try context.input(0), try context.input(1))
            let axis = try context.axis(context.integer("axis", default: 0), rank: data.rank)
            guard data.rank == indices.rank else {
                throw context.failure("\(data.shape) and indices \(indices.shape) differ in rank")
            }
            for other in data.shape.indices where other != axis {
                let (whole, part) = (data.shape[other], indices.shape[other])
                if whole == part { continue }
                guard let whole = whole.fixed, let part = part.fixed, part <= whole else {
                    throw context.failure("indices \(indices.shape) leave \(data.shape)")
                }
            }
            return [Fact(data.type, indices.shape)]
        },
        compile: { context throws(EngineError) in
            let data = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: 0), rank: data.rank)
            return GatherElementsKernel(
                axis: axis,
                hasWideIndices: try context.input(1).type == .int64
            ).kernel(for: data.type)
        }
    ),
].widened(.packed)
