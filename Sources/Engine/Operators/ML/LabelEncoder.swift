// SPDX-License-Identifier: Apache-2.0
import Tensors

/// LabelEncoder and CategoryMapper: each element replaced by the value that stands beside its key.
struct LabelEncoder: Sendable {
    let keys: KeyTable
    /// One value a key, then the one for what is no key.
    let values: Tensor

    private func kernel<Key: LookupKey, Value: Scalar>(
        _: Key.Type,
        _: Value.Type
    ) -> Kernel {
        let results = values.elements(as: Value.self)
        let owner = values
        return { frame in
            withExtendedLifetime(owner) {
                let x: View<Key> = frame.input(0)
                let y: MutableView<Value> = frame.output(0)
                for index in x.indices {
                    y[index] = results[keys.index(of: x[index]) ?? keys.count]
                }
            }
        }
    }

    private func kernel<Key: LookupKey>(_ key: Key.Type) -> Kernel {
        switch values.type {
        case .string: kernel(key, TextReference.self)
        case .int64: kernel(key, Int64.self)
        case .int32: kernel(key, Int32.self)
        case .int16: kernel(key, Int16.self)
        case .double: kernel(key, Double.self)
        default: kernel(key, Float.self)
        }
    }

    func kernel(keyType: DataType) -> Kernel {
        switch keyType {
        case .string: kernel(TextReference.self)
        case .int64: kernel(Int64.self)
        case .int32: kernel(Int32.self)
        case .int16: kernel(Int16.self)
        case .double: kernel(Double.self)
        default: kernel(Float.self)
        }
    }
}

extension NodeContext {
    private static let labelTypes: Set<DataType> = [
        .string, .int64, .int32, .int16, .float, .double,
    ]

    /// A list that comes as one of several attributes: strings, integers, floats or a tensor.
    private func labelList(_ prefix: String) throws(EngineError) -> Tensor {
        var found: [Tensor] = []
        if let list = try strings("\(prefix)_strings") {
            found.append(Tensor(texts: list, shape: Shape([list.count]) ?? []))
        }
        if let list = try integers("\(prefix)_int64s") {
            found.append(Tensor(list.map { Int64($0) }))
        }
        if let list = try floats("\(prefix)_floats") { found.append(Tensor(list)) }
        if let tensor = try tensor("\(prefix)_tensor") { found.append(tensor) }
        guard found.count == 1 else {
            throw wrong(
                "\(prefix)_*",
                "is there \(found.count) times, expected exactly one of them"
            )
        }
        guard Self.labelTypes.contains(found[0].type) else {
            throw wrong("\(prefix)_tensor", "is of \(found[0].type), which is no label type")
        }
        return found[0]
    }

    private func keyTable(_ keys: Tensor) -> KeyTable {
        switch keys.type {
        case .string: KeyTable(texts: keys.texts)
        case .int64: KeyTable(keys.elements(as: Int64.self))
        case .int32: KeyTable(keys.elements(as: Int32.self))
        case .int16: KeyTable(keys.elements(as: Int16.self))
        case .double: KeyTable(reals: keys.elements(as: Double.self), matchesNaN: opset >= 4)
        default:
            KeyTable(
                reals: keys.elements(as: Float.self).map { Double($0) },
                matchesNaN: opset >= 4
            )
        }
    }

    /// `values` with the default of their type behind them.
    private func appendingDefault(_ values: Tensor) throws(EngineError) -> Tensor {
        let stated = try tensor("default_tensor")
        if let stated, stated.type != values.type || stated.elementCount != 1 {
            throw wrong(
                "default_tensor",
                "has \(stated.elementCount) elements of \(stated.type), expected one of \(values.type)"
            )
        }
        let text = try string("default_string", default: "_Unused")
        let integer = Int64(try integer("default_int64", default: -1))
        let real = try float("default_float", default: -0.0)
        switch values.type {
        case .string:
            return Tensor(
                texts: values.texts + [stated?.texts.first ?? text],
                shape: Shape([values.elementCount + 1]) ?? []
            )
        case .int64:
            return Tensor(values.elements(as: Int64.self) + (stated?.elements() ?? [integer]))
        case .int32: return Tensor(values.elements(as: Int32.self) + (stated?.elements() ?? [-1]))
        case .int16: return Tensor(values.elements(as: Int16.self) + (stated?.elements() ?? [-1]))
        case .double:
            return Tensor(values.elements(as: Double.self) + (stated?.elements() ?? [-0.0]))
        default: return Tensor(values.elements(as: Float.self) + (stated?.elements() ?? [real]))
        }
    }

    /// Keys and values since ai.onnx.ml 2.
    fileprivate func labelEncoder() throws(EngineError) -> (encoder: LabelEncoder, key: DataType) {
        let keys = try labelList("keys")
        let values = try labelList("values")
        try require("values_*", count: values.elementCount, expected: keys.elementCount)
        return (
            LabelEncoder(keys: keyTable(keys), values: try appendingDefault(values)), keys.type
        )
    }

    /// A two-way table of names and numbers; the type of the input decides the way.
    fileprivate func categoryEncoder(
        names: [String],
        numbers: [Int64]
    ) throws(EngineError) -> LabelEncoder {
        if try input(0).type == .string {
            let other = Int64(try integer("default_int64", default: -1))
            return LabelEncoder(keys: KeyTable(texts: names), values: Tensor(numbers + [other]))
        }
        let other = try string("default_string", default: "_Unused")
        return LabelEncoder(
            keys: KeyTable(numbers),
            values: Tensor(texts: names + [other], shape: Shape([names.count + 1]) ?? [])
        )
    }

    fileprivate func twoWayFact() throws(EngineError) -> Fact {
        try require(input: 0, oneOf: [.string, .int64])
        let input = try input(0)
        return Fact(input.type == .string ? .int64 : .string, input.shape)
    }
}

let labelOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "LabelEncoder",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in [try context.twoWayFact()] },
        compile: { context throws(EngineError) in
            let names = try context.strings("classes_strings") ?? []
            return try context.categoryEncoder(
                names: names,
                numbers: (0..<names.count).map(Int64.init)
            )
            .kernel(keyType: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "LabelEncoder",
        domain: "ai.onnx.ml",
        since: 2,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let (encoder, key) = try context.labelEncoder()
            try context.require(input: 0, oneOf: [key])
            return [Fact(encoder.values.type, try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            let (encoder, key) = try context.labelEncoder()
            return encoder.kernel(keyType: key)
        }
    ),
    OperatorDefinition(
        "CategoryMapper",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in [try context.twoWayFact()] },
        compile: { context throws(EngineError) in
            let names = try context.strings("cats_strings") ?? []
            let numbers = try context.integers("cats_int64s") ?? []
            try context.require("cats_int64s", count: numbers.count, expected: names.count)
            return try context.categoryEncoder(names: names, numbers: numbers.map { Int64($0) })
                .kernel(keyType: try context.input(0).type)
        }
    ),
]
