// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

private let plain = IntegerProduct.Operands(a: 0, aZero: 2, b: 1, bZero: 3)
private let scaled = IntegerProduct.Operands(a: 0, aZero: 2, b: 3, bZero: 5)

/// A scale of a QLinearMatMul node: one, or one for each line of its matrix.
private func scales(_ type: DataType, operand: Int) -> Loader? {
    [.float, .float16, .bfloat16].contains(type) ? loader(type, operand: operand) : nil
}

let integerProductOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "MatMulInteger",
        since: 10,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            [Fact(.int32, try IntegerProduct.check(context, plain))]
        },
        compile: { context throws(EngineError) in
            let product = try IntegerProduct(&context, plain, extra: 0)
            return { frame in
                let c: MutableView<Int32> = frame.output(0)
                guard c.count > 0 else { return }
                unsafe product.run(frame, c.pointer, scratch: frame.scratch())
            }
        }
    ),
    OperatorDefinition(
        "QLinearMatMul",
        since: 10,
        inputs: 8...8,
        infer: { context throws(EngineError) in
            let shape = try IntegerProduct.check(context, scaled)
            try context.require(input: 7, oneOf: [.uint8, .int8])
            guard try context.product(try context.input(7).shape) == 1 else {
                throw context.failure(
                    "zero point 7 is \(try context.input(7).shape), expected one number"
                )
            }
            let (a, b) = (try context.input(0), try context.input(3))
            let rows = a.rank > 1 ? a.shape[a.rank - 2] : 1
            let columns = b.rank > 1 ? b.shape[b.rank - 1] : 1
            for (index, count) in [(1, rows), (4, columns), (6, Dimension(1))] {
                try context.require(input: index, oneOf: [.float, .float16, .bfloat16])
                let size = try context.product(try context.input(index).shape)
                guard size == 1 || size == count else {
                    throw context.failure("scale \(index) is \(try context.input(index).shape)")
                }
            }
            return [Fact(try context.input(7).type, shape)]
        },
        compile: { context throws(EngineError) in
            let count = try context.product(context.outputs[0].shape)
            let columns = try context.sum([context.outputs[0].shape.last ?? 1, 0])
            let extra = try context.sum([
                context.product([count, 4]), context.product([columns, 4]), 256,
            ])
            let product = try IntegerProduct(&context, scaled, extra: extra)
            guard let left = scales(try context.input(1).type, operand: 1),
                let right = scales(try context.input(4).type, operand: 4),
                let result = scales(try context.input(6).type, operand: 6)
            else { throw context.failure("scales of this type", kind: .unsupported) }
            let isVector = try context.input(3).rank < 2
            return requantizing(
                product,
                left,
                right,
                result,
                isUnsigned: try context.input(7).type == .uint8,
                columnsAreOne: isVector
            )
        }
    ),
]

/// The product's sums lie in scratch memory, then each line is scaled into the output.
private func requantizing(
    _ product: IntegerProduct,
    _ left: @escaping Loader,
    _ right: @escaping Loader,
    _ result: @escaping Loader,
    isUnsigned: Bool,
    columnsAreOne: Bool
) -> Kernel {
    { frame in
        let (y, signedY): (MutableView<UInt8>, MutableView<Int8>) = (
            frame.output(0), frame.output(0)
        )
        guard y.count > 0 else { return }
        // The shape of the right matrix, which may be packed away, shows in the result.
        let (shapeA, shape) = (frame.inputShape(0), frame.outputShape(0))
        let columns = columnsAreOne ? 1 : shape[shape.count - 1]
        let rows = shapeA.count > 1 ? shapeA[shapeA.count - 2] : 1
        let scratch: MutableView<UInt8> = frame.scratch()
        let factorBytes = (columns &* 4 &+ 63) & ~63
        let place = unsafe IntegerProduct.extra(scratch, byteCount: factorBytes &+ y.count &* 4)
        let factors = unsafe place.assumingMemoryBound(to: Float.self)
        let sums = unsafe (place + factorBytes).assumingMemoryBound(to: Int32.self)
        unsafe product.run(frame, sums, scratch: scratch)

        let (zero, signedZero): (View<UInt8>, View<Int8>) = (frame.input(7), frame.input(7))
        let middle = isUnsigned ? Int32(zero[0]) : Int32(signedZero[0])
        let step = Float(result(frame, 0)?.double ?? 1)
        let (leftCount, rightCount) = (elementCount(frame, 1), elementCount(frame, 4))
        for line in 0..<(y.count / columns) {
            if line == 0 || leftCount > 1 {
                let scale = Float(left(frame, leftCount > 1 ? line % rows : 0)?.double ?? 1)
                for column in 0..<columns {
                    let other = Float(right(frame, rightCount > 1 ? column : 0)?.double ?? 1)
                    unsafe factors[column] = scale * other / step
                }
            }
            let range = (line &* columns)..<((line &+ 1) &* columns)
            let from = unsafe sums + line &* columns
            if isUnsigned {
                unsafe serin_requantize_u8(
                    columns,
                    from,
                    factors,
                    middle,
                    y.part(range).pointer
                )
            } else {
                unsafe serin_requantize_i8(
                    columns,
                    from,
                    factors,
                    middle,
                    signedY.part(range).pointer
                )
            }
        }
    }
}

private func elementCount(_ frame: Frame, _ input: Int) -> Int {
    let shape = frame.inputShape(input)
    var count = 1
    for axis in shape.indices { count &*= shape[axis] }
    return count
}
