// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// If, Loop and Scan: operators that run graphs.
let controlOperators: [OperatorDefinition] = [
    OperatorDefinition("If", since: 1, inputs: 1...1, outputs: 1...Int.max) {
        call throws(EngineError) in
        try call.run(try call.truth(0) ? "then_branch" : "else_branch", on: [])
    },
    OperatorDefinition("Loop", since: 1, inputs: 2...Int.max, outputs: 1...Int.max) {
        call throws(EngineError) in try call.loop()
    },
    OperatorDefinition(
        "Scan",
        since: 8,
        inputs: 1...Int.max,
        outputs: 1...Int.max,
        infer: { context throws(EngineError) in try ScanPlan(context).facts },
        compile: { context throws(EngineError) in try ScanPlan(context).kernel(&context) },
        late: { call throws(EngineError) in
            call.context.opset < 9 ? try call.scanBatches() : try call.scan()
        }
    ),
]

extension LateCall {
    /// Loop: the body takes an iteration number, a condition and carried values, and gives a
    /// condition, carried values and one slice for each output that is stacked.
    fileprivate func loop() throws(EngineError) -> [StoredValue] {
        let most = inputs[0] == nil ? Int.max : try integer(0)
        let count = context.writtenInputCount - 2
        var goesOn = inputs[1] == nil ? true : try truth(1)
        var carried: [StoredValue] = []
        for index in 0..<count { carried.append(try value(2 + index)) }
        var stacks: [[Tensor]] = []
        var iteration = 0
        while goesOn, iteration < most {
            let number = try make(.int64, [])
            unsafe number.address.storeBytes(of: Int64(iteration), as: Int64.self)
            let condition = try make(.bool, [])
            unsafe condition.address.storeBytes(of: Truth(goesOn), as: Truth.self)
            let results = try run("body", on: [.tensor(number), .tensor(condition)] + carried)
            guard results.count > count, case .tensor(let next) = results[0], next.type == .bool,
                next.elementCount == 1
            else { throw context.failure("the body gives no condition", kind: .invalidGraph) }
            goesOn = next.elements(as: Truth.self)[0].isTrue
            carried = Array(results[1..<(1 + count)])
            try push(results[(1 + count)...], on: &stacks)
            iteration += 1
        }
        let stackCount = max(context.outputCount - count, 0)
        if stacks.isEmpty { stacks = Array(repeating: [], count: stackCount) }
        var outputs = carried
        for (index, slices) in stacks.enumerated() {
            let declared = ("body", 1 + count + index)
            outputs.append(
                .tensor(try stacked(slices, axis: 0, isReversed: false, declaredBy: declared))
            )
        }
        return outputs
    }

    /// Scan since opset 9: carried values, then inputs taken apart along an axis each.
    fileprivate func scan() throws(EngineError) -> [StoredValue] {
        var values: [StoredValue] = []
        for index in 0..<context.writtenInputCount { values.append(try value(index)) }
        let form = try ScanForm(context)
        return try scan(values, form)
    }

    private func scan(
        _ values: [StoredValue],
        _ form: ScanForm,
        length given: Int? = nil
    ) throws(EngineError) -> [StoredValue] {
        var carried = Array(values[..<form.carriedCount])
        var sources: [Tensor] = []
        for value in values[form.carriedCount...] {
            guard case .tensor(let tensor) = value else {
                throw context.failure("a value to scan is no tensor")
            }
            sources.append(tensor)
        }
        var length: Int?
        var axes: [Int] = []
        for (index, source) in sources.enumerated() {
            let axis = try context.axis(form.inputAxes[index], rank: source.dimensions.count)
            axes.append(axis)
            guard length == nil || length == source.dimensions[axis] else {
                throw context.failure("values to scan differ in length")
            }
            length = source.dimensions[axis]
        }
        var stacks: [[Tensor]] = []
        for step in 0..<min(length ?? 0, given ?? .max) {
            var operands = carried
            for (index, source) in sources.enumerated() {
                let isReversed = form.inputDirections[index] != 0
                let place = isReversed ? (length ?? 0) - 1 - step : step
                operands.append(.tensor(try slice(of: source, axis: axes[index], at: place)))
            }
            let results = try run("body", on: operands)
            guard results.count >= form.carriedCount else {
                throw context.failure("the body gives too little", kind: .invalidGraph)
            }
            carried = Array(results[..<form.carriedCount])
            try push(results[form.carriedCount...], on: &stacks)
        }
        let stackCount = max(context.outputCount - form.carriedCount, 0)
        if stacks.isEmpty { stacks = Array(repeating: [], count: stackCount) }
        var outputs = carried
        for (index, slices) in stacks.enumerated() {
            outputs.append(
                .tensor(
                    try stacked(
                        slices,
                        axis: index < form.outputAxes.count ? form.outputAxes[index] : 0,
                        isReversed: index < form.outputDirections.count
                            && form.outputDirections[index] != 0,
                        declaredBy: ("body", form.carriedCount + index)
                    )
                )
            )
        }
        return outputs
    }

