// SPDX-License-Identifier: Apache-2.0
package import ONNX
package import Tensors

/// A node that can only be understood while the model runs: its shapes follow from data, its
/// values are no plain tensors, or it runs graphs of its own.
///
/// What it makes lives in the arena's region for such values, under numbers of its own (slots).
struct LateNode: Sendable {
    /// Where an input comes from.
    enum Operand: Sendable {
        case absent
        /// The frame's input of the same place.
        case planned
        case late(slot: Int)
        case constant(Tensor)
    }
    /// Which late node of the program this is.
    let number: Int
    let node: Graph.Node
    let inputs: [Operand]
    /// For each output its slot; nil where it was planned, and lies in the frame.
    let outputs: [Int?]
    /// Slots that nobody reads behind this node.
    let dying: [Int]

    /// What the operator is told, with facts of concrete operands.
    func context(
        _ facts: [Fact?],
        mostWork: Int = ProgramOptions.usualWorkPerStep
    ) -> NodeContext {
        var context = NodeContext(
            name: node.name,
            operatorName: node.definition.name,
            domain: node.definition.domain,
            opset: node.opset,
            attributes: node.attributes,
            inputs: facts,
            writtenInputCount: node.writtenInputCount,
            outputCount: node.outputs.count
        )
        context.mostWork = mostWork
        return context
    }
}

/// What an operator that is no plain kernel is lent while the model runs.
package struct LateCall {
    package let context: NodeContext
    /// One entry an input; nil where it is left out.
    package let inputs: [StoredValue?]
    let number: Int
    let values: LateValues
    let frame: Frame

    /// Runs the graph of attribute `name` on `operands`, its own inputs without the captured ones.
    func run(
        _ name: String,
        on operands: [StoredValue]
    ) throws(EngineError) -> [StoredValue] {
        try values.run(body: name, of: self, on: operands)
    }

    /// The tensor that input `index` is.
    package func tensor(_ index: Int) throws(EngineError) -> Tensor {
        guard case .tensor(let tensor) = try value(index) else {
            throw context.failure("input \(index) is no tensor")
        }
        return tensor
    }

    /// The sequence that input `index` is.
    package func sequence(_ index: Int) throws(EngineError) -> [StoredValue] {
        guard case .sequence(let elements) = try value(index) else {
            throw context.failure("input \(index) is no sequence")
        }
        try values.resources.spend(elements.count / 64, context)
        return elements
    }

    package func value(_ index: Int) throws(EngineError) -> StoredValue {
        guard index < inputs.count, let value = inputs[index] else {
            throw context.failure("input \(index) is missing")
        }
        return value
    }

    /// The one whole number that input `index` holds.
    package func integer(_ index: Int) throws(EngineError) -> Int {
        let tensor = try tensor(index)
        guard tensor.elementCount == 1, let number = tensor.wholeNumbers?.first else {
            throw context.failure("input \(index) is no whole number")
        }
        return number
    }

    /// The one truth value that input `index` holds.
    package func truth(_ index: Int) throws(EngineError) -> Bool {
        let tensor = try tensor(index)
        guard tensor.elementCount == 1, tensor.type == .bool else {
            throw context.failure("input \(index) is no truth value")
        }
        return tensor.elements(as: Truth.self)[0].isTrue
    }

    /// A zeroed tensor in the region.
    package func make(_ type: DataType, _ dimensions: [Int]) throws(EngineError) -> Tensor {
        guard let shape = Shape(dimensions), dimensions.count <= Graph.maximumRank else {
            throw context.failure("a tensor of shape \(dimensions) cannot be made")
        }
        guard let tensor = Tensor(type: type, shape: shape, in: values.region) else {
            throw values.full(type, shape, context)
        }
        return tensor
    }

    /// Runs another operator on tensors: how sequences are cut and joined.
    package func apply(
        _ name: String,
        opset: Int,
        attributes: [String: Attribute] = [:],
        _ inputs: [Tensor]
    ) throws(EngineError) -> Tensor {
        let definition = try OperatorTable.standard.lookUp(
            name,
            domain: "",
            opset: opset,
            node: context.name
        )
        var context = NodeContext(
            name: context.name,
            operatorName: name,
            domain: "",
            opset: opset,
            attributes: attributes,
            inputs: inputs.map { Fact($0.type, $0.dimensions.map { Dimension($0) }) },
            outputCount: 1
        )
        context.mostWork = values.resources.mostWorkPerStep
        let outputs = try values.run(definition, context, inputs, cachedFor: nil, text: frame)
        guard let output = outputs.first else { throw context.failure("nothing was made") }
        return output
    }
}

extension Tensor {
    /// The elements of a whole-number tensor; nil for other types.
    package var wholeNumbers: [Int]? {
        switch type {
        case .int64: elements(as: Int64.self).map { Int($0) }
        case .int32: elements(as: Int32.self).map { Int($0) }
        default: nil
        }
    }
}
