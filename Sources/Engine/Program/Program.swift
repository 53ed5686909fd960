// SPDX-License-Identifier: Apache-2.0
package import ONNX
import Tensors

/// A model made ready to run: checked, folded, planned, compiled.
///
/// It never changes; any number of sessions share it.
///
/// file → `ModelProto` → `Graph` → facts → passes → kernels → plan.
package final class Program: Sendable {
    package let inputs: [TensorSpec]
    package let outputs: [TensorSpec]
    package let maximumRows: Int
    package let plan: Plan

    let steps: [Step]
    /// The values that steps and sessions refer to by number.
    let values: [Value]
    /// For each step's operands, inputs then outputs then scratch: a value, or -1.
    let operands: [Int32]
    let inputPlaces: [Place]
    let outputPlaces: [Place]
    /// How many values are only made by late nodes.
    let lateSlotCount: Int
    /// Whether something in it is only understood while it runs.
    package let hasLateNodes: Bool
    /// The most steps that loops of a run take together.
    let mostLateWork: Int
    /// Graphs that steps run inside their scratch.
    let children: [Child]
    /// Kept alive for the addresses in `values`.
    let constants: [Tensor]

    /// Where the value of an input or output is found.
    enum Place: Sendable {
        case planned(Int32)
        case late(slot: Int)
    }

    struct Child: Sendable {
        let program: Program
        /// The value that is its arena.
        let scratch: Int32
    }

    struct Step: Sendable {
        let kernel: Kernel
        /// Where its operands start in `operands`.
        let firstOperand: Int
        let inputCount: Int
        let outputCount: Int
    }

    struct Value: Sendable {
        enum Location: Sendable {
            case arena(offset: Int)
            case constant(index: Int)
        }
        let type: DataType
        let shape: [Dimension]
        let location: Location
    }

    /// Prepares a model.
    ///
    /// - Parameters:
    ///   - bytes: the whole ONNX file; nothing of it is kept.
    ///   - options: for how many rows, and within which bounds.
    /// - Throws: `EngineError`, saying at which node or byte and why.
    package convenience init(
        model bytes: Span<UInt8>,
        options: ProgramOptions = ProgramOptions()
    ) throws(EngineError) {
        try self.init(model: bytes, options: options, table: .standard)
    }

    convenience init(
        model bytes: Span<UInt8>,
        options: ProgramOptions,
        table: OperatorTable
    ) throws(EngineError) {
        if let unknown = options.disabledPasses.subtracting(Pass.names).min() {
            throw EngineError(
                .unsupported,
                "there is no pass '\(unknown)'",
                remedy: "the passes are \(Pass.names.joined(separator: ", "))"
            )
        }
        guard options.maximumRows > 0 else {
            throw EngineError(
                .unsupported,
                "the most rows of a run are \(options.maximumRows), expected 1 or more"
            )
        }
        let proto = try Self.read(bytes)
        let graph = try GraphImporter.importGraph(
            of: proto,
            bytes: bytes,
            options: options,
            table: table
        )
        try self.init(graph, options)
    }

    /// Prepares a graph whose inputs have facts, but for those known only while it runs.
    init(_ imported: Graph, _ options: ProgramOptions) throws(EngineError) {
        var graph = imported
        try graph.inferFacts(memoryLimit: options.memoryLimit)
        for pass in Pass.standard where !options.disabledPasses.contains(pass.name) {
            pass.apply(&graph)
        }
        var lowering = Lowering(graph, options)
        try lowering.compile()
        let parts = try lowering.planned()

        inputs = graph.inputs.map { graph.spec($0, graph[$0].name) }
        outputs = graph.outputs.map { graph.spec($0.value, $0.name) }
        maximumRows = options.maximumRows
        plan = parts.plan
        (steps, values, operands) = (parts.steps, parts.values, parts.operands)
        (inputPlaces, outputPlaces) = (parts.inputPlaces, parts.outputPlaces)
        lateSlotCount = parts.lateSlotCount
        hasLateNodes = parts.hasLateNodes
        mostLateWork = options.mostLateWork
        children = parts.children
        constants = parts.constants
    }

    /// Reads the file's structure.
    package static func read(_ bytes: Span<UInt8>) throws(EngineError) -> ModelProto {
        do throws(ReadError) {
            return try ModelProto(bytes)
        } catch {
            throw EngineError(.unreadable(byte: error.offset), "\(error)")
        }
    }

    /// The name and operator of the step that stopped a run.
    package func describe(_ fault: RunFault) -> String {
        let step = plan.steps.indices.contains(fault.step) ? plan.steps[fault.step] : nil
        let place = step.map { "node '\($0.name)' (\($0.operator)): " } ?? ""
        return place + (fault.detail.map { "\($0)" } ?? fault.reason.sentence)
    }
}

extension Graph {
    /// What is known of a value at the program's edge.
    fileprivate func spec(_ id: ValueID, _ name: String) -> TensorSpec {
        let fact = self[id].fact ?? declared[name] ?? Fact(.float, [])
        return TensorSpec(
            name: name,
            elementType: fact.type,
            shape: fact.shape,
            classes: fact.classes,
            isLate: self[id].fact == nil
        )
    }
}
