// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Fills with the "off" value and puts the "on" value where each index says; an index out of range leaves
/// its line off.
private struct OneHotKernel: MovingKernel {
    let axis: Int
    let index: Loader

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (axis, index) = (axis, index)
        return { frame in
            let (values, output): (View<T>, MutableView<T>) = (frame.input(2), frame.output(0))
            output.fill(output.indices, with: values[0])
            let lanes = Lanes3(frame.outputShape(0), axis: axis)
            for block in 0..<lanes.outer {
                for lane in 0..<lanes.inner {
                    guard let number = index(frame, block &* lanes.inner &+ lane) else {
                        return frame.fault(.undefinedValue)
                    }
                    var place = Int(number.bits)
                    guard place >= -lanes.length, place < lanes.length else { continue }
                    if place < 0 { place &+= lanes.length }
                    output[(block &* lanes.length &+ place) &* lanes.inner &+ lane] = values[1]
                }
            }
        }
    }
}

/// OneHot, EyeLike.
let oneHotEyeOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "OneHot",
        since: 9,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            let (indices, values) = (try context.input(0), try context.input(2))
            guard loader(indices.type) != nil, indices.type != .string else {
                throw context.failure("indices are \(indices.type)", kind: .unsupported)
            }
            guard values.shape == [2] else {
                throw context.failure("values are \(values.shape), expected [2]")
            }
            let known = context.optionalInput(1)?.integers?.first
            let depth: Dimension
            if let known {
                depth = known
            } else {
                guard let number = try context.contents(ofInput: 1).number,
                    let length = Int(exactly: number.rounded(.towardZero))
                else { throw context.failure("the depth is no whole number") }
                depth = Dimension(length)
            }
            guard depth.perRow != 0 || depth.constant >= 0 else {
                throw context.failure("the depth is \(depth)")
            }
            var shape = indices.shape
            shape.insert(
                depth,
                at: try context.axis(context.integer("axis", default: -1), rank: shape.count + 1)
            )
            return [Fact(values.type, shape)]
        },
        compile: { context throws(EngineError) in
            context.leaveUnread(input: 1)
            guard let index = loader(try context.input(0).type) else {
                throw context.failure("indices of no number type", kind: .unsupported)
            }
            return OneHotKernel(
                axis: try context.axis(
                    context.integer("axis", default: -1),
                    rank: try context.input(0).rank + 1
                ),
                index: index
            ).kernel(for: try context.input(2).type)
        }
    ).widened(.packed, resultLike: 2),
    OperatorDefinition(
        "EyeLike",
        since: 9,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            guard input.rank == 2 else {
                throw context.failure("input 0 is \(input.shape), expected two axes")
            }
            let type = try context.elementType("dtype", default: input.type)
            guard type.bitWidth >= 8, type != .string, storer(type, from: .int64) != nil else {
                throw context.failure("\(type) is not built", kind: .unsupported)
            }
            return [Fact(type, input.shape)]
        },
        compile: { context throws(EngineError) in
            guard let store = storer(context.outputs[0].type, from: .int64) else {
                throw context.failure("no such type", kind: .unsupported)
            }
            let diagonal = min(max(try context.integer("k", default: 0), -(1 << 40)), 1 << 40)
            return { frame in
                let bytes: MutableView<UInt8> = frame.output(0)
                bytes.fill(bytes.indices, with: 0)
                let shape = frame.outputShape(0)
                for row in 0..<shape[0] where row + diagonal >= 0 && row + diagonal < shape[1] {
                    store(frame, row &* shape[1] &+ row &+ diagonal, .whole(1))
                }
            }
        }
    ),
]
