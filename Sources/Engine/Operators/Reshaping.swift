// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Copies input 0 to output 0 as it is: what a reshaping operator does where its bytes cannot be shared.
struct CopyKernel: MovingKernel {
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        { frame in frame.output(0, as: T.self).copy(frame.input(0, as: T.self), at: 0) }
    }
}

/// An operator whose output is input 0 under another shape.
private func reshaping(
    _ name: String,
    since: Int,
    inputs: ClosedRange<Int>,
    _ shape: @escaping @Sendable (inout NodeContext) throws(EngineError) -> [Dimension]
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: inputs,
        isReshaping: true,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            var fact = Fact(input.type, try shape(&context))
            if fact.rank <= 1 { fact.integers = input.integers }
            fact.classes = name == "Identity" ? input.classes : nil
            return [fact]
        },
        compile: { context throws(EngineError) in
            CopyKernel().kernel(for: try context.input(0).type)
        }
    )
}

extension NodeContext {
    /// Axes from the attribute of old forms or from an input of new ones; nil when neither is there.
    func axesOperand(input: Int) throws(EngineError) -> [Int]? {
        if let axes = try integers("axes") { return axes }
        return try fixedIntegers(ofInput: input)
    }

    /// Numbers from an attribute of old forms or from an input of new ones.
    func integersOperand(
        _ attribute: String,
        input: Int
    ) throws(EngineError) -> [Dimension]? {
        if let list = try integers(attribute) { return list.map { Dimension($0) } }
        return try integers(ofInput: input)
    }

    fileprivate func reshaped() throws(EngineError) -> [Dimension] {
        let input = try self.input(0).shape
        guard let wanted = try integersOperand("shape", input: 1) else {
            throw failure("input 1 is missing")
        }
        let keepsZero = try integer("allowzero", default: 0) != 0
        var shape: [Dimension] = []
        var open: Int?
        for (axis, length) in wanted.enumerated() {
            if length == -1 {
                guard open == nil else { throw failure("two axes of \(wanted) are -1") }
                open = axis
                shape.append(1)
            } else if length == 0, !keepsZero {
                guard axis < input.count else {
                    throw failure("axis \(axis) of \(wanted) copies an axis that \(input) has not")
                }
                shape.append(input[axis])
            } else {
                shape.append(length)
            }
        }
        if let open {
            shape[open] = try remainder(input, shape)
        }
        let (count, expected) = (try product(shape), try product(input))
        guard count == expected else {
            throw failure("\(input) with \(expected) elements becomes \(shape) with \(count)")
        }
        return shape
    }

    /// The length that -1 stands for.
    ///
    /// Equal factors that depend on the rows are taken out first,
    /// so that nothing has to be divided by them.
    private func remainder(
        _ input: [Dimension],
        _ known: [Dimension]
    ) throws(EngineError) -> Dimension {
        var (input, known) = (input, known)
        for length in known where !length.isConstant {
            guard let index = input.firstIndex(of: length),
                let other = known.firstIndex(of: length)
            else { continue }
            input.remove(at: index)
            known.remove(at: other)
        }
        let (total, part) = (try product(input), try product(known))
        guard let length = total.dividedExactly(by: part) else {
            throw failure("\(total) elements cannot be cut into lines of \(part)")
        }
        return length
    }
}

/// Reshape, Flatten, Squeeze, Unsqueeze, Identity.
let reshapingOperators: [OperatorDefinition] = [
    reshaping("Identity", since: 1, inputs: 1...1) { context throws(EngineError) in
        try context.input(0).shape
    },
    reshaping("Reshape", since: 1, inputs: 1...2) { context throws(EngineError) in
        try context.reshaped()
    },
    reshaping("Flatten", since: 1, inputs: 1...1) { context throws(EngineError) in
        let shape = try context.input(0).shape
        let axis = try context.integer("axis", default: 1)
        guard axis >= -shape.count, axis <= shape.count else {
            throw context.failure("axis \(axis) is outside [\(-shape.count), \(shape.count)]")
        }
        let cut = axis < 0 ? axis + shape.count : axis
        return [try context.product(shape[..<cut]), try context.product(shape[cut...])]
    },
    reshaping("Squeeze", since: 1, inputs: 1...2) { context throws(EngineError) in
        let shape = try context.input(0).shape
        guard let listed = try context.axesOperand(input: 1) else {
            return shape.filter { $0 != 1 }
        }
        let axes = try context.axes(listed, rank: shape.count)
        for axis in axes where shape[axis] != 1 {
            throw context.failure("axis \(axis) of \(shape) is squeezed but is not 1")
        }
        return shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    },
    reshaping("Unsqueeze", since: 1, inputs: 1...2) { context throws(EngineError) in
        var shape = try context.input(0).shape
        guard let listed = try context.axesOperand(input: 1) else {
            throw context.failure("axes are missing")
        }
        for axis in try context.axes(listed, rank: shape.count + listed.count) {
            shape.insert(1, at: axis)
        }
        return shape
    },
]
