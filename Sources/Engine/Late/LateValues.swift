// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// What late nodes of one session hold while it runs: their values, the region these lie in, and
/// what was prepared for shapes met before.
///
/// `@unchecked Sendable`: belongs to one session, which one thread uses at a time.
final class LateValues: @unchecked Sendable {
    let resources: LateResources
    var slots: [StoredValue?]
    /// Why a run stopped, in words.
    var problem: EngineError?
    /// By late node: the kernel made for the operands met last.
    private var compiled: [Int: CompiledLateNode] = [:]
    /// By late node and attribute: bodies made ready for the operands met so far.
    private var bodies: [BodyKey: [ReadyBody]] = [:]

    private struct BodyKey: Hashable {
        let number: Int
        let attribute: String
    }
    private static let mostBodies = 8
    /// How many steps of a loop the planning of its body counts as.
    private static let workOfPlan = 8

    var region: TensorRegion { resources.region }

    init(_ resources: LateResources, slotCount: Int) {
        self.resources = resources
        slots = Array(repeating: nil, count: slotCount)
    }

    func forget() {
        problem = nil
        for index in slots.indices { slots[index] = nil }
    }

    func full(_ type: DataType, _ shape: Shape, _ context: NodeContext) -> EngineError {
        let requested = type.byteCount(ofElements: shape.elementCount) ?? .max
        return context.failure(
            "a value of shape \(shape) needs \(requested) bytes, \(region.freeByteCount) of the region's \(region.byteCount) are free",
            kind: .memoryLimit(
                requested: requested,
                available: region.freeByteCount
            ),
            remedy: "send less, or raise limits.late_memory"
        )
    }

    // MARK: Nodes

    /// Runs one late node on what the frame and the slots hold.
    func run(_ late: LateNode, _ frame: Frame) {
        do throws(EngineError) {
            var inputs: [StoredValue?] = []
            for (index, operand) in late.inputs.enumerated() {
                switch operand {
                case .absent: inputs.append(nil)
                case .planned: inputs.append(frame.shownInput(index).map { .tensor($0) })
                case .late(let slot): inputs.append(slots[slot])
                case .constant(let tensor): inputs.append(.tensor(tensor))
                }
            }
            let outputs = try outputs(of: late, inputs, frame)
            for (index, output) in outputs.prefix(late.outputs.count).enumerated() {
                if let slot = late.outputs[index] {
                    slots[slot] = try kept(output, late.context([]))
                } else {
                    try copy(output, to: frame.shownOutput(index), late)
                }
            }
            for slot in late.dying { slots[slot] = nil }
        } catch {
            if problem == nil { problem = error }
            frame.fault(error.kind == .deadlinePassed ? .deadlinePassed : .late)
        }
    }

    /// Writes what a late node made to where it was planned.
    private func copy(
        _ value: StoredValue,
        to place: Tensor?,
        _ late: LateNode
    ) throws(EngineError) {
        guard case .tensor(let tensor) = value, let place, tensor.type == place.type,
            tensor.shape == place.shape
        else { throw late.context([]).failure("an output is not what was planned") }
        unsafe place.address.copyMemory(from: tensor.address, byteCount: tensor.byteCount)
    }

    private func outputs(
        of late: LateNode,
        _ inputs: [StoredValue?],
        _ frame: Frame
    ) throws(EngineError) -> [StoredValue] {
        let node = late.node
        var facts: [Fact?] = []
        var tensors: [Tensor?] = []
        for (index, input) in inputs.enumerated() {
            guard case .tensor(let tensor) = input else {
                facts.append(nil)
                tensors.append(nil)
                continue
            }
            if case .constant = late.inputs[index] {
                facts.append(Fact(tensor))
            } else {
                facts.append(Fact(tensor.type, tensor.dimensions.map { Dimension($0) }))
            }
            tensors.append(tensor)
        }
        let context = late.context(facts, mostWork: resources.mostWorkPerStep)
        if let body = node.definition.late {
            let call = LateCall(
                context: context,
                inputs: inputs,
                number: late.number,
                values: self,
                frame: frame
            )
            let outputs = try body(call)
            guard outputs.count >= node.outputs.count else {
                throw context.failure("names \(node.outputs.count) outputs, has \(outputs.count)")
            }
            return outputs
        }
        for (index, input) in inputs.enumerated() {
            guard let input else { continue }
            guard case .tensor = input else {
                throw context.failure("input \(index) is no tensor", kind: .unsupported)
            }
        }
        return try run(
            node.definition,
            context,
            tensors,
            cachedFor: late.number,
            text: frame
        ).map { .tensor($0) }
    }

