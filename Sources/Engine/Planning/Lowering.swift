// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Turns a typed graph into the flat steps of a program: kernels compiled, values placed.
struct Lowering {
    private let graph: Graph
    private let options: ProgramOptions
    private var compiled: [CompiledNode] = []
    private var keptByteCount = 0
    private var lateMatrices: [LateMatrix] = []
    private var childCount = 0
    /// Values that are other names for the bytes of an earlier value.
    private var aliases: [Graph.ValueID: Graph.ValueID] = [:]

    private struct CompiledNode {
        let node: Graph.Node
        /// nil for a late node, whose kernel follows when slots are known.
        let kernel: Kernel?
        var scratch = Dimension(0)
        var unreadInputs: Set<Int> = []
        var children: [Program] = []
        var reusableInputs: [Int: [Int]] = [:]
        var work = SessionTables.workBetweenLooks
    }

    struct Parts {
        var plan: Plan
        var steps: [Program.Step] = []
        var kernels: [Program.StepKernel] = []
        var values: [Program.Value] = []
        var operands: [Int32] = []
        var inputPlaces: [Program.Place] = []
        var outputPlaces: [Program.Place] = []
        var lateSlotCount = 0
        var hasLateNodes = false
        var children: [Program.Child] = []
        var constants: [Tensor] = []
        var lateMatrices: [LateMatrix] = []
    }

    init(_ graph: Graph, _ options: ProgramOptions) {
        (self.graph, self.options) = (graph, options)
    }

    /// Makes the kernels; nodes that only rename bytes get none.
    mutating func compile() throws(EngineError) {
        let mayAlias = !options.disabledPasses.contains(Pass.reshapeAliasing)
        let mayReuse = !options.disabledPasses.contains(Pass.inPlace)
        // Some kernels prepare tables in the lengths of their operands.
        let table = ValueTable(graph, aliases, options, stepCount: 0)
        for id in graph.inputs + graph.nodes.flatMap(\.outputs) { try table.checkSize(of: id) }
        for node in graph.nodes {
            if node.isLate {
                compiled.append(CompiledNode(node: node, kernel: nil))
                continue
            }
            if mayAlias, node.definition.isReshaping, let input = node.inputs.first ?? nil,
                let output = node.outputs.first, node.outputs.count == 1
            {
                aliases[output] = aliases[input] ?? input
                continue
            }
            var context = graph.context(of: node)
            context.maximumRows = options.maximumRows
            context.firstChild = childCount
            context.mostWork = options.mostWorkPerStep
            context.packsLater = options.packsLater
            for output in node.outputs {
                guard let fact = graph[output].fact else {
                    throw context.failure("an output has no type", kind: .invalidGraph)
                }
                context.outputs.append(fact)
            }
            let kernel: Kernel
            do throws(EngineError) {
                kernel = try node.definition.compile(&context)
            } catch {
                // Its shapes are known, how it works is not: it runs late, into planned memory.
                guard case .needsContents = error.kind else { throw error }
                compiled.append(CompiledNode(node: node, kernel: nil))
                continue
            }
            let work = try context.work(rows: options.maximumRows)
            keptByteCount += context.keptByteCount
            lateMatrices += context.lateMatrices
            childCount += context.children.count
            compiled.append(
                CompiledNode(
                    node: node,
                    kernel: kernel,
                    scratch: context.scratch,
                    unreadInputs: context.unreadInputs,
                    children: context.children,
                    reusableInputs: mayReuse ? context.reusableInputs : [:],
                    work: work
                )
            )
        }
    }

