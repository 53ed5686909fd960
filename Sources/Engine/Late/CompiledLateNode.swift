// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A planned operator made ready for operands of certain types, shapes and, where it asked, contents.
struct CompiledLateNode {
    struct Output {
        let type: DataType
        let shape: Shape
    }
    let kernel: Kernel
    let outputs: [Output]
    let scratchByteCount: Int
    let keptByteCount: Int
    /// Inputs whose contents the operator asked for.
    let asked: Set<Int>
    private let shapes: [Key?]
    private let contents: [Int: Tensor]

    private struct Key: Equatable {
        let type: DataType
        let shape: [Dimension]
    }

    /// Infers until every input that the operator asks for has its contents, then compiles.
    init(
        _ definition: OperatorDefinition,
        _ blank: NodeContext,
        _ inputs: [Tensor?],
        asked: Set<Int>
    ) throws(EngineError) {
        var asked = asked
        var context: NodeContext
        var facts: [Fact]
        while true {
            context = blank.knowing(asked, of: inputs)
            do throws(EngineError) {
                facts = try definition.infer(&context)
                // Compiling multiplies lengths that this has to have found in order.
                for fact in facts {
                    let node = "'\(blank.name)' (\(blank.operatorName))"
                    try Graph.check(fact, name: "output", node: node)
                }
                context.outputs = facts
                kernel = try definition.compile(&context)
                break
            } catch {
                guard case .needsContents(let index) = error.kind, !asked.contains(index),
                    inputs.indices.contains(index), inputs[index] != nil
                else { throw error }
                asked.insert(index)
            }
        }
        _ = try context.work(rows: 1)
        guard facts.count >= blank.outputCount else {
            throw blank.failure(
                "names \(blank.outputCount) outputs, this form has \(facts.count)"
            )
        }
        outputs = try facts.map { fact throws(EngineError) in
            guard let lengths = fact.shape.fixed, let shape = Shape(lengths) else {
                throw blank.failure("an output has shape \(fact.shape)")
            }
            return Output(type: fact.type, shape: shape)
        }
        guard let scratch = context.scratch.fixed else {
            throw blank.failure("scratch of \(context.scratch) bytes")
        }
        scratchByteCount = scratch
        keptByteCount = context.keptByteCount
        self.asked = asked
        shapes = blank.inputs.map { $0.map { Key(type: $0.type, shape: $0.shape) } }
        var contents: [Int: Tensor] = [:]
        for index in asked where blank.inputs[index]?.constant == nil {
            // A region's tensor may be given back and its place written again, so it is copied.
            contents[index] = inputs[index]?.duplicate()
        }
        self.contents = contents
    }

    /// Whether the kernel also fits these operands.
    func fits(_ facts: [Fact?], _ inputs: [Tensor?]) -> Bool {
        guard facts.count == shapes.count else { return false }
        for (fact, known) in zip(facts, shapes) {
            guard fact.map({ Key(type: $0.type, shape: $0.shape) }) == known else { return false }
        }
        return contents.allSatisfy { index, known in
            inputs[index].map { $0.isEqual(to: known) } ?? false
        }
    }
}

extension NodeContext {
    /// The same node with the contents of some inputs known.
    fileprivate func knowing(_ asked: Set<Int>, of inputs: [Tensor?]) -> NodeContext {
        knowing(
            self.inputs.enumerated().map { index, fact in
                asked.contains(index) ? inputs[index].map { Fact($0) } ?? fact : fact
            }
        )
    }
}
