// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Collects which values live when, then gives each its place: a constant, or an offset in the arena.
struct ValueTable {
    private let graph: Graph
    private let aliases: [Graph.ValueID: Graph.ValueID]
    private let options: ProgramOptions
    private let stepCount: Int

    /// One runtime value: what it looks like, and whose bytes it shows.
    private struct Entry {
        let type: DataType
        let shape: [Dimension]
        let storage: Storage
    }
    private enum Storage {
        case block(Int)
        case constant(Int)
    }
    private var entries: [Entry] = []
    private var numbers: [Graph.ValueID: Int32] = [:]
    private var blocks: [Planner.Block] = []
    private var blockOfValue: [Graph.ValueID: Int] = [:]
    private var constants: [Tensor] = []
    private var constantOfValue: [Graph.ValueID: Int] = [:]
    private var textElementCount = 0

    init(
        _ graph: Graph,
        _ aliases: [Graph.ValueID: Graph.ValueID],
        _ options: ProgramOptions,
        stepCount: Int
    ) {
        (self.graph, self.aliases, self.options) = (graph, aliases, options)
        self.stepCount = stepCount
    }

    /// Refuses a value beyond reason, larger by itself than everything may be together.
    ///
    /// What is merely too large is planned all the same, as the error then says what all of it takes.
    func checkSize(of id: Graph.ValueID) throws(EngineError) {
        guard let fact = graph[id].fact, fact.constant == nil else { return }
        let bytes = try byteCount(fact.type, fact.shape, name: graph[id].name)
        guard bytes <= max(options.memoryLimit, 1 << 32) else { throw tooLarge(bytes) }
    }

    /// Gives a value that is made at `step` a block: one of those that lie under `dying` values, if
    /// they are of its size, else one of its own.
    mutating func add(
        _ id: Graph.ValueID,
        at step: Int,
        over dying: [Graph.ValueID] = []
    ) throws(EngineError) {
        let fact = try fact(of: id)
        let bytes = try byteCount(fact.type, fact.shape, name: graph[id].name)
        if fact.type == .string {
            let (sum, overflow) = textElementCount.addingReportingOverflow(bytes / 16)
            textElementCount = overflow ? .max : sum
        }
        let heir = dying.compactMap { blockOfValue[$0] }.first {
            blocks[$0].byteCount == Planner.rounded(max(bytes, 1))
        }
        if let heir {
            blockOfValue[id] = heir
        } else {
            blockOfValue[id] = try addBlock(graph[id].name, byteCount: bytes, at: step)
        }
    }

    /// The runtime number of a value, which has to live up to `step`.
    mutating func use(_ id: Graph.ValueID, at step: Int) throws(EngineError) -> Int32 {
        let root = aliases[id] ?? id
        if let block = blockOfValue[root] {
            blocks[block].lastStep = max(blocks[block].lastStep, step)
        }
        if let number = numbers[id] { return number }
        let fact = try fact(of: id)
        let storage: Storage
        if let block = blockOfValue[root] {
            storage = .block(block)
        } else if let constant = try self.fact(of: root).constant {
            let index = constantOfValue[root] ?? constants.count
            if index == constants.count { constants.append(constant) }
            constantOfValue[root] = index
            storage = .constant(index)
        } else {
            throw EngineError(.invalidGraph, "value '\(graph[id].name)' is used but never made")
        }
        entries.append(Entry(type: fact.type, shape: fact.shape, storage: storage))
        let number = Int32(entries.count - 1)
        numbers[id] = number
        return number
    }

    /// The runtime number of a step's scratch memory, or -1 when it has none.
    mutating func addScratch(
        _ bytes: Dimension,
        of node: Graph.Node,
        at step: Int
    ) throws(EngineError) -> Int32 {
        guard bytes != 0 else { return -1 }
        let name = "scratch of \(node.name)"
        let count = try byteCount(.uint8, [bytes], name: name)
        let block = try addBlock(name, byteCount: count, at: step)
        entries.append(Entry(type: .uint8, shape: [bytes], storage: .block(block)))
        return Int32(entries.count - 1)
    }

