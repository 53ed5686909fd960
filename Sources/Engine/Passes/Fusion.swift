// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One spelled-out formula and the operator that does it in one step.
struct Fusion: Sendable {
    /// What stands in the place of a match; `addConstant` puts a new constant into the graph.
    struct Replacement {
        var operatorName: String
        var opset: Int
        var inputs: [Input]
        var attributes: [String: Attribute] = [:]

        enum Input {
            case value(Graph.ValueID)
            case constant(Tensor)
        }
    }

    /// Operators that the last node of a match may be, as a first sieve.
    let roots: Set<String>
    let pattern: GraphPattern
    /// Nil where a match is not what it seemed.
    let replacement: @Sendable (GraphMatch, GraphIndex) -> Replacement?
}

extension Graph {
    /// Puts one node in the place of each part that a fusion matches, the earlier fusions first.
    mutating func apply(_ fusions: [Fusion]) {
        for fusion in fusions { apply(fusion) }
    }

    private mutating func apply(_ fusion: Fusion) {
        guard nodes.contains(where: { fusion.roots.contains($0.definition.name) }) else { return }
        let index = GraphIndex(self)
        var taken: Set<Int> = []
        var replaced: [Int: Node] = [:]
        for (place, node) in index.graph.nodes.enumerated() {
            guard fusion.roots.contains(node.definition.name), node.definition.domain.isEmpty,
                let output = node.outputs.first,
                let match = index.match(fusion.pattern, endingIn: output),
                taken.isDisjoint(with: match.nodes),
                let replacement = fusion.replacement(match, index),
                let new = self.node(for: replacement, replacing: node)
            else { continue }
            taken.formUnion(match.nodes)
            replaced[place] = new
        }
        guard !replaced.isEmpty else { return }
        nodes = nodes.enumerated().compactMap { place, node in
            replaced[place] ?? (taken.contains(place) ? nil : node)
        }
    }

    private mutating func node(for replacement: Fusion.Replacement, replacing root: Node) -> Node? {
        let count = values.count
        let inputs = replacement.inputs.map { input -> ValueID in
            switch input {
            case .value(let value): value
            case .constant(let tensor): addValue(named: "", fact: Fact(tensor))
            }
        }
        let node = self.node(
            replacing: root,
            with: replacement.operatorName,
            opset: replacement.opset,
            inputs: inputs,
            attributes: replacement.attributes
        )
        if node == nil { values.removeLast(values.count - count) }
        return node
    }
}
