// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Turns a typed graph into the flat steps of a program: kernels compiled, values placed.
struct Lowering {
    private let graph: Graph
    private let options: ProgramOptions
    private var compiled: [CompiledNode] = []
    private var keptByteCount = 0
    /// Values that are other names for the bytes of an earlier value.
    private var aliases: [Graph.ValueID: Graph.ValueID] = [:]

    private struct CompiledNode {
        let node: Graph.Node
        let kernel: Kernel
        let scratch: Dimension
        let unreadInputs: Set<Int>
    }

    struct Parts {
        var plan: Plan
        var steps: [Program.Step] = []
        var values: [Program.Value] = []
        var operands: [Int32] = []
        var inputValues: [Int32] = []
        var outputValues: [Int32] = []
        var constants: [Tensor] = []
    }

    init(_ graph: Graph, _ options: ProgramOptions) {
        (self.graph, self.options) = (graph, options)
    }

    /// Makes the kernels; nodes that only rename bytes get none.
    mutating func compile() throws(EngineError) {
        let mayAlias = !options.disabledPasses.contains(Pass.reshapeAliasing)
        for node in graph.nodes {
            if mayAlias, node.definition.isReshaping, let input = node.inputs.first ?? nil,
                let output = node.outputs.first, node.outputs.count == 1
            {
                aliases[output] = aliases[input] ?? input
                continue
            }
            var context = graph.context(of: node)
            for output in node.outputs {
                guard let fact = graph[output].fact else {
                    throw context.failure("an output has no type", kind: .invalidGraph)
                }
                context.outputs.append(fact)
            }
            let kernel = try node.definition.compile(&context)
            keptByteCount += context.keptByteCount
            compiled.append(
                CompiledNode(
                    node: node,
                    kernel: kernel,
                    scratch: context.scratch,
                    unreadInputs: context.unreadInputs
                )
            )
        }
    }

    /// Places every value and lays the steps out.
    func planned() throws(EngineError) -> Parts {
        var table = ValueTable(graph, aliases, options, stepCount: compiled.count)
        for input in graph.inputs { try table.add(input, at: -1) }
        var operands: [Int32] = []
        var steps: [Program.Step] = []
        for (step, entry) in compiled.enumerated() {
            let first = operands.count
            for (index, input) in entry.node.inputs.enumerated() {
                guard let input, !entry.unreadInputs.contains(index) else {
                    operands.append(-1)
                    continue
                }
                operands.append(try table.use(input, at: step))
            }
            for output in entry.node.outputs {
                try table.add(output, at: step)
                operands.append(try table.use(output, at: step))
            }
            operands.append(try table.addScratch(entry.scratch, of: entry.node, at: step))
            steps.append(
                Program.Step(
                    kernel: entry.kernel,
                    firstOperand: first,
                    inputCount: entry.node.inputs.count,
                    outputCount: entry.node.outputs.count
                )
            )
        }
        var inputValues: [Int32] = []
        for input in graph.inputs { inputValues.append(try table.use(input, at: compiled.count)) }
        var outputValues: [Int32] = []
        for output in graph.outputs {
            outputValues.append(try table.use(output.value, at: compiled.count))
        }
        let names = compiled.map {
            Plan.Step(name: $0.node.name, operator: $0.node.definition.name)
        }
        var parts = try table.place(steps: names, keptByteCount: keptByteCount)
        (parts.steps, parts.operands) = (steps, operands)
        (parts.inputValues, parts.outputValues) = (inputValues, outputValues)
        return parts
    }
}
