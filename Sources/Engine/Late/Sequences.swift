// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// Operators on sequences and optionals.
let sequenceOperators: [OperatorDefinition] = [
    OperatorDefinition("SequenceConstruct", since: 11, inputs: 1...Int.max) {
        call throws(EngineError) in
        var elements: [StoredValue] = []
        for index in 0..<call.context.writtenInputCount { elements.append(try call.element(index)) }
        return [.sequence(elements)]
    },
    OperatorDefinition("SequenceEmpty", since: 11, inputs: 0...0) { _ in [.sequence([])] },
    OperatorDefinition("SequenceLength", since: 11, inputs: 1...1) { call throws(EngineError) in
        let length = try call.make(.int64, [])
        unsafe length.address.storeBytes(of: Int64(try call.sequence(0).count), as: Int64.self)
        return [.tensor(length)]
    },
    OperatorDefinition("SequenceAt", since: 11, inputs: 2...2) { call throws(EngineError) in
        let elements = try call.sequence(0)
        return [elements[try call.place(1, in: elements.count)]]
    },
    OperatorDefinition("SequenceInsert", since: 11, inputs: 2...3) { call throws(EngineError) in
        var elements = try call.sequence(0)
        let place =
            call.inputs.count > 2 && call.inputs[2] != nil
            ? try call.place(2, in: elements.count, orBehind: true) : elements.count
        elements.insert(try call.element(1), at: place)
        return [.sequence(elements)]
    },
    OperatorDefinition("SequenceErase", since: 11, inputs: 1...2) { call throws(EngineError) in
        var elements = try call.sequence(0)
        let place =
            call.inputs.count > 1 && call.inputs[1] != nil
            ? try call.place(1, in: elements.count) : try call.last(of: elements.count)
        elements.remove(at: place)
        return [.sequence(elements)]
    },
    OperatorDefinition("SplitToSequence", since: 11, inputs: 1...2) { call throws(EngineError) in
        try call.splitToSequence()
    },
    OperatorDefinition("ConcatFromSequence", since: 11, inputs: 1...1) {
        call throws(EngineError) in try call.concatFromSequence()
    },
    OperatorDefinition("SequenceMap", since: 17, inputs: 1...Int.max, outputs: 1...Int.max) {
        call throws(EngineError) in try call.sequenceMap()
    },
    OperatorDefinition("Optional", since: 15, inputs: 0...1) { call throws(EngineError) in
        [call.inputs.first.flatMap { $0 } ?? .absent]
    },
    OperatorDefinition("OptionalHasElement", since: 15, inputs: 0...1) {
        call throws(EngineError) in
        let isThere =
            if case .some(.some(let value)) = call.inputs.first, !value.isAbsent { true } else {
                false
            }
        let truth = try call.make(.bool, [])
        unsafe truth.address.storeBytes(of: Truth(isThere), as: Truth.self)
        return [.tensor(truth)]
    },
    OperatorDefinition("OptionalGetElement", since: 15, inputs: 1...1) {
        call throws(EngineError) in
        let value = try call.value(0)
        guard !value.isAbsent else { throw call.context.failure("the optional is empty") }
        return [value]
    },
]

extension StoredValue {
    fileprivate var isAbsent: Bool { if case .absent = self { true } else { false } }
}

extension LateCall {
    /// Input `index` as an element of a sequence, which is a tensor: sequences put into each other
    /// would double in size with every node.
    fileprivate func element(_ index: Int) throws(EngineError) -> StoredValue {
        .tensor(try tensor(index))
    }

    /// The place that input `index` names; negative ones count from the end.
    fileprivate func place(
        _ index: Int,
        in count: Int,
        orBehind: Bool = false
    ) throws(EngineError) -> Int {
        let given = try integer(index)
        let place = given < 0 ? given &+ count : given
        guard place >= 0, place < count || orBehind && place == count else {
            throw context.failure("place \(given) is outside a sequence of \(count)")
        }
        return place
    }

    fileprivate func last(of count: Int) throws(EngineError) -> Int {
        guard count > 0 else { throw context.failure("the sequence is empty") }
        return count - 1
    }

