// SPDX-License-Identifier: Apache-2.0

extension Graph {
    /// Lets a transposition of a transposition read what the first one read; one that changes
    /// nothing is then left to `removeIdentities`.
    mutating func mergeTransposes() {
        guard nodes.contains(where: { $0.isCore("Transpose") }) else { return }
        var orders: [ValueID: (input: ValueID, order: [Int])] = [:]
        for index in nodes.indices where nodes[index].isCore("Transpose") {
            guard let input = nodes[index].input(0), let output = nodes[index].outputs.first,
                let order = order(of: nodes[index])
            else { continue }
            guard let earlier = orders[input], earlier.order.count == order.count else {
                orders[output] = (input, order)
                continue
            }
            let merged = order.map { earlier.order[$0] }
            nodes[index].inputs = [earlier.input]
            nodes[index].attributes = ["perm": .integers(merged.map { Int64($0) })]
            orders[output] = (earlier.input, merged)
        }
    }

    /// The order of axes that a Transpose brings about, proved by inference.
    func order(of node: Node) -> [Int]? {
        guard let rank = node.input(0).flatMap({ self[$0].fact })?.rank else { return nil }
        return node.integers("perm") ?? (0..<rank).reversed()
    }
}
