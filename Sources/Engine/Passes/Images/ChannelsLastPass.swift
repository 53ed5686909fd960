// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// Lets nets over images work on images whose channels lie side by side.
    mutating func putChannelsLast() {
        guard nodes.contains(where: { ChannelsLastPass.anchors.contains($0.definition.name) })
        else { return }
        var pass = ChannelsLastPass(self)
        pass.rewrite()
        self = pass.graph
    }
}

/// One walk through the graph that gives values of images a twin with channels last.
///
/// Convolutions and what goes with them read and make twins; operators that treat all elements
/// alike follow where their images have twins already. A node of any other kind makes its image be
/// turned back, once. So a net is turned where it starts and where it ends, and nowhere between.
struct ChannelsLastPass {
    /// Operators that start it.
    static let anchors: Set<String> = ["Conv", "ConvTranspose"]

    var graph: Graph
    private var nodes: [Graph.Node] = []
    /// The twin of a value, once it is made.
    private var twins: [Graph.ValueID: Graph.ValueID] = [:]
    /// Values that so far exist as their twin only.
    private var unmade: Set<Graph.ValueID> = []
    /// Values that turned out to be twins of others.
    var substitutes: [Graph.ValueID: Graph.ValueID] = [:]

    init(_ graph: Graph) { self.graph = graph }

    mutating func rewrite() {
        for node in graph.nodes {
            if let twin = twin(of: node) {
                nodes.append(twin.node)
                if let output = twin.output {
                    twins[node.outputs[0]] = output
                    unmade.insert(node.outputs[0])
                }
                continue
            }
            for case let input? in node.inputs { makePlanes(input) }
            nodes.append(node)
            noteTwin(madeBy: node)
        }
        for output in graph.outputs { makePlanes(output.value) }
        graph.nodes = nodes
        graph.replace(substitutes)
    }

    /// A Transpose that brings channels to axis 1 reads the twin of what it makes.
    private mutating func noteTwin(madeBy node: Graph.Node) {
        guard node.definition.name == "Transpose", node.definition.domain.isEmpty,
            let input = node.inputs.first ?? nil, let fact = graph[input].fact,
            fact.type == .float, (3...5).contains(fact.rank),
            case .integers(let order) = node.attributes["perm"],
            order == ChannelsLast.planes(Array(0..<Int64(fact.rank)))
        else { return }
        twins[node.outputs[0]] = input
    }

    // MARK: Turning

    /// The twin of `value`, made now where it is not there yet; nil for what is no image of floats.
    mutating func last(_ value: Graph.ValueID) -> Graph.ValueID? {
        if let twin = twins[value] { return twin }
        guard let fact = graph[value].fact, fact.type == .float, (3...5).contains(fact.rank) else {
            return nil
        }
        let isFlat = isFlat(fact.shape)
        let definition = isFlat ? ChannelsLast.fromFlatPlanes : ChannelsLast.fromPlanes
        let name = graph[value].name
        guard let twin = add(definition, "\(name).last", [value], [:]) else { return nil }
        if fact.constant != nil { fold(value, into: twin) }
        twins[value] = twin
        return twin
    }

    /// Makes `value` itself, where only its twin exists.
    private mutating func makePlanes(_ value: Graph.ValueID) {
        guard unmade.remove(value) != nil, let twin = twins[value], let fact = graph[value].fact
        else { return }
        let definition = isFlat(fact.shape) ? ChannelsLast.toFlatPlanes : ChannelsLast.toPlanes
        nodes.append(
            node(definition, "\(graph[value].name).planes", [twin], [:], output: value)
        )
    }

    /// Whether turning moves no element: one channel, or one pixel.
    private func isFlat(_ shape: [Dimension]) -> Bool {
        shape[1] == 1 || shape[2...].allSatisfy { $0 == 1 }
    }

    /// Turns a constant now rather than in every run.
    private mutating func fold(_ value: Graph.ValueID, into twin: Graph.ValueID) {
        var room = Int.max
        guard let node = nodes.last, node.outputs == [twin],
            let made = try? evaluate(node.definition, graph.context(of: node), work: &room),
            let tensor = made.first
        else { return }
        graph[twin].fact = Fact(tensor)
        nodes.removeLast()
    }

    // MARK: Nodes

    func hasTwin(_ value: Graph.ValueID?) -> Bool { value.map { twins[$0] != nil } ?? false }

    /// A node of `definition` with a new output, appended; nil where it does not fit its inputs.
    private mutating func add(
        _ definition: OperatorDefinition,
        _ name: String,
        _ inputs: [Graph.ValueID?],
        _ attributes: [String: Attribute]
    ) -> Graph.ValueID? {
        guard let made = made(definition, name, 1, inputs, attributes) else { return nil }
        nodes.append(made.node)
        return made.output
    }

    /// A node of `definition` with a new output of the fact it infers; nil where it does not fit.
    mutating func made(
        _ definition: OperatorDefinition,
        _ name: String,
        _ opset: Int,
        _ inputs: [Graph.ValueID?],
        _ attributes: [String: Attribute]
    ) -> (node: Graph.Node, output: Graph.ValueID)? {
        let output = graph.addValue(named: name)
        var made = node(definition, name, inputs, attributes, output: output)
        made.opset = opset
        var context = graph.context(of: made)
        guard let fact = try? definition.infer(&context).first else {
            graph.values.removeLast()
            return nil
        }
        graph[output].fact = fact
        return (made, output)
    }

    private func node(
        _ definition: OperatorDefinition,
        _ name: String,
        _ inputs: [Graph.ValueID?],
        _ attributes: [String: Attribute],
        output: Graph.ValueID
    ) -> Graph.Node {
        Graph.Node(
            name: name,
            definition: definition,
            opset: 1,
            attributes: attributes,
            inputs: inputs,
            writtenInputCount: inputs.count,
            outputs: [output]
        )
    }
}