    /// Pieces of a tensor along an axis: of length one, of one length, or of the lengths given.
    fileprivate func splitToSequence() throws(EngineError) -> [StoredValue] {
        let tensor = try tensor(0)
        let rank = tensor.dimensions.count
        let axis = try context.axis(try context.integer("axis", default: 0), rank: rank)
        let length = tensor.dimensions[axis]
        var lengths: [Int]
        var keepsAxis = true
        if inputs.count > 1, inputs[1] != nil {
            let given = try self.tensor(1)
            guard let numbers = given.wholeNumbers, numbers.allSatisfy({ $0 >= 0 }) else {
                throw context.failure("the lengths to split at are no natural numbers")
            }
            if given.dimensions.isEmpty {
                guard let step = numbers.first, step > 0 else {
                    throw context.failure("pieces of length 0")
                }
                lengths = Array(repeating: step, count: length / step)
                if length % step != 0 { lengths.append(length % step) }
            } else {
                lengths = numbers
            }
        } else {
            lengths = Array(repeating: 1, count: length)
            keepsAxis = try context.integer("keepdims", default: 1) != 0
        }
        var (total, overflow) = (0, false)
        for part in lengths {
            (total, overflow) = total.addingReportingOverflow(part)
            guard !overflow, total <= length else { break }
        }
        guard !overflow, total == length else {
            throw context.failure(
                "\(lengths.count) pieces do not make up an axis of \(length), expected lengths that do"
            )
        }
        try values.resources.spend(lengths.count, context)
        var pieces: [StoredValue] = []
        var start = 0
        for part in lengths {
            let piece = try apply(
                "Slice",
                opset: 13,
                [
                    tensor, Tensor([Int64(start)]), Tensor([Int64(start + part)]),
                    Tensor([Int64(axis)]),
                ]
            )
            start += part
            var dimensions = piece.dimensions
            if !keepsAxis { dimensions.remove(at: axis) }
            guard let shape = Shape(dimensions) else { throw context.failure("no such shape") }
            pieces.append(.tensor(piece.reshaped(shape)))
        }
        return [.sequence(pieces)]
    }

    /// The tensors of a sequence joined along an axis, or along a new one.
    fileprivate func concatFromSequence() throws(EngineError) -> [StoredValue] {
        var parts: [Tensor] = []
        for element in try sequence(0) {
            guard case .tensor(let tensor) = element else {
                throw context.failure("an element is no tensor")
            }
            parts.append(tensor)
        }
        guard let first = parts.first else { throw context.failure("the sequence is empty") }
        let isStack = try context.integer("new_axis", default: 0) != 0
        let axis = try context.axis(
            try context.integer("axis", default: 0),
            rank: first.dimensions.count + (isStack ? 1 : 0)
        )
        if isStack {
            for index in parts.indices {
                var dimensions = parts[index].dimensions
                dimensions.insert(1, at: min(axis, dimensions.count))
                guard let shape = Shape(dimensions) else { throw context.failure("no such shape") }
                parts[index] = parts[index].reshaped(shape)
            }
        }
        return [
            .tensor(
                try apply(
                    "Concat",
                    opset: 13,
                    attributes: ["axis": .integer(Int64(axis))],
                    parts
                )
            )
        ]
    }

    /// Runs the body once for each place of the first sequence; other sequences go along, other values stay.
    fileprivate func sequenceMap() throws(EngineError) -> [StoredValue] {
        let count = try sequence(0).count
        var results: [[StoredValue]] = Array(repeating: [], count: context.outputCount)
        for place in 0..<count {
            var operands: [StoredValue] = []
            for index in 0..<context.writtenInputCount {
                guard case .sequence(let elements) = try value(index) else {
                    operands.append(try value(index))
                    continue
                }
                guard elements.count == count else {
                    throw context.failure("sequences of \(count) and \(elements.count) elements")
                }
                operands.append(elements[place])
            }
            let outputs = try run("body", on: operands)
            guard outputs.count >= results.count else {
                throw context.failure("the body gives too little", kind: .invalidGraph)
            }
            for index in results.indices {
                guard case .tensor = outputs[index] else {
                    throw context.failure("output \(index) of the body is no tensor")
                }
                results[index].append(outputs[index])
            }
        }
        return results.map { .sequence($0) }
    }
}
