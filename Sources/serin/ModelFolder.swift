// SPDX-License-Identifier: Apache-2.0
import Engine
import JSON
import ONNX
import Platform
import Tensors

/// A folder in ONNX's test layout: a model, and inputs and outputs recorded for it.
///
///     model.onnx
///     data.json                        optional: {"rtol": 1e-3, "atol": 1e-7}
///     test_data_set_N/input_K.pb       K counts graph inputs that are not initialisers
///     test_data_set_N/output_K.pb
struct ModelFolder {
    let path: String
    let model: ModelFiles
    let tolerance: Tolerance
    /// Declared inputs and outputs, in graph order.
    let inputs: [ValueInfo]
    let outputs: [ValueInfo]
    /// Names of the data sets, in the order of their numbers.
    let dataSets: [String]

    /// Why a folder cannot be looked at.
    enum Failure: Error {
        /// It is no such folder, or what is in it contradicts itself.
        case unusable(String)
        case system(SystemError)
        case model(EngineError)
    }

    /// Reads the model's head and finds the data sets; `file` is a model of another name.
    init(_ path: String, model file: String? = nil) throws(Failure) {
        self.path = path
        let entries: Set<String>
        do throws(SystemError) {
            entries = Set(try listDirectory(path))
        } catch {
            throw error.errno == 2 || error.errno == 20
                ? .unusable("\(path) is no folder") : .system(error)
        }
        guard let name = file ?? (entries.contains("model.onnx") ? path + "/model.onnx" : nil)
        else {
            let inside = entries.first { fileExists("\(path)/\($0)/artifact.json") }
            let hint = inside.map { "; did you mean \(path)/\($0)?" } ?? ""
            throw .unusable("\(path) holds no model.onnx\(hint)")
        }
        tolerance = try Self.readTolerance(path, entries)
        model = try ModelFiles(name)
        let graph = try model.proto.graph
        let initialised = Set(graph.initializers.map(\.name))
        inputs = graph.inputs.filter { !initialised.contains($0.name) }
        outputs = graph.outputs
        let prefix = "test_data_set_"
        dataSets = entries.filter { $0.hasPrefix(prefix) }
            .compactMap { name in Int(name.dropFirst(prefix.count)).map { ($0, name) } }
            .sorted { $0 < $1 }.map(\.1)
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] {
        do throws(SystemError) {
            return try readFile(path: path, limit: 1 << 33)
        } catch {
            throw .system(error)
        }
    }

    private static func readTolerance(
        _ path: String,
        _ entries: Set<String>
    ) throws(Failure) -> Tolerance {
        guard entries.contains("data.json") else { return Tolerance() }
        let bytes = try read(path + "/data.json")
        let document: JSONValue
        do throws(JSONError) {
            document = try parseJSON(bytes)
        } catch {
            throw .unusable("\(path)/data.json: \(error)")
        }
        var tolerance = Tolerance()
        if let value = document["rtol"]?.asNumber?.double { tolerance.relative = value }
        if let value = document["atol"]?.asNumber?.double { tolerance.absolute = value }
        return tolerance
    }

    /// The values of one kind ("input" or "output") of a data set, as many as files follow on.
    func values(
        _ kind: String,
        of dataSet: String,
        declared: [ValueInfo]
    ) throws(Failure) -> [StoredValue] {
        let folder = path + "/" + dataSet
        var values: [StoredValue] = []
        for (index, info) in declared.enumerated() {
            let file = "\(folder)/\(kind)_\(index).pb"
            guard fileExists(file) else { break }
            let bytes = try Self.read(file)
            do throws(ReadError) {
                values.append(try StoredValue(file: bytes.span, declaredAs: info.type))
            } catch {
                throw .unusable("\(file): \(error)")
            }
        }
        return values
    }

    /// The inputs of a data set as tensors; the reason where one is none or is missing.
    func inputTensors(of dataSet: String) throws(Failure) -> [Tensor] {
        let stored = try values("input", of: dataSet, declared: inputs)
        guard stored.count == inputs.count else {
            throw .unusable(
                "has \(stored.count) inputs, the model takes \(inputs.count)"
            )
        }
        var tensors: [Tensor] = []
        for (value, info) in zip(stored, inputs) {
            guard case .tensor(let tensor) = value else {
                throw .unusable("input '\(info.name)' is not a tensor")
            }
            tensors.append(tensor)
        }
        return tensors
    }
}

extension ModelFolder.Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .unusable(let problem): problem
        case .system(let error): "\(error)"
        case .model(let error): "the model is refused: \(error)"
        }
    }
}
