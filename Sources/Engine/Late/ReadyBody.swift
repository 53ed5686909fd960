// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// A graph inside a node, planned for inputs of certain types and shapes and given memory in the region.
final class ReadyBody {
    private let program: Program
    private let tables: SessionTables
    /// The slots of the plan.
    private let arena: Tensor
    /// For each input of the program: which of the values handed over it is.
    private let places: [Int]
    private let key: [Key?]

    private struct Key: Equatable {
        let type: DataType
        let shape: [Dimension]
    }

    /// Plans `body` for inputs of `facts`; nil stands for what is no tensor.
    init(
        _ body: Graph,
        _ facts: [Fact?],
        _ resources: LateResources,
        _ context: NodeContext
    ) throws(EngineError) {
        let region = resources.region
        var graph = body
        var places: [Int] = []
        var inputs: [Graph.ValueID] = []
        for (index, id) in body.inputs.enumerated() {
            graph[id].fact = facts[index]
            guard facts[index]?.constant == nil else { continue }
            inputs.append(id)
            places.append(index)
        }
        graph.inputs = inputs
        var options = ProgramOptions(maximumRows: 1, memoryLimit: .max)
        // Text and late values go where those of the whole model go.
        options.textByteCountPerElement = 0
        options.lateByteCount = 0
        options.mostWorkPerStep = resources.mostWorkPerStep
        // Planned while a request waits, and perhaps in every step of a loop.
        options.mostFoldedWork = 10_000_000
        program = try Program(graph, options)
        let kept = program.plan.keptByteCount
        guard region.charge(byteCount: kept), let shape = Shape([program.plan.peak]),
            let arena = Tensor(type: .uint8, shape: shape, in: region)
        else {
            let requested = program.plan.peak + kept
            let available = region.freeByteCount
            throw context.failure(
                "its graph needs \(requested) bytes, \(available) of the region's \(region.byteCount) are free",
                kind: .memoryLimit(requested: requested, available: available)
            )
        }
        self.arena = arena
        self.places = places
        unsafe tables = SessionTables(program, base: arena.address, resources: resources)
        key = facts.map { $0.map { Key(type: $0.type, shape: $0.shape) } }
    }

    func fits(_ facts: [Fact?]) -> Bool {
        facts.map { $0.map { Key(type: $0.type, shape: $0.shape) } } == key
    }

    /// Runs the graph on `values`, one for each input the body has.
    func run(
        _ values: [StoredValue],
        _ context: NodeContext,
        _ frame: Frame
    ) throws(EngineError) -> [StoredValue] {
        tables.begin(rows: 1, program)
        for (index, place) in places.enumerated() {
            guard tables.set(index, to: values[place], program) else {
                throw context.failure("input \(index) of its graph does not fit")
            }
        }
        if let fault = tables.run(program, within: frame) {
            throw context.failure(
                "its graph stopped: " + program.describe(fault),
                kind: fault.reason == .deadlinePassed ? .deadlinePassed : .invalidShape
            )
        }
        var outputs: [StoredValue] = []
        for index in program.outputs.indices {
            guard let output = tables.value(ofOutput: index, program) else {
                throw context.failure("output \(index) of its graph was not made")
            }
            outputs.append(output)
        }
        return outputs
    }
}
