// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A model to be written: one graph of plain nodes, as far as readers of other formats need it.
///
/// The same draft always gives the same bytes.
package struct ModelDraft: Sendable {
    /// A tensor with its elements, row by row.
    package struct Constant: Sendable {
        package enum Elements: Sendable {
            case floats([Float])
            case doubles([Double])
            case integers([Int64])
            case bytes([UInt8])
            case booleans([Bool])
        }
        package var shape: [Int]
        package var elements: Elements

        package init(_ elements: Elements, shape: [Int]) {
            (self.elements, self.shape) = (elements, shape)
        }
    }

    package enum Attribute: Sendable {
        case integer(Int64)
        case integers([Int64])
        case tensor(Constant)
    }

    package struct Node: Sendable {
        package var operatorName: String
        package var domain: String
        package var inputs: [String]
        package var outputs: [String]
        /// In the order in which they are written.
        package var attributes: [(name: String, value: Attribute)]
    }

    /// A tensor of rows that goes into the graph or comes out of it: `[N, width]`.
    package struct Table: Sendable {
        package var name: String
        package var type: DataType
        package var width: Int
    }

    /// What made the model, and in which version; empty where that is not known.
    package var producer: (name: String, version: String)
    /// The operator sets, by domain; "" is the core.
    package var opsets: [(domain: String, version: Int)]
    package private(set) var nodes: [Node] = []
    package private(set) var constants: [(name: String, value: Constant)] = []
    package private(set) var inputs: [Table] = []
    package private(set) var outputs: [Table] = []

    /// The version of the format, in which TreeEnsemble came.
    private static let formatVersion: Int64 = 10

    package init(
        producer: (name: String, version: String),
        opsets: [(domain: String, version: Int)]
    ) {
        (self.producer, self.opsets) = (producer, opsets)
    }

    package mutating func addInput(_ name: String, _ type: DataType, width: Int) {
        inputs.append(Table(name: name, type: type, width: width))
    }

    package mutating func addOutput(_ name: String, _ type: DataType, width: Int) {
        outputs.append(Table(name: name, type: type, width: width))
    }

    /// Adds a constant; one of that name stays what it is.
    package mutating func addConstant(_ name: String, _ value: Constant) {
        guard !constants.contains(where: { $0.name == name }) else { return }
        constants.append((name, value))
    }

    package mutating func addNode(
        _ operatorName: String,
        domain: String = "",
        _ inputs: [String],
        to output: String,
        _ attributes: [(name: String, value: Attribute)] = []
    ) {
        nodes.append(
            Node(
                operatorName: operatorName,
                domain: domain,
                inputs: inputs,
                outputs: [output],
                attributes: attributes
            )
        )
    }

    /// Calls what a node makes by another name; nothing may read it yet.
    package mutating func rename(_ output: String, to name: String) {
        for place in nodes.indices where nodes[place].outputs == [output] {
            nodes[place].outputs = [name]
        }
    }

    // MARK: Bytes

    /// The model as a file.
    package var bytes: [UInt8] {
        var model = WireWriter()
        model.integer(1, Self.formatVersion)
        model.text(2, producer.name)
        if !producer.version.isEmpty { model.text(3, producer.version) }
        model.message(7, write(graph:))
        for opset in opsets {
            model.message(8) { id in
                if !opset.domain.isEmpty { id.text(1, opset.domain) }
                id.integer(2, Int64(opset.version))
            }
        }
        return model.bytes
    }

    private func write(graph: inout WireWriter) {
        for node in nodes { graph.message(1) { write(node, to: &$0) } }
        graph.text(2, producer.name)
        for constant in constants {
            graph.message(5) { tensor in
                write(constant.value, to: &tensor)
                tensor.text(8, constant.name)
            }
        }
        for table in inputs { graph.message(11) { write(table, to: &$0) } }
        for table in outputs { graph.message(12) { write(table, to: &$0) } }
    }

    private func write(_ node: Node, to writer: inout WireWriter) {
        for input in node.inputs { writer.text(1, input) }
        for output in node.outputs { writer.text(2, output) }
        // A name that is the output's is unique, as outputs are.
        writer.text(3, node.outputs.first ?? "")
        writer.text(4, node.operatorName)
        for attribute in node.attributes {
            writer.message(5) { write(attribute.name, attribute.value, to: &$0) }
        }
        if !node.domain.isEmpty { writer.text(7, node.domain) }
    }

    private func write(_ name: String, _ value: Attribute, to writer: inout WireWriter) {
        writer.text(1, name)
        switch value {
        case .integer(let number):
            writer.integer(3, number)
            writer.integer(20, 2)
        case .tensor(let tensor):
            writer.message(5) { write(tensor, to: &$0) }
            writer.integer(20, 4)
        case .integers(let numbers):
            writer.integers(8, numbers)
            writer.integer(20, 7)
        }
    }

    private func write(_ tensor: Constant, to writer: inout WireWriter) {
        for length in tensor.shape { writer.integer(1, Int64(length)) }
        writer.integer(2, Int64(tensor.type.rawValue))
        writer.bytes(9, tensor.rawBytes)
    }

    private func write(_ table: Table, to writer: inout WireWriter) {
        writer.text(1, table.name)
        writer.message(2) { type in
            type.message(1) { tensor in
                tensor.integer(1, Int64(table.type.rawValue))
                tensor.message(2) { shape in
                    shape.message(1) { $0.text(2, "N") }
                    shape.message(1) { $0.integer(1, Int64(table.width)) }
                }
            }
        }
    }
}

extension ModelDraft.Constant {
    var type: DataType {
        switch elements {
        case .floats: .float
        case .doubles: .double
        case .integers: .int64
        case .bytes: .uint8
        case .booleans: .bool
        }
    }

    /// The elements one after the other, lowest byte first.
    var rawBytes: [UInt8] {
        switch elements {
        case .bytes(let values): return values
        case .booleans(let values): return values.map { $0 ? 1 : 0 }
        case .floats(let values): return Self.words(values.map { UInt64($0.bitPattern) }, 4)
        case .doubles(let values): return Self.words(values.map(\.bitPattern), 8)
        case .integers(let values):
            return Self.words(values.map { UInt64(bitPattern: $0) }, 8)
        }
    }

    private static func words(_ values: [UInt64], _ width: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * width)
        for value in values {
            for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
        }
        return bytes
    }
}