    /// Scan of opset 8: every value has a batch axis in front, each batch is scanned by itself.
    fileprivate func scanBatches() throws(EngineError) -> [StoredValue] {
        let form = try ScanForm(context, firstInput: 1)
        var tensors: [Tensor] = []
        for index in 1..<max(context.writtenInputCount, 1) { tensors.append(try tensor(index)) }
        guard let batch = tensors.first?.dimensions.first,
            tensors.allSatisfy({ $0.dimensions.first == batch })
        else { throw context.failure("values differ in their number of batches") }
        let lengths = inputs.first.flatMap { $0 } == nil ? nil : try tensor(0).wholeNumbers
        var results: [[Tensor]] = []
        for number in 0..<batch {
            var values: [StoredValue] = []
            for tensor in tensors {
                values.append(.tensor(try slice(of: tensor, axis: 0, at: number)))
            }
            let length = lengths.flatMap { $0.indices.contains(number) ? max($0[number], 0) : nil }
            try push(try scan(values, form, length: length)[...], on: &results)
        }
        var outputs: [StoredValue] = []
        for slices in results {
            outputs.append(
                .tensor(try stacked(slices, axis: 0, isReversed: false, declaredBy: nil))
            )
        }
        return outputs
    }

    // MARK: Slices

    private func push(
        _ values: ArraySlice<StoredValue>,
        on stacks: inout [[Tensor]]
    ) throws(EngineError) {
        if stacks.isEmpty { stacks = Array(repeating: [], count: values.count) }
        guard stacks.count == values.count else {
            throw context.failure("the body gives another number of values", kind: .invalidGraph)
        }
        for (index, value) in values.enumerated() {
            guard case .tensor(let tensor) = value else {
                throw context.failure("a value to stack is no tensor", kind: .unsupported)
            }
            stacks[index].append(tensor)
        }
    }

    /// Element `place` along `axis`, without that axis.
    private func slice(of tensor: Tensor, axis: Int, at place: Int) throws(EngineError) -> Tensor {
        let index = try make(.int64, [])
        unsafe index.address.storeBytes(of: Int64(place), as: Int64.self)
        return try apply(
            "Gather",
            opset: 13,
            attributes: ["axis": .integer(Int64(axis))],
            [tensor, index]
        )
    }

    /// Slices joined along a new axis; of no slices, an empty tensor as the body declares it.
    private func stacked(
        _ slices: [Tensor],
        axis: Int,
        isReversed: Bool,
        declaredBy body: (name: String, output: Int)?
    ) throws(EngineError) -> Tensor {
        guard let first = slices.first else {
            guard let body, case .graph(let graph)? = context.attributes[body.name],
                graph.graph.outputs.indices.contains(body.output)
            else { throw context.failure("nothing to stack") }
            let name = graph.graph.outputs[body.output].name
            let fact = graph.graph.declared[name] ?? Fact(.float, [])
            return try make(fact.type, [0] + fact.shape.map { max($0.constant, 0) })
        }
        let axis = try context.axis(axis, rank: first.dimensions.count + 1)
        var parts: [Tensor] = []
        for slice in isReversed ? slices.reversed() : slices {
            var dimensions = slice.dimensions
            dimensions.insert(1, at: axis)
            guard let shape = Shape(dimensions) else { throw context.failure("no such shape") }
            parts.append(slice.reshaped(shape))
        }
        return try apply(
            "Concat",
            opset: 13,
            attributes: ["axis": .integer(Int64(axis))],
            parts
        )
    }
}

/// How a Scan takes its inputs apart and joins its outputs.
struct ScanForm {
    let carriedCount: Int
    let inputAxes: [Int]
    let inputDirections: [Int]
    let outputAxes: [Int]
    let outputDirections: [Int]

    init(_ context: NodeContext, firstInput: Int = 0) throws(EngineError) {
        let count = context.writtenInputCount - firstInput
        let scanned = try context.integer("num_scan_inputs", default: 0)
        guard scanned >= 1, scanned <= count else {
            throw context.failure("num_scan_inputs is \(scanned), expected 1 to \(count)")
        }
        carriedCount = count - scanned
        let axes = try context.integers("scan_input_axes") ?? []
        let old = try context.integers("directions") ?? []
        let directions = try context.integers("scan_input_directions") ?? old
        inputAxes = (0..<scanned).map { $0 < axes.count ? axes[$0] : 0 }
        inputDirections = (0..<scanned).map { $0 < directions.count ? directions[$0] : 0 }
        outputAxes = try context.integers("scan_output_axes") ?? []
        outputDirections = try context.integers("scan_output_directions") ?? []
    }
}
