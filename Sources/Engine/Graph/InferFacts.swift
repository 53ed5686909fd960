// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// The most axes a value may have; kernels walk them in fixed places.
    static let maximumRank = 8

    /// How much larger than its inputs, beyond a megabyte, a constant may be to be worked out at
    /// load: as much as four-bit weights grow when they become floats.
    private static let mostGrowth = 8

    /// Works out type, shape and, where possible, contents of every value, in node order.
    ///
    /// What the file declares for values and outputs is not read: converters get it wrong.
    ///
    /// A node that reads what is only known while the model runs, or that asks for such contents,
    /// is late: neither it nor what it makes gets a fact.
    ///
    /// - Parameter options: how much memory and work contents worked out here may take together.
    /// - Throws: `EngineError` at the first node that makes no sense.
    mutating func inferFacts(
        _ options: ProgramOptions = ProgramOptions()
    ) throws(EngineError) {
        var room = Room(byteCount: options.memoryLimit, work: options.mostFoldedWork)
        // Nothing but inputs and initialisers has a fact so far.
        for value in values {
            if let fact = value.fact { try Self.check(fact, name: value.name, node: nil) }
        }
        var splicing = Splicing(&self)
        while var node = splicing.next() {
            if let branch = decidedBranch(of: node) {
                try splicing.splice(branch, of: node, into: &self)
                continue
            }
            try infer(&node, &room)
            splicing.done.append(node)
        }
        nodes = splicing.done
        for index in outputs.indices {
            outputs[index].value = splicing.resolved(outputs[index].value)
        }
    }

    /// What is left for contents worked out at load.
    private struct Room {
        var byteCount: Int
        var work: Int
    }

    private mutating func infer(_ node: inout Node, _ room: inout Room) throws(EngineError) {
        node.isLate = node.inputs.contains { $0.map { self[$0].fact == nil } ?? false }
        guard !node.isLate else { return }
        var context = context(of: node)
        var facts: [Fact]
        do throws(EngineError) {
            facts = try node.definition.infer(&context)
            guard facts.count >= node.outputs.count else {
                throw context.failure(
                    "names \(node.outputs.count) outputs, this form has \(facts.count)",
                    kind: .unsupported
                )
            }
            for (output, fact) in zip(node.outputs, facts) {
                try Self.check(fact, name: self[output].name, node: node.shown)
            }
        } catch {
            guard Self.isDecidedLater(error, node.definition, context) else { throw error }
            node.isLate = true
            return
        }
        try foldContents(of: node, context, &facts, &room)
        for (output, fact) in zip(node.outputs, facts) { self[output].fact = fact }
    }

    /// Whether a node that cannot be planned for every number of rows makes sense for one that is known.
    private static func isDecidedLater(
        _ error: EngineError,
        _ definition: OperatorDefinition,
        _ context: NodeContext
    ) -> Bool {
        if case .needsContents = error.kind { return true }
        guard context.inputs.contains(where: { $0.map(\.dependsOnRows) ?? false }) else {
            return false
        }
        return [1, 2].allSatisfy { rows in
            var fixed = context.fixed(rows: rows)
            do throws(EngineError) {
                return try definition.infer(&fixed).allSatisfy { $0.shape.fixed != nil }
            } catch {
                guard case .needsContents = error.kind else { return false }
                return true
            }
        }
    }

    /// The branch of an If whose condition is known now.
    private func decidedBranch(of node: Node) -> Subgraph? {
        guard node.definition.name == "If", node.definition.domain.isEmpty,
            let condition = node.inputs.first.flatMap({ $0 }).flatMap({ self[$0].fact?.constant }),
            condition.type == .bool, condition.elementCount == 1
        else { return nil }
        let isTrue = condition.elements(as: Truth.self)[0].isTrue
        guard case .graph(let branch)? = node.attributes[isTrue ? "then_branch" : "else_branch"],
            branch.formalCount == 0, branch.graph.outputs.count >= node.outputs.count
        else { return nil }
        return branch
    }

    /// Runs the node now when all it reads is known, and what it makes is not much larger.
    private func foldContents(
        of node: Node,
        _ context: NodeContext,
        _ facts: inout [Fact],
        _ room: inout Room
    ) throws(EngineError) {
        for index in facts.indices where facts[index].constant == nil {
            facts[index].constant = constant(from: facts[index])
        }
        guard node.definition.isPure, facts.contains(where: { $0.constant == nil }),
            node.inputs.indices.allSatisfy({
                node.inputs[$0] == nil || context.inputs[$0]?.constant != nil
            })
        else { return }
        var known = context
        known.outputs = facts
        // A stretched constant is better made at each run than kept: it costs memory twice.
        let read = context.inputs.reduce(0) { $0 + ($1?.constant?.byteCount ?? 0) }
        let limit = min(max(read, 1 << 20 / Self.mostGrowth) * Self.mostGrowth, room.byteCount)
        guard
            let tensors = try evaluate(node.definition, known, limit: limit, work: &room.work),
            tensors.count == facts.count
        else { return }
        room.byteCount -= tensors.reduce(0) { $0 + $1.heldByteCount }
        for (index, tensor) in tensors.enumerated() {
            let classes = facts[index].classes
            facts[index] = Fact(tensor)
            facts[index].classes = classes
        }
    }

    /// The tensor that known integers make.
    private func constant(from fact: Fact) -> Tensor? {
        guard let lengths = fact.shape.fixed, let shape = Shape(lengths),
            let integers = fact.integers?.fixed, integers.count == shape.elementCount
        else { return nil }
        switch fact.type {
        case .int64: return Tensor(integers.map { Int64($0) }, shape: shape)
        case .int32:
            let narrow = integers.compactMap { Int32(exactly: $0) }
            return narrow.count == integers.count ? Tensor(narrow, shape: shape) : nil
        default: return nil
        }
    }

    /// Checks that a value has lengths that kernels can rely on, for every number of rows.
    static func check(_ fact: Fact, name: String, node: String?) throws(EngineError) {
        guard fact.shape.count <= maximumRank else {
            throw EngineError(
                .unsupported,
                "value '\(name)' has \(fact.shape.count) axes, at most \(maximumRank) are supported",
                node: node
            )
        }
        // A run has one row at least. What shrinks with the rows falls below zero for enough of them.
        for dimension in fact.shape where dimension.value(rows: 1) ?? -1 < 0 || dimension.perRow < 0
        {
            throw EngineError(
                .invalidShape,
                "value '\(name)' has shape \(fact.shape), with a length that is or may become negative",
                node: node
            )
        }
        // Kernels loop over the other axes even where one of them is 0.
        if fact.shape.contains(where: { $0.value(rows: 1) == 0 }) {
            let others = fact.shape.compactMap { $0.value(rows: 1) }.filter { $0 > 0 }
            guard let shape = Shape(others), shape.elementCount <= 1 << 24 else {
                throw EngineError(
                    .invalidShape,
                    "value '\(name)' has shape \(fact.shape), which is empty and beyond reason",
                    node: node
                )
            }
        }
        guard let count = fact.shape.elementCount,
            count.value(rows: 1).flatMap(fact.type.byteCount(ofElements:)) != nil
        else {
            throw EngineError(
                .invalidShape,
                "value '\(name)' has shape \(fact.shape), whose size overflows or is not linear in the number of rows",
                node: node
            )
        }
    }
}