    /// Finds the offsets and checks the sum against the memory limit.
    func place(
        steps: [Plan.Step],
        keptByteCount: Int,
        lateByteCount: Int
    ) throws(EngineError) -> Lowering.Parts {
        let (text, textOverflow) = textElementCount.multipliedReportingOverflow(
            by: max(options.textByteCountPerElement, 0)
        )
        let constantBytes = constants.reduce(keptByteCount) { $0 + $1.heldByteCount }
        guard let placed = Planner.place(blocks), !textOverflow,
            let textBytes = Planner.rounded(text)
        else { throw tooLarge(.max) }
        let lateBytes = max(lateByteCount, 0) / Planner.alignment * Planner.alignment
        let (planned, overflow3) = placed.peak.addingReportingOverflow(textBytes)
        let (arena, overflow) = planned.addingReportingOverflow(lateBytes)
        let (total, overflow2) = arena.addingReportingOverflow(constantBytes)
        guard !overflow, !overflow2, !overflow3, total <= options.memoryLimit else {
            throw tooLarge(overflow || overflow2 ? .max : total)
        }
        let slots = zip(blocks, placed.offsets).map { block, offset in
            Plan.Slot(
                name: block.name,
                offset: offset,
                byteCount: block.byteCount,
                firstStep: block.firstStep,
                lastStep: block.lastStep
            )
        }
        var parts = Lowering.Parts(
            plan: Plan(
                slots: slots,
                steps: steps,
                peak: placed.peak,
                textByteCount: textBytes,
                lateByteCount: lateBytes,
                arenaByteCount: arena,
                largestLiveSet: Planner.largestLiveSet(blocks, stepCount: stepCount),
                constantsByteCount: constantBytes,
                keptByteCount: keptByteCount
            )
        )
        parts.constants = constants
        parts.values = entries.map { entry in
            let location: Program.Value.Location =
                switch entry.storage {
                case .block(let block): .arena(offset: placed.offsets[block])
                case .constant(let index): .constant(index: index)
                }
            return Program.Value(type: entry.type, shape: entry.shape, location: location)
        }
        return parts
    }

    private mutating func addBlock(
        _ name: String,
        byteCount: Int,
        at step: Int
    ) throws(EngineError) -> Int {
        guard let rounded = Planner.rounded(max(byteCount, 1)) else { throw tooLarge(.max) }
        blocks.append(
            Planner.Block(name: name, byteCount: rounded, firstStep: step, lastStep: step)
        )
        return blocks.count - 1
    }

    /// The most bytes a value takes: the larger end of the range of rows, as sizes are linear.
    private func byteCount(
        _ type: DataType,
        _ shape: [Dimension],
        name: String
    ) throws(EngineError) -> Int {
        var largest = 0
        for rows in [0, 1, options.maximumRows] {
            var lengths: [Int] = []
            for dimension in shape {
                guard let length = dimension.value(rows: rows) else { throw tooLarge(.max) }
                lengths.append(max(length, 0))
            }
            guard let whole = Shape(lengths),
                let bytes = type.byteCount(ofElements: whole.elementCount)
            else { throw tooLarge(.max) }
            largest = max(largest, bytes)
        }
        return largest
    }

    private func fact(of id: Graph.ValueID) throws(EngineError) -> Fact {
        guard let fact = graph[id].fact else {
            throw EngineError(.invalidGraph, "value '\(graph[id].name)' is used but never made")
        }
        return fact
    }

    private func tooLarge(_ requested: Int) -> EngineError {
        let size = requested == .max ? "more than an address space holds" : "\(requested) bytes"
        return EngineError(
            .memoryLimit(requested: requested, available: options.memoryLimit),
            "an arena for \(options.maximumRows) rows and the constants take \(size), available are \(options.memoryLimit)",
            remedy: "raise the model's memory limit or lower its maximum of rows"
        )
    }
}
