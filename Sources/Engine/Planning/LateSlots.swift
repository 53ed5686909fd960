// SPDX-License-Identifier: Apache-2.0

/// Numbers for the values that only late nodes make, and which node reads each last.
struct LateSlots {
    private var slots: [Graph.ValueID: Int] = [:]
    /// By slot: the outputs of the node that reads it last, as that node's mark; nil for what outlives the run.
    private var lastReader: [Int: Graph.ValueID?] = [:]
    private(set) var count = 0

    init(_ graph: Graph) {
        for input in graph.inputs where graph[input].fact == nil { add(input) }
        for node in graph.nodes where node.isLate {
            for output in node.outputs {
                add(output)
                note(output, readBy: node)
            }
        }
        for node in graph.nodes where node.isLate {
            for case let input? in node.inputs { note(input, readBy: node) }
        }
        for output in graph.outputs {
            if let slot = slots[output.value] { lastReader[slot] = .some(nil) }
        }
        // Inputs survive a run.
        for input in graph.inputs {
            if let slot = slots[input] { lastReader[slot] = .some(nil) }
        }
    }

    subscript(_ id: Graph.ValueID) -> Int? { slots[id] }

    private mutating func add(_ id: Graph.ValueID) {
        guard slots[id] == nil else { return }
        slots[id] = count
        count += 1
    }

    private mutating func note(_ id: Graph.ValueID, readBy node: Graph.Node) {
        if let slot = slots[id] { lastReader[slot] = node.outputs.first }
    }

    /// What `node` needs to run late.
    func node(_ node: Graph.Node, number: Int, in graph: Graph) -> LateNode {
        let inputs = node.inputs.map { input -> LateNode.Operand in
            guard let input else { return .absent }
            if let slot = slots[input] { return .late(slot: slot) }
            if let constant = graph[input].fact?.constant { return .constant(constant) }
            return .planned
        }
        let touched = Set((node.inputs.compactMap { $0 } + node.outputs).compactMap { slots[$0] })
        return LateNode(
            number: number,
            node: node,
            inputs: inputs,
            outputs: node.outputs.map { slots[$0] },
            dying: touched.filter { lastReader[$0] == .some(node.outputs.first) }.sorted()
        )
    }
}
