// SPDX-License-Identifier: Apache-2.0

/// Walks a graph's nodes in order while some of them are replaced by the nodes of a graph inside them.
struct Splicing {
    /// Nodes still to come, the next one last.
    private var coming: [Graph.Node]
    private var substitutes: [Graph.ValueID: Graph.ValueID] = [:]
    var done: [Graph.Node] = []

    init(_ graph: inout Graph) {
        coming = graph.nodes.reversed()
        done.reserveCapacity(coming.count)
    }

    /// The next node, reading what stands in the place of outputs that were replaced.
    mutating func next() -> Graph.Node? {
        guard var node = coming.popLast() else { return nil }
        if !substitutes.isEmpty { node.inputs = node.inputs.map { $0.map(resolved) } }
        return node
    }

    func resolved(_ id: Graph.ValueID) -> Graph.ValueID {
        var id = id
        while let next = substitutes[id] { id = next }
        return id
    }

    /// Puts the nodes of `branch` in the place of `node`, which makes what the branch makes.
    mutating func splice(
        _ branch: Subgraph,
        of node: Graph.Node,
        into graph: inout Graph
    ) throws(EngineError) {
        let inner = branch.graph
        var ids: [Graph.ValueID: Graph.ValueID] = [:]
        for (input, place) in zip(inner.inputs, branch.captures) {
            guard node.inputs.indices.contains(place), let outer = node.inputs[place] else {
                throw EngineError(
                    .invalidGraph,
                    "a branch reads a value that is not there",
                    node: node.shown
                )
            }
            ids[input] = outer
        }
        for (index, value) in inner.values.enumerated() {
            let id = Graph.ValueID(index)
            if ids[id] == nil { ids[id] = graph.addValue(named: value.name, fact: value.fact) }
        }
        for var copy in inner.nodes.reversed() {
            copy.inputs = copy.inputs.map { $0.flatMap { ids[$0] } }
            copy.outputs = copy.outputs.compactMap { ids[$0] }
            coming.append(copy)
        }
        for (output, made) in zip(node.outputs, inner.outputs) {
            substitutes[output] = ids[made.value]
        }
    }
}
