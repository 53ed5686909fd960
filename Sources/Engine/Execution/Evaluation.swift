// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Runs one operator on constants, outside any program: how constants are folded and operators tested.
///
/// - Parameters:
///   - definition: the operator.
///   - context: its node, whose inputs are all constants or left out.
///   - limit: the most bytes an output may take.
///   - room: how many operations may be spent on it; what it takes is taken off.
/// - Returns: the outputs, or nil when the contents are faulty, larger than `limit` or too much work.
/// - Throws: `EngineError` when the node makes no sense.
package func evaluate(
    _ definition: OperatorDefinition,
    _ context: NodeContext,
    limit: Int = 1 << 30,
    work room: inout Int
) throws(EngineError) -> [Tensor]? {
    var context = context
    if context.outputs.isEmpty { context.outputs = try definition.infer(&context) }
    let kernel = try definition.compile(&context)
    // A graph inside the node runs in the tables of a session.
    guard context.children.isEmpty else { return nil }

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
        operands.append(Tensor(openType: output.type, shape: shape))
    }
    guard let bytes = context.scratch.fixed, bytes <= limit, let shape = Shape([bytes]) else {
        return nil
    }
    operands.append(Tensor(openType: .uint8, shape: shape))

    let work = try context.work(rows: 1)
    guard work <= room else { return nil }
    room -= work
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
    var room = Int.max
    return try evaluate(definition, context, work: &room)
}

/// Calls `kernel`; nil when it reported a fault.
private func run(_ kernel: Kernel, on operands: [Tensor?], inputCount: Int) -> [Tensor]? {
    var outputs: [Tensor] = []
    let fault = call(kernel, on: operands, inputCount: inputCount, textByteCount: 1 << 20) {
        // A string result points into the text region or at an input: give it text of its own.
        outputs = operands[inputCount..<(operands.count - 1)].compactMap { tensor in
            guard let tensor, tensor.type == .string else {
                tensor?.seal()
                return tensor
            }
            let bytes = tensor.elements(as: TextReference.self).map { unsafe Array($0.bytes) }
            return Tensor(utf8Texts: bytes, shape: tensor.shape)
        }
    }
    return fault == nil ? outputs : nil
}
