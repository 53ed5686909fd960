// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A graph whose names are resolved: tables of values and nodes that refer to each other by number.
///
/// Nodes stand in an order in which each value is made before it is used; every value is made
/// once: by a graph input, by a node, or by being a constant.
struct Graph: Sendable {
    typealias ValueID = Int32

    struct Value: Sendable {
        var name: String
        /// Filled in by `inferFacts`; stays nil for what is only known while the model runs.
        var fact: Fact?
    }

    struct Node: Sendable {
        var name: String
        var definition: OperatorDefinition
        var opset: Int
        var attributes: [String: Attribute]
        /// nil is an optional input left out; behind the written inputs come the values that the
        /// node's own graphs read.
        var inputs: [ValueID?]
        var writtenInputCount: Int
        var outputs: [ValueID]
        /// Whether the node can only be understood while the model runs; set by `inferFacts`.
        var isLate = false

        var shown: String { "'\(name)' (\(definition.name))" }
    }

    struct Output: Sendable {
        let name: String
        var value: ValueID
    }

    var values: [Value] = []
    var nodes: [Node] = []
    var inputs: [ValueID] = []
    var outputs: [Output] = []
    /// What the file declares of inputs and outputs whose facts are only known while it runs.
    var declared: [String: Fact] = [:]

    subscript(_ id: ValueID) -> Value {
        get { values[Int(id)] }
        set { values[Int(id)] = newValue }
    }

    mutating func addValue(named name: String, fact: Fact? = nil) -> ValueID {
        values.append(Value(name: name, fact: fact))
        return ValueID(values.count - 1)
    }

    /// What an operator is told about `node`.
    func context(of node: Node) -> NodeContext {
        NodeContext(
            name: node.name,
            operatorName: node.definition.name,
            domain: node.definition.domain,
            opset: node.opset,
            attributes: node.attributes,
            inputs: node.inputs.map { $0.flatMap { self[$0].fact } },
            writtenInputCount: node.writtenInputCount,
            outputCount: node.outputs.count
        )
    }

    /// Lets every reader of `old` read `new` instead.
    mutating func replace(_ substitutes: [ValueID: ValueID]) {
        guard !substitutes.isEmpty else { return }
        func resolved(_ id: ValueID) -> ValueID {
            var id = id
            while let next = substitutes[id] { id = next }
            return id
        }
        for index in nodes.indices {
            nodes[index].inputs = nodes[index].inputs.map { $0.map(resolved) }
        }
        for index in outputs.indices { outputs[index].value = resolved(outputs[index].value) }
    }
}
