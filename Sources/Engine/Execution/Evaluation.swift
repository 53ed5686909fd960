// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Runs one operator on constants, outside any program: how constants are folded and operators tested.
///
/// - Parameters:
///   - definition: the operator.
///   - context: its node, whose inputs are all constants or left out.
///   - limit: the most bytes an output may take.
/// - Returns: the outputs, or nil when the contents are faulty or larger than `limit`.
/// - Throws: `EngineError` when the node makes no sense.
package func evaluate(
    _ definition: OperatorDefinition,
    _ context: NodeContext,
    limit: Int = 1 << 30
) throws(EngineError) -> [Tensor]? {
    var context = context
    if context.outputs.isEmpty { context.outputs = try definition.infer(&context) }
    let kernel = try definition.compile(&context)

    var operands: [Tensor?] = []
    for input in context.inputs {
        guard let input else {
            operands.append(nil)
            continue
        }
        guard let constant = input.constant else { return nil }
        operands.append(constant)
    }
    for output in context.outputs {
        guard let lengths = output.shape.fixed, let shape = Shape(lengths),
            let byteCount = output.type.byteCount(ofElements: shape.elementCount),
            byteCount <= limit
        else { return nil }
        operands.append(
            output.type == .string
                ? Tensor(texts: Array(repeating: "", count: shape.elementCount), shape: shape)
                : Tensor(type: output.type, shape: shape) { _ in }
        )
    }
    guard let bytes = context.scratch.fixed, bytes <= limit, let shape = Shape([bytes]) else {
        return nil
    }
    operands.append(Tensor(type: .uint8, shape: shape) { _ in })

    return run(kernel, on: operands, inputCount: context.inputs.count)
}

/// Makes a node of `attributes` and runs it on `inputs`; for tests.
package func evaluate(
    _ name: String,
    domain: String = "",
    opset: Int,
    attributes: [String: Attribute] = [:],
    inputs: [Tensor?],
    outputCount: Int = 1
) throws(EngineError) -> [Tensor]? {
    let definition = try OperatorTable.standard.lookUp(
        name,
        domain: domain,
        opset: opset,
        node: "test"
    )
    let context = NodeContext(
        name: "test",
        operatorName: name,
        domain: domain,
        opset: opset,
        attributes: attributes,
        inputs: inputs.map { $0.map { Fact($0) } },
        outputCount: outputCount
    )
    return try evaluate(definition, context)
}

/// Calls `kernel` with `operands` (inputs, outputs, scratch) as its frame; nil when it reported a fault.
private func run(_ kernel: Kernel, on operands: [Tensor?], inputCount: Int) -> [Tensor]? {
    // Kernels read dimensions through pointers, so they need a place that does not move.
    let dimensions = operands.flatMap { $0?.dimensions ?? [] } + [0]
    let textCapacity = 1 << 20
    let lengths = UnsafeMutablePointer<Int>.allocate(capacity: dimensions.count)
    let records = UnsafeMutablePointer<OperandRecord>.allocate(capacity: operands.count)
    let state = UnsafeMutablePointer<RunState>.allocate(capacity: 1)
    let text = UnsafeMutablePointer<UInt8>.allocate(capacity: textCapacity)
    defer {
        unsafe lengths.deallocate()
        unsafe records.deallocate()
        unsafe state.deallocate()
        unsafe text.deallocate()
    }
    for (index, length) in dimensions.enumerated() { unsafe lengths[index] = length }
    var next = unsafe lengths
    for (index, tensor) in operands.enumerated() {
        unsafe (records + index).initialize(
            to: OperandRecord(
                address: tensor?.address,
                count: tensor?.elementCount ?? 0,
                byteCount: tensor?.byteCount ?? 0,
                dimensions: next,
                rank: tensor?.shape.rank ?? 0,
                type: tensor?.type ?? .float
            )
        )
        unsafe next += tensor?.shape.rank ?? 0
    }
    unsafe state.initialize(
        to: RunState(fault: nil, rows: 1, textBase: text, textCapacity: textCapacity)
    )
    let frame = unsafe Frame(
        records: records,
        inputCount: inputCount,
        outputCount: operands.count - inputCount - 1,
        state: state
    )
    return withExtendedLifetime(operands) {
        kernel(frame)
        guard unsafe state.pointee.fault == nil else { return nil }
        // A string result points into the text region or at an input: give it text of its own.
        return operands[inputCount..<(operands.count - 1)].compactMap { tensor in
            guard let tensor, tensor.type == .string else { return tensor }
            let bytes = tensor.elements(as: TextReference.self).map { unsafe Array($0.bytes) }
            return Tensor(utf8Texts: bytes, shape: tensor.shape)
        }
    }
}
