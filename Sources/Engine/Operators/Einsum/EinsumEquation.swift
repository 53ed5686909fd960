// SPDX-License-Identifier: Apache-2.0

/// An Einsum equation matched with the shapes of its operands.
///
/// Each axis has a label: a letter, or a place in the ellipsis, counted from its end. Labels are
/// numbered: first those of the output in its order, then those that are summed over.
struct EinsumEquation: Sendable {
    enum Label: Hashable, Sendable {
        case letter(UInt8)
        case ellipsis(fromEnd: Int)
    }
    /// For each operand, the number of the label of each axis; a label may stand there twice.
    private(set) var operands: [[Int]] = []
    /// The length of each label.
    private(set) var lengths: [Dimension] = []
    /// How many of the labels are the output's.
    private(set) var outputCount = 0

    /// The most labels an equation may have: kernels count in as many places.
    static let maximumLabels = 24

    var outputShape: [Dimension] { Array(lengths.prefix(outputCount)) }

    init(_ context: NodeContext) throws(EngineError) {
        let text = try context.string("equation", default: "").utf8.filter { $0 != 0x20 }
        let shapes = try context.inputs.indices.map { index throws(EngineError) in
            try context.input(index).shape
        }
        let (terms, result) = try Self.parts(of: text, context)
        guard terms.count == shapes.count else {
            throw context.failure(
                "\(terms.count) terms for \(shapes.count) inputs",
                kind: .invalidGraph
            )
        }
        var labels: [[Label]] = []
        var ellipsisRank = 0
        for (term, shape) in zip(terms, shapes) {
            let list = try Self.labels(of: term, rank: shape.count, context)
            ellipsisRank = max(ellipsisRank, list.count { $0.isEllipsis })
            labels.append(list)
        }
        let named = labels.flatMap { $0 }
        let output: [Label]
        if let result {
            let letters = result.count { $0 != 0x2E }
            let hasEllipsis = letters < result.count
            output = try Self.labels(
                of: result,
                rank: letters + (hasEllipsis ? ellipsisRank : 0),
                context
            )
        } else {
            var uses: [UInt8: Int] = [:]
            for case .letter(let letter) in named { uses[letter, default: 0] += 1 }
            output =
                (0..<ellipsisRank).reversed().map { .ellipsis(fromEnd: $0) }
                + uses.filter { $0.value == 1 }.keys.sorted().map { .letter($0) }
        }
        try number(output, labels, shapes, context)
    }

    /// Gives each label its number and its length.
    private mutating func number(
        _ output: [Label],
        _ labels: [[Label]],
        _ shapes: [[Dimension]],
        _ context: NodeContext
    ) throws(EngineError) {
        var numbers: [Label: Int] = [:]
        for label in output {
            guard numbers[label] == nil else {
                throw Self.failure("repeats in the result", context)
            }
            numbers[label] = numbers.count
        }
        outputCount = output.count
        for label in labels.joined() where numbers[label] == nil { numbers[label] = numbers.count }
        guard numbers.count <= Self.maximumLabels else {
            throw context.failure(
                "\(numbers.count) different axes, at most \(Self.maximumLabels) are supported",
                kind: .unsupported
            )
        }
        var found = [Dimension?](repeating: nil, count: numbers.count)
        for (list, shape) in zip(labels, shapes) {
            var operand: [Int] = []
            for (label, length) in zip(list, shape) {
                let index = numbers[label] ?? 0
                operand.append(index)
                guard let other = found[index], other != 1 else {
                    found[index] = length
                    continue
                }
                guard length == other || length == 1 else {
                    throw context.failure(
                        "an axis is \(other) in one place and \(length) in another"
                    )
                }
            }
            operands.append(operand)
        }
        for length in found {
            guard let length else { throw Self.failure("has an axis of no input", context) }
            lengths.append(length)
        }
    }

    private static func failure(_ problem: String, _ context: NodeContext) -> EngineError {
        context.failure("the equation \(problem)", kind: .invalidGraph)
    }

    /// The terms, and what stands behind the arrow.
    private static func parts(
        of text: [UInt8],
        _ context: NodeContext
    ) throws(EngineError) -> (terms: [[UInt8]], result: [UInt8]?) {
        var left = text[...]
        var result: [UInt8]?
        if let dash = text.firstIndex(of: 0x2D) {
            guard dash + 1 < text.count, text[dash + 1] == 0x3E else {
                throw failure("has a dash that is no arrow", context)
            }
            left = text[..<dash]
            result = Array(text[(dash + 2)...])
        }
        let terms = left.split(separator: 0x2C, omittingEmptySubsequences: false).map { Array($0) }
        return (terms, result)
    }

    /// One label an axis.
    private static func labels(
        of term: [UInt8],
        rank: Int,
        _ context: NodeContext
    ) throws(EngineError) -> [Label] {
        let letters = term.count { $0 != 0x2E }
        let dots = term.count - letters
        guard dots == 0 && letters == rank || dots == 3 && letters <= rank else {
            throw failure("names \(letters) axes of an operand of \(rank)", context)
        }
        var labels: [Label] = []
        var index = 0
        while index < term.count {
            let letter = term[index]
            index += 1
            if letter == 0x2E {
                guard index + 1 < term.count, term[index] == 0x2E, term[index + 1] == 0x2E else {
                    throw failure("has dots that are no ellipsis", context)
                }
                index += 2
                labels += (0..<(rank - letters)).reversed().map { .ellipsis(fromEnd: $0) }
            } else {
                guard (0x41...0x5A).contains(letter) || (0x61...0x7A).contains(letter) else {
                    throw failure("has a sign that is no letter", context)
                }
                labels.append(.letter(letter))
            }
        }
        return labels
    }
}

extension EinsumEquation.Label {
    fileprivate var isEllipsis: Bool {
        if case .ellipsis = self { true } else { false }
    }
}