    /// Places every value and lays the steps out.
    func planned() throws(EngineError) -> Parts {
        var table = ValueTable(graph, aliases, options, stepCount: compiled.count)
        let slots = LateSlots(graph)
        for input in graph.inputs where slots[input] == nil { try table.add(input, at: -1) }
        let deaths = lastReaders()
        var lateCount = 0
        var children: [Program.Child] = []
        var operands: [Int32] = []
        var steps: [Program.Step] = []
        var kernels: [Program.StepKernel] = []
        for (step, entry) in compiled.enumerated() {
            let first = operands.count
            for (index, input) in entry.node.inputs.enumerated() {
                guard let input, !entry.unreadInputs.contains(index), slots[input] == nil,
                    entry.kernel != nil || graph[input].fact?.constant == nil
                else {
                    operands.append(-1)
                    continue
                }
                operands.append(try table.use(input, at: step))
            }
            var heirs = Heirs(entry.node, entry.reusableInputs, deaths, aliases, at: step)
            for (index, output) in entry.node.outputs.enumerated() where !entry.node.isLate {
                try table.add(output, at: step, over: heirs.candidates(forOutput: index))
                operands.append(try table.use(output, at: step))
            }
            operands.append(try table.addScratch(entry.scratch, of: entry.node, at: step))
            for child in entry.children {
                let scratch = operands[operands.count - 1]
                children.append(Program.Child(program: child, scratch: scratch))
            }
            let kernel: Program.StepKernel
            if let planned = entry.kernel {
                kernel = Program.StepKernel(planned)
            } else {
                let late = slots.node(entry.node, number: lateCount, in: graph)
                lateCount += 1
                kernel = Program.StepKernel { frame in frame.run(late) }
            }
            kernels.append(kernel)
            unsafe steps.append(
                Program.Step(
                    kernel: kernel,
                    firstOperand: first,
                    inputCount: entry.node.inputs.count,
                    outputCount: entry.node.isLate ? 0 : entry.node.outputs.count,
                    work: entry.work
                )
            )
        }
        func place(_ id: Graph.ValueID) throws(EngineError) -> Program.Place {
            if let slot = slots[id] { return .late(slot: slot) }
            return .planned(try table.use(id, at: compiled.count))
        }
        let inputPlaces = try graph.inputs.map { id throws(EngineError) in try place(id) }
        let outputPlaces = try graph.outputs.map { output throws(EngineError) in
            try place(output.value)
        }
        let names = compiled.map {
            Plan.Step(name: $0.node.name, operator: $0.node.definition.name)
        }
        var parts = try table.place(
            steps: names,
            keptByteCount: keptByteCount,
            lateByteCount: slots.count > 0 || lateCount > 0 ? options.lateByteCount : 0
        )
        (parts.steps, parts.kernels, parts.operands) = (steps, kernels, operands)
        (parts.inputPlaces, parts.outputPlaces) = (inputPlaces, outputPlaces)
        parts.lateSlotCount = slots.count
        parts.children = children
        parts.lateMatrices = lateMatrices
        parts.hasLateNodes = slots.count > 0 || lateCount > 0
        return parts
    }

    /// For each value, under the name that its bytes were made, the last step that reads it.
    private func lastReaders() -> [Graph.ValueID: Int] {
        var last: [Graph.ValueID: Int] = [:]
        for (step, entry) in compiled.enumerated() {
            for (index, input) in entry.node.inputs.enumerated() {
                guard let input, !entry.unreadInputs.contains(index) else { continue }
                last[aliases[input] ?? input] = step
            }
        }
        // A run's inputs are read again by the next one, its outputs when it is over.
        for id in graph.inputs + graph.outputs.map(\.value) {
            last[aliases[id] ?? id] = compiled.count
        }
        return last
    }
}

/// Which inputs of a step die there, so that an output may take over their memory.
private struct Heirs {
    private var byOutput: [Int: [Graph.ValueID]] = [:]

    init(
        _ node: Graph.Node,
        _ reusable: [Int: [Int]],
        _ lastReaders: [Graph.ValueID: Int],
        _ aliases: [Graph.ValueID: Graph.ValueID],
        at step: Int
    ) {
        let roots = node.inputs.map { $0.map { aliases[$0] ?? $0 } }
        for (output, inputs) in reusable {
            byOutput[output] = inputs.compactMap { index in
                guard let root = roots[index], lastReaders[root] == step,
                    // The same memory may also be read as another operand, in another order.
                    roots.indices.allSatisfy({ roots[$0] != root || inputs.contains($0) })
                else { return nil }
                return root
            }
        }
    }

    /// What output `index` may take over; no other output gets the same.
    mutating func candidates(forOutput index: Int) -> [Graph.ValueID] {
        let candidates = byOutput[index] ?? []
        for other in byOutput.keys where other != index {
            byOutput[other]?.removeAll(where: candidates.contains)
        }
        return candidates
    }
}
