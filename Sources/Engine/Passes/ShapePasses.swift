// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Operators that no file names; passes put them in the place of what they have worked out.
enum WorkedOut {
    /// Input 0's bytes under the shape that the node's attributes hold.
    static let view = OperatorDefinition(
        "View",
        domain: domain,
        since: 1,
        inputs: 1...1,
        isReshaping: true,
        infer: { context throws(EngineError) in
            [Fact(try context.input(0).type, try context.lengths())]
        },
        compile: { context throws(EngineError) in
            CopyKernel().kernel(for: try context.input(0).type)
        }
    )

    /// A short list of int64 numbers that follow from the number of rows.
    static let lengths = OperatorDefinition(
        "Lengths",
        domain: domain,
        since: 1,
        inputs: 0...0,
        isPure: false,
        infer: { context throws(EngineError) in
            let lengths = try context.lengths()
            let isScalar = try context.integer("scalar", default: 0) != 0
            return [Fact(.int64, isScalar ? [] : [Dimension(lengths.count)], integers: lengths)]
        },
        compile: { context throws(EngineError) in
            let lengths = try context.lengths()
            return { frame in
                let output: MutableView<Int64> = frame.output(0)
                for index in output.indices {
                    let length = lengths[index]
                    output[index] = Int64(length.constant &+ length.perRow &* frame.rows)
                }
            }
        }
    )

    static let domain = "serin"

    /// The attributes that `NodeContext.lengths` reads back.
    static func attributes(_ lengths: [Dimension]) -> [String: Attribute] {
        [
            "constants": .integers(lengths.map { Int64($0.constant) }),
            "slopes": .integers(lengths.map { Int64($0.perRow) }),
        ]
    }
}

extension NodeContext {
    fileprivate func lengths() throws(EngineError) -> [Dimension] {
        zip(try integers("constants") ?? [], try integers("slopes") ?? [])
            .map { Dimension($0, perRow: $1) }
    }
}

extension Graph {
    /// Cuts what is known of shapes off from the arithmetic that works it out during the run.
    ///
    /// A reshaping node no longer reads its target shape, and a list of lengths that follow from
    /// the number of rows is made by one step that reads nothing. The nodes before them are then
    /// dead, and the values they read die earlier.
    mutating func cutShapeArithmetic() {
        var views: [ValueID: ValueID] = [:]
        for index in nodes.indices {
            let node = nodes[index]
            guard node.definition.domain.isEmpty, node.outputs.count == 1, !node.isLate,
                let output = node.outputs.first, let fact = self[output].fact,
                fact.constant == nil, fact.classes == nil
            else { continue }
            if node.definition.isReshaping || movesOnlyOnes(node), let input = node.input(0),
                self[input].fact != nil
            {
                let source = views[input] ?? input
                views[output] = source
                nodes[index].definition = WorkedOut.view
                nodes[index].attributes = WorkedOut.attributes(fact.shape)
                nodes[index].inputs = [source]
                nodes[index].writtenInputCount = 1
            } else if fact.type == .int64, fact.rank <= 1, let lengths = fact.integers,
                node.definition.isPure
            {
                nodes[index].definition = WorkedOut.lengths
                nodes[index].attributes = WorkedOut.attributes(lengths)
                nodes[index].attributes["scalar"] = .integer(fact.rank == 0 ? 1 : 0)
                nodes[index].inputs = []
                nodes[index].writtenInputCount = 0
            }
        }
    }

    /// Whether a Transpose moves no axis but those of length 1, so that no element moves.
    private func movesOnlyOnes(_ node: Node) -> Bool {
        guard node.isCore("Transpose"), let shape = node.input(0).flatMap({ self[$0].fact })?.shape,
            let order = order(of: node)
        else { return false }
        let moved = order.filter { shape[$0] != 1 }
        return moved == moved.sorted()
    }
}
