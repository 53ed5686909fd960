// SPDX-License-Identifier: Apache-2.0
import Engine
import JSON
import ONNX
import Platform
import Tensors

/// Runs every data set of a folder in ONNX's test layout and says whether all outputs are right.
///
/// - Parameters:
///   - path: the folder.
///   - json: one JSON object instead of sentences.
/// - Returns: 0 all within tolerance, 1 not, 2 no such folder, 3 the system failed.
func verifyModelFolder(path: String, json: Bool) -> Int32 {
    do throws(ModelFolder.Failure) {
        let folder = try ModelFolder(path)
        guard !folder.dataSets.isEmpty else {
            throw .unusable("\(path) holds no test_data_set_0")
        }
        var report = ModelFolderReport(path: path)
        var program: (shapes: [[Int]], program: Program)?
        for name in folder.dataSets {
            report.sets.append(try folder.verify(name, reusing: &program))
        }
        report.print(json: json)
        return report.isPassed ? 0 : 1
    } catch {
        if json {
            Terminal.print(
                JSONValue.object([
                    JSONMember(name: "path", value: .string(path)),
                    JSONMember(name: "passed", value: .bool(false)),
                    JSONMember(name: "problem", value: .string("\(error)")),
                ]).text()
            )
        } else {
            Terminal.print("FAILED \(path): \(error)")
        }
        switch error {
        case .unusable: return 2
        case .system: return 3
        case .model: return 1
        }
    }
}

extension ModelFolder {
    /// The memory that a model under test may take.
    static var memoryLimit: Int { 1 << 36 }

    /// The same for values whose size follows from data.
    static var lateByteCount: Int { 1 << 32 }

    /// Runs one data set; a model already made ready for the same shapes is used again.
    fileprivate func verify(
        _ name: String,
        reusing ready: inout (shapes: [[Int]], program: Program)?
    ) throws(Failure) -> ModelFolderReport.DataSet {
        var set = ModelFolderReport.DataSet(name: name)
        let given = try values("input", of: name, declared: inputs)
        guard given.count == inputs.count else {
            set.problem = "has \(given.count) inputs, the model takes \(inputs.count)"
            return set
        }
        let recorded = try values("output", of: name, declared: outputs)
        guard recorded.count == outputs.count else {
            set.problem = "has \(recorded.count) outputs, the model gives \(outputs.count)"
            return set
        }
        do throws(EngineError) {
            let answers = try answers(to: given, reusing: &ready)
            for (answer, want) in zip(answers, recorded) {
                set.outputs.append((answer.name, tolerance.compare(answer, want)))
            }
        } catch {
            set.problem = "\(error)"
        }
        return set
    }

    private func answers(
        to given: [StoredValue],
        reusing ready: inout (shapes: [[Int]], program: Program)?
    ) throws(EngineError) -> [NamedValue] {
        let tensors = given.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
        let shapes = tensors.map(\.dimensions)
        let program: Program
        if let ready, ready.shapes == shapes {
            program = ready.program
        } else {
            var options = ProgramOptions(maximumRows: 1, memoryLimit: Self.memoryLimit)
            options.textByteCountPerElement = Self.longestText(in: tensors)
            options.lateByteCount = Self.lateByteCount
            for (info, value) in zip(inputs, given) {
                guard case .tensor(let tensor) = value, info.type.isTensor else { continue }
                options.shapes[info.name] = tensor.dimensions
            }
            program = try model.program(options)
            ready = (shapes, program)
        }
        let session = try Session(program)
        session.begin(rows: 1)
        for (index, value) in given.enumerated() where !session.setInput(index, to: value) {
            let found =
                if case .tensor(let tensor) = value { "\(tensor.type) \(tensor.dimensions)" } else {
                    "no tensor"
                }
            throw EngineError(
                .invalidShape,
                "input '\(inputs[index].name)' is \(found), the model takes \(program.inputs[index].elementType) \(program.inputs[index].shape)"
            )
        }
        if let fault = session.run() {
            throw EngineError(.invalidShape, "the run stopped: \(program.describe(fault))")
        }
        return program.outputs.indices.map { session.output($0) }
    }

    /// Room for text, so that none of the inputs is too long.
    static func longestText(in tensors: [Tensor]) -> Int {
        var longest = 64
        for tensor in tensors where tensor.type == .string {
            for text in tensor.texts { longest = max(longest, text.utf8.count) }
        }
        return longest
    }
}

extension TypeProto {
    fileprivate var isTensor: Bool { if case .tensor = self { true } else { false } }
}