    /// A value that outlives the step: what only shows arena memory is copied.
    private func kept(
        _ value: StoredValue,
        _ context: NodeContext
    ) throws(EngineError) -> StoredValue {
        switch value {
        case .tensor(let tensor) where tensor.isShown:
            guard let copy = tensor.copied(to: region) else {
                throw full(tensor.type, tensor.shape, context)
            }
            return .tensor(copy)
        case .sequence(let elements):
            return .sequence(
                try elements.map { element throws(EngineError) in try kept(element, context) }
            )
        default: return value
        }
    }

    // MARK: Kernels

    /// Infers, compiles and runs a planned operator on concrete tensors.
    ///
    /// - Parameters:
    ///   - definition: the operator.
    ///   - context: its node; facts hold contents only of constants.
    ///   - inputs: the tensors.
    ///   - number: the late node that keeps the kernel for the next run, if any.
    ///   - frame: of the step; strings go where its strings go.
    /// - Returns: the outputs, in the region.
    /// - Throws: `EngineError`: the operands do not fit, or the region is full.
    func run(
        _ definition: OperatorDefinition,
        _ context: NodeContext,
        _ inputs: [Tensor?],
        cachedFor number: Int?,
        text frame: Frame? = nil
    ) throws(EngineError) -> [Tensor] {
        let ready: CompiledLateNode
        if let number, let known = compiled[number], known.fits(context.inputs, inputs) {
            ready = known
        } else {
            ready = try CompiledLateNode(
                definition,
                context,
                inputs,
                asked: number.flatMap { compiled[$0]?.asked } ?? []
            )
            if let number {
                guard region.charge(byteCount: ready.keptByteCount) else {
                    throw context.failure(
                        "packed constants need \(ready.keptByteCount) bytes of the region's \(region.byteCount)",
                        kind: .memoryLimit(
                            requested: ready.keptByteCount,
                            available: region.freeByteCount
                        )
                    )
                }
                if let old = compiled[number] { region.discharge(byteCount: old.keptByteCount) }
                compiled[number] = ready
            }
        }
        var outputs: [Tensor] = []
        for shape in ready.outputs {
            guard let tensor = Tensor(type: shape.type, shape: shape.shape, in: region) else {
                throw full(shape.type, shape.shape, context)
            }
            outputs.append(tensor)
        }
        guard let shape = Shape([ready.scratchByteCount]),
            let scratch = Tensor(type: .uint8, shape: shape, in: region)
        else { throw full(.uint8, Shape([ready.scratchByteCount]) ?? [], context) }
        let fault = call(
            ready.kernel,
            on: inputs + outputs + [scratch],
            inputCount: inputs.count,
            text: frame
        )
        if let fault {
            throw context.failure(fault.sentence)
        }
        return outputs
    }

    // MARK: Bodies

    /// Runs the graph of attribute `name` on `operands`, its own inputs without the captured ones.
    func run(
        body name: String,
        of call: LateCall,
        on operands: [StoredValue]
    ) throws(EngineError) -> [StoredValue] {
        guard case .graph(let body)? = call.context.attributes[name] else {
            throw call.context.failure("attribute '\(name)' is no graph", kind: .invalidGraph)
        }
        guard operands.count == body.formalCount else {
            throw call.context.failure(
                "graph '\(name)' takes \(body.formalCount) inputs, is given \(operands.count)",
                kind: .invalidGraph
            )
        }
        try resources.spend(1, call.context)
        guard !call.frame.isPastDeadline else {
            throw call.context.failure("the deadline passed", kind: .deadlinePassed)
        }
        var values = operands
        var facts: [Fact?] = operands.map { $0.fact }
        for place in body.captures {
            values.append(try call.value(place))
            // What is constant around the graph is constant in it.
            facts.append(call.context.inputs[place] ?? call.inputs[place]?.fact)
        }
        let key = BodyKey(number: call.number, attribute: name)
        let ready: ReadyBody
        if let known = bodies[key]?.first(where: { $0.fits(facts) }) {
            ready = known
        } else {
            // A loop whose values grow plans its body anew in every step.
            try resources.spend(Self.workOfPlan, call.context)
            ready = try ReadyBody(body.graph, facts, resources, call.context)
            var list = bodies[key] ?? []
            if list.count >= Self.mostBodies { list.removeFirst() }
            list.append(ready)
            bodies[key] = list
        }
        // What the graph gives lies in its arena, which the next run writes again.
        return try ready.run(values, call.context, call.frame).map { value throws(EngineError) in
            try kept(value, call.context)
        }
    }
}

extension StoredValue {
    /// What is known of a tensor's shape; nil for other values.
    var fact: Fact? {
        guard case .tensor(let tensor) = self else { return nil }
        return Fact(tensor.type, tensor.dimensions.map { Dimension($0) })
    }
}
