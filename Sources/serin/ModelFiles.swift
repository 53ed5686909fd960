// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Platform

/// A model's file and those below its folder in which its tensors lie, mapped.
struct ModelFiles {
    let model: MappedFile
    /// By the locations that the model gives.
    private let beside: [String: MappedFile]

    /// Maps the model and reads its head, which says what lies beside it.
    init(_ path: String) throws(ModelFolder.Failure) {
        model = try Self.map(path)
        let proto = try Self.read(model)
        let folder = parentDirectory(of: path)
        var beside: [String: MappedFile] = [:]
        for (location, tensor) in proto.externalFiles.sorted(by: { $0.key < $1.key }) {
            do throws(SystemError) {
                beside[location] = try MappedFile(path: location, below: folder)
            } catch {
                throw .model(error.refusal(of: location, in: folder, tensor: tensor))
            }
        }
        self.beside = beside
    }

    private init(_ model: MappedFile, _ beside: [String: MappedFile]) {
        (self.model, self.beside) = (model, beside)
    }

    /// The same files in new mappings, of which nothing has been read yet.
    func mappedAgain() throws(ModelFolder.Failure) -> ModelFiles {
        var beside: [String: MappedFile] = [:]
        for (location, file) in self.beside { beside[location] = try Self.map(file.path) }
        return ModelFiles(try Self.map(model.path), beside)
    }

    /// The model's structure.
    var proto: ModelProto { get throws(ModelFolder.Failure) { try Self.read(model) } }

    func program(_ options: ProgramOptions) throws(EngineError) -> Program {
        let program = try model.withBytes { (bytes) throws(EngineError) in
            try Program(model: bytes, beside: beside, options: options)
        }
        for file in [model] + beside.values where file.isDamaged {
            throw EngineError(.system, "\(file.path) was cut while it was read")
        }
        return program
    }

    private static func map(_ path: String) throws(ModelFolder.Failure) -> MappedFile {
        do throws(SystemError) {
            return try MappedFile(path: path)
        } catch {
            throw .system(error)
        }
    }

    private static func read(_ model: MappedFile) throws(ModelFolder.Failure) -> ModelProto {
        do throws(EngineError) {
            return try model.withBytes { (bytes) throws(EngineError) in try Program.read(bytes) }
        } catch {
            throw .model(error)
        }
    }
}

extension SystemError {
    /// Why the file that a tensor lies in cannot be used, and what to do.
    fileprivate func refusal(of location: String, in folder: String, tensor: String) -> EngineError
    {
        let (problem, remedy) =
            switch errno {
            case 2, 20:
                (
                    "which is missing in \(folder)",
                    "copy the file there, or save the model in one file"
                )
            case 40:
                (
                    "of which a step is a symbolic link in \(folder)",
                    "put the file itself there"
                )
            default: ("which cannot be used: \(self)", "save the model in one file")
            }
        return EngineError(
            .system,
            "tensor '\(tensor)' lies in '\(location)', \(problem)",
            remedy: remedy
        )
    }
}
