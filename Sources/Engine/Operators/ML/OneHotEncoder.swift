// SPDX-License-Identifier: Apache-2.0
import Tensors

/// OneHotEncoder: each element becomes a row of zeros with a one at its category.
///
/// Numbers are cut to integers first. What is no category gives only zeros, or is a fault where
/// the model says `zeros = 0`.
struct OneHotEncoder: NumberOperator {
    let categories: KeyTable
    let allowsUnknown: Bool

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        encode(frame, count: x.count) { index in
            x[index].truncated.flatMap { categories.index(of: $0) }
        }
    }

    func runTexts(_ frame: Frame) {
        let x: View<TextReference> = frame.input(0)
        encode(frame, count: x.count) { categories.index(of: x[$0]) }
    }

    @inline(__always)
    private func encode(_ frame: Frame, count: Int, _ category: (Int) -> Int?) {
        let y: MutableView<Float> = frame.output(0)
        let width = categories.count
        for index in 0..<count {
            y.fill((index * width)..<((index + 1) * width), with: 0)
            if let place = category(index) {
                y[index * width + place] = 1
            } else if !allowsUnknown {
                frame.fault(.undefinedValue)
            }
        }
    }
}

extension NodeContext {
    /// The categories, as text or as numbers.
    fileprivate func oneHotCategories() throws(EngineError) -> (KeyTable, isText: Bool) {
        let texts = try strings("cats_strings") ?? []
        let numbers = try integers("cats_int64s") ?? []
        guard texts.isEmpty != numbers.isEmpty else {
            throw wrong("cats_strings", "or 'cats_int64s' has to be there, and only one of them")
        }
        let isText = numbers.isEmpty
        guard try (input(0).type == .string) == isText else {
            throw failure(
                "input 0 is \(try input(0).type), but the categories are \(isText ? "strings" : "integers")"
            )
        }
        return isText
            ? (KeyTable(texts: texts), true) : (KeyTable(numbers.map { Int64($0) }), false)
    }
}

let oneHotOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "OneHotEncoder",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers.union([.string]))
            let (categories, _) = try context.oneHotCategories()
            return [Fact(.float, try context.input(0).shape + [Dimension(categories.count)])]
        },
        compile: { context throws(EngineError) in
            let (categories, isText) = try context.oneHotCategories()
            let encoder = OneHotEncoder(
                categories: categories,
                allowsUnknown: try context.integer("zeros", default: 1) != 0
            )
            guard !isText else { return { frame in encoder.runTexts(frame) } }
            return encoder.kernel(for: try context.input(0).type)
        }
    )
]
