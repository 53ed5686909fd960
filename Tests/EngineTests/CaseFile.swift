// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Platform
import Tensors
import Testing

/// One recorded case: a model, its inputs, and what an outside oracle answers.
struct ModelCase: Sendable, CustomTestStringConvertible {
    var name: String
    var model: [UInt8]
    var inputs: [StoredValue]
    var outputs: [StoredValue]
    var relative: Double
    var absolute: Double

    var testDescription: String { name }
}

/// Reads the records that `Tests/oracles/engine_cases.py` writes.
func readCases(_ path: String) throws -> [ModelCase] {
    let bytes = try readFile(path: path, limit: 1 << 28)
    var offset = 0
    func number() -> Int {
        defer { offset += 4 }
        return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
    func blob() -> [UInt8] {
        let count = number()
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }
    func double() -> Double {
        let high = number()
        return Double(bitPattern: UInt64(high) | UInt64(number()) << 32)
    }
    func values() throws -> [StoredValue] {
        try (0..<number()).map { _ in
            let data = blob()
            return .tensor(try TensorProto(file: data.span).tensor(in: data.span))
        }
    }
    var cases: [ModelCase] = []
    while offset < bytes.count {
        let name = String(decoding: blob(), as: UTF8.self)
        cases.append(
            ModelCase(
                name: name,
                model: blob(),
                inputs: try values(),
                outputs: try values(),
                relative: double(),
                absolute: double()
            )
        )
    }
    return cases
}

/// A path beside this file.
func fixture(_ name: String, file: String = #filePath) -> String {
    file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/Fixtures/" + name
}

/// Runs a case through `Program` and `Session`; answers what is wrong, or nil.
///
/// ONNX's cases hand shapes, axes and the like in as inputs; where those decide an output's shape
/// they are made constants.
func problem(with example: ModelCase, disabledPasses: Set<String> = []) -> String? {
    do {
        let session: Session
        do {
            session = try preparedSession(for: example, disabledPasses: disabledPasses)
        } catch let error as EngineError where error.kind == .unsupported {
            session = try preparedSession(
                for: example,
                disabledPasses: disabledPasses,
                bindsIntegers: true
            )
        }
        if let fault = session.run() { return session.program.describe(fault) }
        guard example.outputs.count == session.program.outputs.count else {
            return "\(session.program.outputs.count) outputs, expected \(example.outputs.count)"
        }
        for (index, expected) in example.outputs.enumerated() {
            let got = session.output(index)
            if let problem = difference(
                got,
                expected,
                relative: example.relative,
                absolute: example.absolute
            ) {
                return "output '\(got.name)': \(problem)"
            }
        }
        return nil
    } catch {
        return "\(error)"
    }
}

/// A session with the case's inputs filled in.
func preparedSession(
    for example: ModelCase,
    disabledPasses: Set<String> = [],
    bindsIntegers: Bool = false
) throws -> Session {
    var options = ProgramOptions(maximumRows: 1, disabledPasses: disabledPasses)
    options.memoryLimit = 1 << 32
    var rows = 0
    let proto = try Program.read(example.model.span)
    let constants = Set(proto.graph.initializers.map(\.name))
    let inputs = proto.graph.inputs.filter { !constants.contains($0.name) }
    for (input, value) in zip(inputs, example.inputs) {
        guard case .tensor(let tensor) = value, case .tensor(_, let declared) = input.type else {
            continue
        }
        if bindsIntegers,
            tensor.shape.rank == 0
                || tensor.shape.rank == 1 && [.int32, .int64].contains(tensor.type)
        {
            options.constants[input.name] = tensor
            continue
        }
        var shape = tensor.dimensions
        if let first = shape.first {
            let isOpen = declared?.first.map { if case .fixed = $0 { false } else { true } }
            if isOpen ?? true {
                options.maximumRows = max(options.maximumRows, first)
                rows = max(rows, first)
                shape[0] = -1
            }
        }
        if declared == nil || declared?.count == shape.count {
            options.shapes[input.name] = shape
        }
    }
    let program = try Program(model: example.model.span, options: options)
    let session = try Session(program)
    session.begin(rows: rows)
    let values = zip(inputs, example.inputs).filter { options.constants[$0.0.name] == nil }
    for (index, value) in values.map(\.1).enumerated() {
        guard case .tensor(let tensor) = value else { throw CaseProblem("an input is no tensor") }
        guard session.setInput(index, to: tensor) else {
            throw CaseProblem(
                "input \(index) is \(tensor.type) \(tensor.dimensions), the program takes \(program.inputs[index])"
            )
        }
    }
    return session
}

struct CaseProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How an output differs from what was expected: shape, type, strings exactly, numbers within tolerance.
func difference(
    _ got: NamedValue,
    _ expected: StoredValue,
    relative: Double,
    absolute: Double
) -> String? {
    guard let answer = got.tensor else { return "no tensor" }
    switch expected {
    case .tensor(let want):
        return difference(answer, want, relative: relative, absolute: absolute)
    case .sequence(let rows):
        // A ZipMap's answer: for each row a map from class to score.
        guard let classes = got.classes else { return "no class names for a sequence of maps" }
        guard answer.dimensions == [rows.count, classes.count] else {
            return "shape \(answer.dimensions), expected \(rows.count) maps"
        }
        let scores = numbers(answer)
        for (row, map) in rows.enumerated() {
            guard case .map(let keys, let values) = map, case .sequence(let parts) = values else {
                return "an expected row is no map"
            }
            let names: [MapKey] =
                switch classes {
                case .integers(let list): list.map { .integer($0) }
                case .strings(let list): list.map { .string($0) }
                }
            guard Set(keys) == Set(names) else { return "classes \(names), expected \(keys)" }
            let flat = parts.flatMap { part -> [Double] in
                if case .tensor(let tensor) = part { numbers(tensor) } else { [] }
            }
            for (key, want) in zip(keys, flat) {
                guard let column = names.firstIndex(of: key) else { return "no class \(key)" }
                let score = scores[row * classes.count + column]
                guard isClose(score, want, relative, absolute) else {
                    return "row \(row) class \(key) is \(score), expected \(want)"
                }
            }
        }
        return nil
    default: return "an expected output of this kind cannot be compared"
    }
}

func difference(
    _ got: Tensor,
    _ want: Tensor,
    relative: Double,
    absolute: Double
) -> String? {
    guard got.type == want.type else { return "type \(got.type), expected \(want.type)" }
    guard got.dimensions == want.dimensions else {
        return "shape \(got.dimensions), expected \(want.dimensions)"
    }
    if got.type == .string {
        return got.texts == want.texts
            ? nil : "\(got.texts.prefix(4)), expected \(want.texts.prefix(4))"
    }
    let (left, right) = (numbers(got), numbers(want))
    var (misses, first) = (0, -1)
    for index in left.indices where !isClose(left[index], right[index], relative, absolute) {
        if misses == 0 { first = index }
        misses += 1
    }
    guard misses > 0 else { return nil }
    return
        "\(misses) of \(left.count) differ, element \(first) is \(left[first]), expected \(right[first])"
}

private func isClose(_ got: Double, _ want: Double, _ relative: Double, _ absolute: Double) -> Bool
{
    got == want || got.isNaN && want.isNaN
        || (got - want).magnitude <= absolute + relative * want.magnitude
}

private func numbers(_ tensor: Tensor) -> [Double] {
    switch tensor.type {
    case .float: tensor.elements(as: Float.self).map { Double($0) }
    case .double: tensor.elements(as: Double.self)
    case .float16: tensor.elements(as: Float16.self).map { Double($0) }
    case .bfloat16: tensor.elements(as: BFloat16.self).map { Double($0.float) }
    case .int8: tensor.elements(as: Int8.self).map { Double($0) }
    case .int16: tensor.elements(as: Int16.self).map { Double($0) }
    case .int32: tensor.elements(as: Int32.self).map { Double($0) }
    case .int64: tensor.elements(as: Int64.self).map { Double($0) }
    case .uint8: tensor.elements(as: UInt8.self).map { Double($0) }
    case .uint16: tensor.elements(as: UInt16.self).map { Double($0) }
    case .uint32: tensor.elements(as: UInt32.self).map { Double($0) }
    case .uint64: tensor.elements(as: UInt64.self).map { Double($0) }
    case .bool: tensor.elements(as: Truth.self).map { $0.isTrue ? 1 : 0 }
    default: []
    }
}
