// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Who makes and who reads each value of a graph, as the graph was when this was made.
struct GraphIndex {
    private var makers: [Int]
    private var useCounts: [Int]
    let graph: Graph

    init(_ graph: Graph) {
        self.graph = graph
        makers = [Int](repeating: -1, count: graph.values.count)
        useCounts = [Int](repeating: 0, count: graph.values.count)
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs { makers[Int(output)] = index }
            for case let input? in node.inputs { useCounts[Int(input)] += 1 }
        }
        for output in graph.outputs { useCounts[Int(output.value)] += 1 }
    }

    /// The place of the node that makes `value`; nil for inputs and constants.
    func maker(of value: Graph.ValueID) -> Int? {
        let index = makers[Int(value)]
        return index < 0 ? nil : index
    }

    /// How often `value` is read, by nodes and as an output of the graph.
    func useCount(of value: Graph.ValueID) -> Int { useCounts[Int(value)] }

    /// The place of the node of the ONNX core named `name` whose first output is `value`.
    func node(named name: String, making value: Graph.ValueID) -> Int? {
        guard let index = maker(of: value), graph.nodes[index].isCore(name),
            graph.nodes[index].outputs.first == value
        else { return nil }
        return index
    }

    func fact(of value: Graph.ValueID) -> Fact? { graph[value].fact }

    /// The number that a constant of one element holds.
    func number(_ value: Graph.ValueID) -> Double? { fact(of: value)?.constant?.onlyNumber }
}

extension Graph.Node {
    /// Whether the node is operator `name` of the ONNX core, with a plan made before the run.
    func isCore(_ name: String) -> Bool {
        definition.name == name && definition.domain.isEmpty
    }

    /// Input `index`, when it is written and there.
    func input(_ index: Int) -> Graph.ValueID? { index < inputs.count ? inputs[index] : nil }

    func integer(_ name: String) -> Int64? {
        guard case .integer(let value) = attributes[name] else { return nil }
        return value
    }

    func integers(_ name: String) -> [Int]? {
        guard case .integers(let list) = attributes[name] else { return nil }
        return list.map { Int($0) }
    }

    func float(_ name: String) -> Float? {
        guard case .float(let value) = attributes[name] else { return nil }
        return value
    }
}

extension Tensor {
    /// The only element of a tensor of a numeric type; nil for more, for text and for rarer types.
    var onlyNumber: Double? {
        guard elementCount == 1 else { return nil }
        switch type {
        case .float: return elements(as: Float.self).first.map { Double($0) }
        case .double: return elements(as: Double.self).first
        case .float16: return elements(as: Float16.self).first.map { Double($0) }
        case .int64: return elements(as: Int64.self).first.map { Double($0) }
        case .int32: return elements(as: Int32.self).first.map { Double($0) }
        default: return nil
        }
    }
}

extension Graph {
    /// A node that does the work of `root` and what leads to it, under the root's name and output.
    ///
    /// - Parameters:
    ///   - root: the node whose only output the new one makes.
    ///   - name: an operator of the ONNX core.
    ///   - opset: the form of the operator that `inputs` and `attributes` are written in.
    ///   - inputs: what it reads.
    ///   - attributes: what it is told.
    /// - Returns: nil where the operator is not there or would make something of another type or
    ///   shape.
    func node(
        replacing root: Node,
        with name: String,
        opset: Int,
        inputs: [ValueID?],
        attributes: [String: Attribute] = [:]
    ) -> Node? {
        guard
            let definition = try? OperatorTable.standard.lookUp(
                name,
                domain: "",
                opset: opset,
                node: root.name
            ), let output = root.outputs.first, let known = self[output].fact
        else { return nil }
        let node = Node(
            name: root.name,
            definition: definition,
            opset: opset,
            attributes: attributes,
            inputs: inputs,
            writtenInputCount: inputs.count,
            outputs: [output]
        )
        var context = context(of: node)
        guard let made = try? definition.infer(&context).first, made.type == known.type,
            made.shape == known.shape
        else { return nil }
        return node
    }
}
