// SPDX-License-Identifier: Apache-2.0
import Tensors

extension NodeContext {
    /// The places of elements that are not zero, `[rank, count]`, row-major order.
    fileprivate func placesOfNonZero() throws(EngineError) -> Tensor {
        let input = try contents(ofInput: 0)
        guard let keys = input.orderKeys else {
            throw failure("\(input.type) is not built", kind: .unsupported)
        }
        let zero = input.type == .uint64 ? Int64.min : 0
        let found = keys.indices.filter { keys[$0] != zero }
        var places: [Int64] = []
        places.reserveCapacity(found.count * input.dimensions.count)
        var stride = input.elementCount
        for length in input.dimensions {
            stride /= max(length, 1)
            places += found.map { Int64($0 / max(stride, 1) % max(length, 1)) }
        }
        // A scalar counts as a vector of one element.
        if input.dimensions.isEmpty { places = found.map { Int64($0) } }
        return Tensor(places, shape: try shape([max(input.dimensions.count, 1), found.count]))
    }

    /// The slices along an axis, or the elements of the flattened input, where the condition holds.
    fileprivate func compressed() throws(EngineError) -> Tensor {
        let (input, condition) = (try contents(ofInput: 0), try contents(ofInput: 1))
        try require(input: 1, oneOf: [.bool])
        let truths = condition.elements(as: Truth.self)
        let (outer, length, inner, axis) = try lanes(of: input)
        guard truths.count <= length else {
            throw failure("\(truths.count) conditions for \(length) slices")
        }
        let positions = truths.indices.filter { truths[$0].isTrue }
        return try taken(input, positions, outer, length, inner, axis)
    }

    /// Distinct elements, or distinct slices along an axis: themselves, where each is first, which of them
    /// each element is, and how often each occurs.
    fileprivate func distinct() throws(EngineError) -> [Tensor] {
        let input = try contents(ofInput: 0)
        guard let keys = input.orderKeys else {
            throw failure("\(input.type) is not built", kind: .unsupported)
        }
        let (outer, length, inner, axis) = try lanes(of: input)
        func order(_ a: Int, _ b: Int) -> Int {
            for block in 0..<outer {
                for lane in 0..<inner {
                    let left = keys[(block * length + a) * inner + lane]
                    let right = keys[(block * length + b) * inner + lane]
                    if left != right { return left < right ? -1 : 1 }
                }
            }
            return 0
        }
        let sorted = (0..<length).sorted { a, b in
            let order = order(a, b)
            return order == 0 ? a < b : order < 0
        }
        // Each group of equal slices, its first member first.
        var groups: [[Int]] = []
        for position in sorted {
            if let first = groups.last?.first, order(first, position) == 0 {
                groups[groups.count - 1].append(position)
            } else {
                groups.append([position])
            }
        }
        if try integer("sorted", default: 1) == 0 { groups.sort { $0[0] < $1[0] } }
        var inverse = Array(repeating: Int64(0), count: length)
        for (number, group) in groups.enumerated() {
            for position in group { inverse[position] = Int64(number) }
        }
        let firsts = groups.map { $0[0] }
        return [
            try taken(input, firsts, outer, length, inner, axis),
            Tensor(firsts.map { Int64($0) }), Tensor(inverse),
            Tensor(groups.map { Int64($0.count) }),
        ]
    }

    /// How the attribute 'axis' cuts `input`: the flattened input is one axis when it is not given.
    private func lanes(
        of input: Tensor
    ) throws(EngineError) -> (outer: Int, length: Int, inner: Int, axis: Int?) {
        guard has("axis") else { return (1, input.elementCount, 1, nil) }
        let lengths = input.dimensions
        let axis = try self.axis(integer("axis", default: 0), rank: lengths.count)
        return (
            lengths[..<axis].reduce(1, *), lengths[axis], lengths[(axis + 1)...].reduce(1, *), axis
        )
    }

    private func taken(
        _ input: Tensor,
        _ positions: [Int],
        _ outer: Int,
        _ length: Int,
        _ inner: Int,
        _ axis: Int?
    ) throws(EngineError) -> Tensor {
        var lengths = input.dimensions
        if let axis { lengths[axis] = positions.count } else { lengths = [positions.count] }
        let whole = try shape(lengths)
        guard
            let taken = input.taking(
                positions,
                outer: outer,
                length: length,
                inner: inner,
                shape: whole
            )
        else { throw failure("\(input.type) is not built", kind: .unsupported) }
        return taken
    }

    /// A shape, or an error when its size overflows.
    func shape(_ lengths: [Int]) throws(EngineError) -> Shape {
        guard let shape = Shape(lengths) else { throw failure("\(lengths) is no shape") }
        return shape
    }
}

/// NonZero, Compress, Unique.
let nonZeroOperators: [OperatorDefinition] = [
    computed("NonZero", since: 9, inputs: 1...1) { context throws(EngineError) in
        [try context.placesOfNonZero()]
    },
    computed("Compress", since: 9, inputs: 2...2) { context throws(EngineError) in
        [try context.compressed()]
    },
    computed("Unique", since: 11, inputs: 1...1, outputs: 1...4) { context throws(EngineError) in
        try context.distinct()
    },
]
