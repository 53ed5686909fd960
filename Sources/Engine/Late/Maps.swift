// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// Operators of ai.onnx.ml that take a map: each gives one row, `[1, columns]`.
let mapOperators: [OperatorDefinition] = [
    OperatorDefinition("DictVectorizer", domain: "ai.onnx.ml", since: 1, inputs: 1...1) {
        call throws(EngineError) in [.tensor(try call.vectorized())]
    },
    OperatorDefinition("CastMap", domain: "ai.onnx.ml", since: 1, inputs: 1...1) {
        call throws(EngineError) in [.tensor(try call.castMap())]
    },
]

extension LateCall {
    /// The pairs of input 0; every value is one element.
    private func pairs() throws(EngineError) -> [(key: MapKey, value: Tensor)] {
        guard case .map(let keys, .sequence(let values)) = try value(0), keys.count == values.count
        else { throw context.failure("input 0 is no map") }
        var pairs: [(MapKey, Tensor)] = []
        for (key, value) in zip(keys, values) {
            guard case .tensor(let tensor) = value, tensor.elementCount == 1 else {
                throw context.failure("a value of the map is not one element")
            }
            pairs.append((key, tensor))
        }
        return pairs
    }

    /// The values in the order of the vocabulary; a key that is not in the map is nought, and a
    /// key outside the vocabulary is passed over.
    fileprivate func vectorized() throws(EngineError) -> Tensor {
        let vocabulary: [MapKey]
        if let names = try context.strings("string_vocabulary") {
            vocabulary = names.map { .string($0) }
        } else if let numbers = try context.integers("int64_vocabulary") {
            vocabulary = numbers.map { .integer(Int64($0)) }
        } else {
            throw context.failure("no vocabulary is given", kind: .invalidGraph)
        }
        let pairs = try pairs()
        var places: [MapKey: Int] = [:]
        for (place, key) in vocabulary.enumerated() { places[key] = place }
        guard let type = pairs.first?.value.type else {
            return try make(.float, [1, vocabulary.count])
        }
        if type == .string {
            var texts = Array(repeating: "", count: vocabulary.count)
            for (key, value) in pairs where value.type == .string {
                if let place = places[key] { texts[place] = value.texts[0] }
            }
            return Tensor(texts: texts, shape: Shape([1, texts.count]) ?? [])
        }
        guard let width = type.byteWidth, pairs.allSatisfy({ $0.value.type == type }) else {
            throw context.failure("the map's values differ in type", kind: .unsupported)
        }
        let row = try make(type, [1, vocabulary.count])
        for (key, value) in pairs {
            guard let place = places[key] else { continue }
            unsafe (row.address + place * width).copyMemory(from: value.address, byteCount: width)
        }
        return row
    }

    /// The values of a map of whole numbers: in the order of their keys, or each at its key.
    fileprivate func castMap() throws(EngineError) -> Tensor {
        var values: [Int64: Tensor] = [:]
        for (key, value) in try pairs() {
            guard case .integer(let place) = key else {
                throw context.failure("a key of the map is no whole number")
            }
            values[place] = value
        }
        let columns: [Tensor?]
        switch try context.string("map_form", default: "DENSE") {
        case "DENSE": columns = values.keys.sorted().map { values[$0] }
        case "SPARSE":
            let width = try context.integer("max_map", default: 1)
            // Room is asked for before anything is made.
            _ = try make(.string, [1, max(width, 0)])
            guard width >= 0, values.keys.allSatisfy({ $0 >= 0 && $0 < width }) else {
                throw context.failure("a key of the map is outside 0..<\(width)")
            }
            columns = (0..<width).map { values[Int64($0)] }
        case let other:
            throw context.failure("map_form is '\(other)', expected DENSE or SPARSE")
        }
        guard let shape = Shape([1, columns.count]) else { throw context.failure("no such shape") }
        switch try context.string("cast_to", default: "TO_FLOAT") {
        case "TO_FLOAT": return Tensor(try columns.map(number).map { Float($0) }, shape: shape)
        case "TO_INT64":
            var wholes: [Int64] = []
            for column in columns {
                guard let whole = Int64(exactly: try number(column).rounded(.towardZero)) else {
                    throw context.failure("a value of the map is beyond a whole number")
                }
                wholes.append(whole)
            }
            return Tensor(wholes, shape: shape)
        case "TO_STRING":
            var texts: [String] = []
            for column in columns {
                guard let column else {
                    texts.append("")
                    continue
                }
                texts.append(column.type == .string ? column.texts[0] : "\(try number(column))")
            }
            return Tensor(texts: texts, shape: shape)
        case let other:
            throw context.failure(
                "cast_to is '\(other)', expected TO_FLOAT, TO_INT64 or TO_STRING"
            )
        }
    }

    /// One element as a number; nil is nought.
    private func number(_ tensor: Tensor?) throws(EngineError) -> Double {
        switch tensor?.type {
        case nil: return 0
        case .float: return Double(tensor?.elements(as: Float.self).first ?? 0)
        case .int64: return Double(tensor?.elements(as: Int64.self).first ?? 0)
        case .string:
            if let text = tensor?.texts.first, let number = Double(text) { return number }
        default: break
        }
        throw context.failure("a value of the map is no number")
    }
}
