// SPDX-License-Identifier: Apache-2.0

extension Graph {
    /// Lets a concatenation put in place itself what only it reads of another along the same axis.
    mutating func mergeConcatenations() {
        guard nodes.count(where: { $0.isCore("Concat") }) > 1 else { return }
        let index = GraphIndex(self)
        // Nodes stand in the order they run in, so that the inner ones are merged already.
        for outer in nodes.indices where nodes[outer].isCore("Concat") {
            guard let axis = concatAxis(of: nodes[outer]) else { continue }
            nodes[outer].inputs = nodes[outer].inputs.flatMap { input -> [ValueID?] in
                guard let value = input, index.useCount(of: value) == 1,
                    let inner = index.node(named: "Concat", making: value),
                    concatAxis(of: nodes[inner]) == axis
                else { return [input] }
                return nodes[inner].inputs
            }
            nodes[outer].writtenInputCount = nodes[outer].inputs.count
        }
        // What is merged has no reader any more, and goes with the dead code.
    }

    /// The axis that a Concat works along, counted from the first.
    private func concatAxis(of node: Node) -> Int? {
        guard let rank = node.input(0).flatMap({ self[$0].fact })?.rank,
            let axis = node.integer("axis")
        else { return nil }
        return Int(axis) < 0 ? Int(axis) + rank : Int(axis)
    }
}
