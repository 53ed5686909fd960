// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// A Scan whose body has the same shapes in every step, so that it is planned with the model: the
/// body runs in the step's own scratch, and nothing is allocated.
///
/// Only what is scanned and stacked along the first axis is planned; other axes are left to the run.
struct ScanPlan {
    private let form: ScanForm
    private let body: Subgraph
    /// The body with facts of its inputs.
    private let graph: Graph
    /// How many steps there are.
    private let length: Dimension
    let facts: [Fact]

    /// Types the body.
    ///
    /// - Parameter context: the node.
    /// - Throws: `needsContents` where the Scan can only be understood while the model runs.
    init(_ context: NodeContext) throws(EngineError) {
        let unplanned = context.failure(
            "this Scan is only understood while the model runs",
            kind: .needsContents(input: 0)
        )
        form = try ScanForm(context)
        guard context.opset >= 9, case .graph(let body)? = context.attributes["body"],
            body.formalCount == context.writtenInputCount,
            (form.inputAxes + form.inputDirections + form.outputAxes + form.outputDirections)
                .allSatisfy({ $0 == 0 })
        else { throw unplanned }
        self.body = body
        var graph = body.graph
        var length: Dimension?
        for index in 0..<body.formalCount {
            let fact = try context.input(index)
            guard index >= form.carriedCount else {
                graph[graph.inputs[index]].fact = Fact(fact.type, fact.shape)
                continue
            }
            // Of types that share a byte a step may begin within one.
            guard let first = fact.shape.first, length == nil || length == first,
                fact.type.byteWidth != nil
            else { throw unplanned }
            length = first
            graph[graph.inputs[index]].fact = Fact(fact.type, Array(fact.shape.dropFirst()))
        }
        for (index, place) in body.captures.enumerated() {
            graph[graph.inputs[body.formalCount + index]].fact = context.inputs[place]
        }
        guard let length else { throw unplanned }
        var typed = graph
        try typed.inferFacts()
        guard !typed.nodes.contains(where: \.isLate),
            typed.outputs.count >= max(context.outputCount, form.carriedCount)
        else { throw unplanned }
        var facts: [Fact] = []
        for (index, output) in typed.outputs.enumerated() {
            guard let fact = typed[output.value].fact else { throw unplanned }
            guard index < form.carriedCount else {
                guard fact.type.byteWidth != nil else { throw unplanned }
                facts.append(Fact(fact.type, [length] + fact.shape))
                continue
            }
            let carried = try context.input(index)
            guard carried.type == fact.type, carried.shape == fact.shape else { throw unplanned }
            facts.append(Fact(fact.type, fact.shape))
        }
        (self.graph, self.length, self.facts) = (graph, length, facts)
    }

    /// Plans the body and makes the loop over it.
    func kernel(_ context: inout NodeContext) throws(EngineError) -> Kernel {
        var graph = graph
        // Where each input of the planned body comes from, among the node's inputs.
        var sources: [Int] = []
        var inputs: [Graph.ValueID] = []
        for (index, id) in graph.inputs.enumerated() {
            let place =
                index < body.formalCount ? index : body.captures[index - body.formalCount]
            if graph[id].fact?.constant != nil {
                context.leaveUnread(input: place)
            } else {
                inputs.append(id)
                sources.append(place)
            }
        }
        graph.inputs = inputs
        var options = ProgramOptions(maximumRows: context.maximumRows, memoryLimit: .max)
        options.textByteCountPerElement = 0
        options.lateByteCount = 0
        options.mostWorkPerStep = context.mostWork
        let program = try Program(graph, options)
        // A body that hands an input on under another number would be overwritten while it is copied.
        for output in 0..<form.carriedCount {
            for (input, place) in sources.enumerated() where place != output {
                guard case .planned(let made) = program.outputPlaces[output],
                    case .planned(let taken) = program.inputPlaces[input], made != taken
                else {
                    throw context.failure(
                        "a body that exchanges its inputs is run step by step",
                        kind: .needsContents(input: 0)
                    )
                }
            }
        }
        let number = context.adopt(program)
        let (carriedCount, scannedEnd) = (form.carriedCount, body.formalCount)
        let places = sources
        return { frame in
            let tables = frame.child(number)
            tables.begin(rows: frame.rows, program)
            for input in places.indices
            where places[input] < carriedCount || places[input] >= scannedEnd {
                tables.copy(frame.bytes(ofInput: places[input]), toInput: input, program)
            }
            var steps = 0
            if carriedCount < scannedEnd, frame.inputShape(carriedCount).count > 0 {
                steps = frame.inputShape(carriedCount)[0]
            }
            for step in 0..<steps {
                for input in places.indices
                where places[input] >= carriedCount && places[input] < scannedEnd {
                    let all = frame.bytes(ofInput: places[input])
                    let size = all.count / steps
                    tables.copy(
                        all.part((step &* size)..<((step &+ 1) &* size)),
                        toInput: input,
                        program
                    )
                }
                if let fault = tables.run(program, within: frame) {
                    return frame.fault(fault.reason)
                }
                for output in carriedCount..<max(frame.outputCount, carriedCount) {
                    let all = frame.bytes(ofOutput: output)
                    all.copy(
                        tables.bytes(ofOutput: output, program),
                        at: step &* (all.count / steps)
                    )
                }
                for input in places.indices where places[input] < carriedCount {
                    tables.copy(
                        tables.bytes(ofOutput: places[input], program),
                        toInput: input,
                        program
                    )
                }
            }
            for input in places.indices
            where places[input] < carriedCount && places[input] < frame.outputCount {
                frame.bytes(ofOutput: places[input]).copy(
                    tables.bytes(ofInput: input, program),
                    at: 0
                )
            }
        }
    }
}
