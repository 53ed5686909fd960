// SPDX-License-Identifier: Apache-2.0
package import ONNX
package import Platform
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
    /// For each input how it is read elsewhere than in the arena.
    let lendings: [Lending?]
    /// How many values are only made by late nodes.
    let lateSlotCount: Int
    /// Whether something in it is only understood while it runs.
    package let hasLateNodes: Bool
    /// The most steps that loops of a run take together.
    let mostLateWork: Int
    /// The most operations of one step; see `StepWork`.
    let mostWorkPerStep: Int
    /// Graphs that steps run inside their scratch.
    let children: [Child]
    /// Kept alive for the addresses in `values`.
    let constants: [Tensor]
    /// Those of its kernels, of which some may not be packed yet.
    private let lateMatrices: [LateMatrix]
    /// Kept alive for `steps`.
    private let kernels: [StepKernel]

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

    /// A kernel as a reference, so that a step can be copied without holding it.
    final class StepKernel: Sendable {
        let run: Kernel

        init(_ run: @escaping Kernel) { self.run = run }
    }

    /// Safety: the program keeps the kernels of its steps, and who runs a step keeps the program.
    @safe
    struct Step: Sendable {
        private let kernel: Unmanaged<StepKernel>
        /// Where its operands start in `operands`.
        let firstOperand: Int
        let inputCount: Int
        let outputCount: Int
        /// How many operations it takes at most, or enough for a look at the clock where that is not known.
        let work: Int

        @unsafe
        init(
            kernel: StepKernel,
            firstOperand: Int,
            inputCount: Int,
            outputCount: Int,
            work: Int
        ) {
            unsafe self.kernel = .passUnretained(kernel)
            (self.firstOperand, self.work) = (firstOperand, work)
            (self.inputCount, self.outputCount) = (inputCount, outputCount)
        }

        /// As it runs some millions of times a second, it does not hold the kernel meanwhile.
        @inline(__always)
        func run(_ frame: Frame) { unsafe kernel._withUnsafeGuaranteedRef { $0.run(frame) } }
    }

    /// How many operations a run takes at most.
    var workPerRun: Int { steps.reduce(0) { max($0, $0 &+ $1.work) } }

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
    ///   - bytes: the whole ONNX file; nothing refers to it afterwards.
    ///   - files: those beside it in which tensors lie, by the locations it gives; nor to these, unless
    ///     the options say that matrices are packed later.
    ///   - options: for how many rows, and within which bounds.
    /// - Throws: `EngineError`, saying at which node or byte and why.
    package convenience init(
        model bytes: Span<UInt8>,
        beside files: [String: MappedFile] = [:],
        options: ProgramOptions = ProgramOptions()
    ) throws(EngineError) {
        try self.init(model: bytes, beside: files, options: options, table: .standard)
    }

    convenience init(
        model bytes: Span<UInt8>,
        beside files: [String: MappedFile] = [:],
        options: ProgramOptions,
        table: OperatorTable
    ) throws(EngineError) {
        self.init(try Self.prepare(model: bytes, options, table, TensorLoan(files: files)))
    }

    /// Prepares a mapped model, which the program keeps for as long as it may read it.
    package convenience init(
        model: MappedFile,
        beside files: [String: MappedFile] = [:],
        options: ProgramOptions = ProgramOptions()
    ) throws(EngineError) {
        let loan = TensorLoan(files: files, model: model)
        let program = try model.withBytes { (bytes) throws(EngineError) in
            try Self.prepare(model: bytes, options, .standard, loan)
        }
        self.init(program)
    }

    /// Prepares a graph whose inputs have facts, but for those known only while it runs.
    convenience init(_ graph: Graph, _ options: ProgramOptions) throws(EngineError) {
        self.init(try Self.prepare(graph, options))
    }

    private init(_ prepared: Prepared) {
        let (parts, options) = (prepared.parts, prepared.options)
        (inputs, outputs) = (prepared.inputs, prepared.outputs)
        maximumRows = options.maximumRows
        plan = parts.plan
        (steps, values, operands) = (parts.steps, parts.values, parts.operands)
        (inputPlaces, outputPlaces) = (parts.inputPlaces, parts.outputPlaces)
        lateSlotCount = parts.lateSlotCount
        hasLateNodes = parts.hasLateNodes
        (mostLateWork, mostWorkPerStep) = (options.mostLateWork, options.mostWorkPerStep)
        lendings = Self.lendings(
            prepared.inputs,
            parts.inputPlaces,
            parts.values,
            parts.operands,
            hasLateNodes: parts.hasLateNodes
        )
        children = parts.children
        constants = parts.constants
        lateMatrices = parts.lateMatrices
        kernels = parts.kernels
    }

    /// What is left of a graph when its kernels are made.
    private struct Prepared {
        let inputs: [TensorSpec]
        let outputs: [TensorSpec]
        let parts: Lowering.Parts
        let options: ProgramOptions
    }

    private static func prepare(
        model bytes: Span<UInt8>,
        _ options: ProgramOptions,
        _ table: OperatorTable,
        _ loan: TensorLoan
    ) throws(EngineError) -> Prepared {
        if let unknown = options.disabledPasses.subtracting(Pass.names).min() {
            throw EngineError(
                .unsupported,
                "there is no pass '\(unknown)'",
                remedy: "the passes are \(Pass.names.joined(separator: ", "))"
            )
        }
        // Large tensors stay in the file until a kernel packs them. Once the graph is gone, what is
        // still in use gets a copy: nothing but a matrix that is packed later reads the file then,
        // which others may change.
        defer { loan.end() }
        guard options.maximumRows > 0 else {
            throw EngineError(
                .unsupported,
                "the most rows of a run are \(options.maximumRows), expected 1 or more"
            )
        }
        let graph = try GraphImporter.importGraph(
            of: try read(bytes),
            bytes: bytes,
            options: options,
            table: table,
            loan: loan
        )
        return try prepare(graph, options)
    }

    private static func prepare(
        _ imported: Graph,
        _ options: ProgramOptions
    ) throws(EngineError) -> Prepared {
        var graph = imported
        try graph.inferFacts(options)
        for pass in Pass.standard where !options.disabledPasses.contains(pass.name) {
            pass.apply(&graph)
        }
        var lowering = Lowering(graph, options)
        try lowering.compile()
        return Prepared(
            inputs: graph.inputs.map { graph.spec($0, graph[$0].name) },
            outputs: graph.outputs.map { graph.spec($0.value, $0.name) },
            parts: try lowering.planned(),
            options: options
        )
    }

    /// Whether no kernel reads the files it was made of any longer.
    package var isPacked: Bool { lateMatrices.allSatisfy(\.isPacked) }

    /// Packs what is not packed yet; runs may go on meanwhile, and their bits do not change.
    ///
    /// What it read is what was approved only if the mapped files are untouched afterwards.
    package func pack() {
        for matrix in lateMatrices { matrix.pack() }
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
