// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Platform
import Tensors

/// A recorded case of `Tests/oracles/ml_cases.py`: a model, and what goes in and comes out.
struct StoredCase {
    struct DataSet {
        var inputs: [Tensor] = []
        var outputs: [StoredValue] = []
    }
    let model: [UInt8]
    var sets: [DataSet] = []
    /// |got - want| may be this much, plus this much of |want|.
    let absolute: Double
    let relative: Double

    static let folder =
        "\(#filePath)".split(separator: "/").dropLast(2)
        .reduce(into: "") { $0 += "/" + $1 } + "/Fixtures/ml"

    static var names: [String] {
        get throws { try listDirectory(folder).sorted() }
    }

    init(_ name: String) throws {
        let path = Self.folder + "/" + name
        model = try readFile(path: path + "/model.onnx", limit: 1 << 24)
        let text = String(
            decoding: try readFile(path: path + "/data.json", limit: 4096),
            as: UTF8.self
        )
        let numbers = text.split { !"0123456789.e-+".contains($0) }.compactMap { Double($0) }
        (absolute, relative) = (numbers[0], numbers[1])
        let graph = try Program.read(model.span).graph
        let files = Set(try listDirectory(path))
        var number = 0
        while files.contains("test_data_set_\(number)") {
            let folder = path + "/test_data_set_\(number)"
            let present = Set(try listDirectory(folder))
            var set = DataSet()
            for (index, info) in graph.inputs.enumerated() {
                let bytes = try readFile(path: "\(folder)/input_\(index).pb", limit: 1 << 24)
                let value = try StoredValue(file: bytes.span, declaredAs: info.type)
                if case .tensor(let tensor) = value { set.inputs.append(tensor) }
            }
            for (index, info) in graph.outputs.enumerated()
            where present.contains("output_\(index).pb") {
                let bytes = try readFile(path: "\(folder)/output_\(index).pb", limit: 1 << 24)
                set.outputs.append(try StoredValue(file: bytes.span, declaredAs: info.type))
            }
            sets.append(set)
            number += 1
        }
    }

    /// What differs between an output and what was recorded; nil when nothing does.
    func difference(_ got: NamedValue, _ want: StoredValue) -> String? {
        guard let answer = got.tensor else { return "no tensor" }
        switch want {
        case .tensor(let tensor): return difference(answer, tensor)
        case .sequence(let rows):
            var scores: [Float] = []
            for row in rows {
                guard case .map(let keys, .sequence(let values)) = row else { return "no map" }
                let names: ClassNames? =
                    if case .string = keys.first {
                        .strings(keys.map { if case .string(let name) = $0 { name } else { "" } })
                    } else {
                        .integers(keys.map { if case .integer(let name) = $0 { name } else { 0 } })
                    }
                guard names == got.classes else {
                    return "classes \(String(describing: got.classes))"
                }
                for case .tensor(let score) in values { scores += score.elements(as: Float.self) }
            }
            guard let shape = Shape([rows.count, rows.isEmpty ? 0 : scores.count / rows.count])
            else { return "no shape" }
            return difference(answer, Tensor(scores, shape: shape))
        default: return "an unexpected kind of value"
        }
    }

    private func difference(_ got: Tensor, _ want: Tensor) -> String? {
        guard got.type == want.type else { return "\(got.type), expected \(want.type)" }
        guard got.dimensions == want.dimensions else {
            return "shape \(got.dimensions), expected \(want.dimensions)"
        }
        if got.type == .string {
            return got.texts == want.texts ? nil : "\(got.texts), expected \(want.texts)"
        }
        for (index, pair) in zip(reals(got), reals(want)).enumerated() {
            let (a, b) = pair
            guard a != b, !(a.isNaN && b.isNaN) else { continue }
            if !(abs(a - b) <= absolute + relative * abs(b)) {
                return "element \(index) is \(a), expected \(b)"
            }
        }
        return nil
    }

    private func reals(_ tensor: Tensor) -> [Double] {
        switch tensor.type {
        case .float: tensor.elements(as: Float.self).map { Double($0) }
        case .double: tensor.elements(as: Double.self)
        case .int64: tensor.elements(as: Int64.self).map { Double($0) }
        case .int32: tensor.elements(as: Int32.self).map { Double($0) }
        case .int16: tensor.elements(as: Int16.self).map { Double($0) }
        default: []
        }
    }
}
