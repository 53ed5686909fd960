// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `value` as one element of `type`; zero for the types that no number stands for.
private func element(_ value: Float, of type: DataType) -> Tensor {
    func make<T: Arithmetic>(_: T.Type) -> Tensor { Tensor([T(wide: Double(value))]) }
    return switch type {
    case .float: make(Float.self)
    case .double: make(Double.self)
    case .float16: make(Float16.self)
    case .bfloat16: Tensor([BFloat16(value)])
    case .int8: make(Int8.self)
    case .int16: make(Int16.self)
    case .int32: make(Int32.self)
    case .int64: make(Int64.self)
    case .uint8: make(UInt8.self)
    case .uint16: make(UInt16.self)
    case .uint32: make(UInt32.self)
    case .uint64: make(UInt64.self)
    case .bool: Tensor([Truth(value != 0)])
    default: Tensor([UInt64](repeating: 0, count: 2))
    }
}

let resizeOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Resize",
        since: 10,
        inputs: 1...4,
        infer: { context throws(EngineError) in
            let form = try ResizeForm(context)
            let type = try context.input(0).type
            if form.mode != .nearest { try context.require(input: 0, oneOf: .arithmetic) }
            guard type.byteWidth != nil else {
                throw context.failure("input 0 is \(type)", kind: .unsupported)
            }
            return [Fact(type, form.axes.map(\.output))]
        },
        compile: { context throws(EngineError) in
            let form = try ResizeForm(context)
            let plan = try ResizePlan(context, form)
            let type = try context.input(0).type
            if form.mode == .nearest {
                context.reserveScratch(
                    bytes: try context.product([
                        Dimension(2), Dimension(plan.largestMiddle), Dimension(type.bitWidth / 8),
                    ])
                )
                return NearestResizeKernel(
                    plan: plan,
                    extrapolation: element(form.extrapolation, of: type)
                ).kernel(for: type)
            }
            if type == .float {
                context.reserveScratch(
                    bytes: try context.product([8, Dimension(plan.largestMiddle)])
                )
                return floatResizeKernel(plan, extrapolation: form.extrapolation)
            }
            context.reserveScratch(
                bytes: try context.product([
                    8, Dimension(PlainResizeKernel.scratchCount(plan)),
                ])
            )
            return PlainResizeKernel(plan: plan, extrapolation: form.extrapolation)
                .kernel(for: type)
        }
    )
].widened(.bfloat16)
