// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The names of a classifier's classes, integers or text, ready to be written.
struct ClassLabels: Sendable {
    let count: Int
    private let integers: [Int64]
    /// Owns the text that `references` point at.
    private let texts: Tensor?
    private let references: [TextReference]

    var type: DataType { texts == nil ? .int64 : .string }

    init(integers: [Int64]) {
        (self.integers, texts, references, count) = (integers, nil, [], integers.count)
    }

    init(texts: [String]) {
        let tensor = Tensor(texts: texts, shape: Shape([texts.count]) ?? [])
        self.texts = tensor
        references = tensor.elements(as: TextReference.self)
        (integers, count) = ([], texts.count)
    }

    /// Writes the name of class `index` as element `row` of output 0.
    @inline(__always)
    func write(_ index: Int, row: Int, in frame: Frame) {
        if texts == nil {
            frame.output(0, as: Int64.self)[row] = integers[index]
        } else {
            frame.output(0, as: TextReference.self)[row] = references[index]
        }
    }
}

extension NodeContext {
    /// Class labels from the attribute of integers or that of strings, of which one is there.
    func classLabels(
        integers integerName: String,
        strings stringName: String
    ) throws(EngineError) -> ClassLabels {
        let texts = try strings(stringName) ?? []
        let numbers = try integers(integerName) ?? []
        guard texts.isEmpty != numbers.isEmpty else {
            throw wrong(
                texts.isEmpty ? integerName : stringName,
                texts.isEmpty
                    ? "and '\(stringName)' are both empty, expected one of them"
                    : "and '\(integerName)' are both there, expected one of them"
            )
        }
        guard texts.isEmpty else { return ClassLabels(texts: texts) }
        return ClassLabels(integers: numbers.map { Int64($0) })
    }
}
