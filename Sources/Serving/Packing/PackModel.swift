// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import Engine
import Glibc
import ONNX
import Platform
package import Tensors

/// A model's file made ready for packing: as ONNX, mapped, with what its graph takes and gives.
package final class PackModel: Sendable {
    /// An input or output as the file declares it.
    package struct Value: Sendable {
        package var name: String
        package var type: DataType?
        /// Dimensions behind the row, nil where open; nil as a whole where the file declares no shape.
        package var rowShape: [Int?]?

        /// Whether a row is one value.
        package var isScalar: Bool { rowShape?.isEmpty ?? false || rowShape == [1] }
        /// The columns of a matrix; nil where open or where it is none.
        package var width: Int? { rowShape?.count == 1 ? rowShape?[0] : nil }
        package var isMatrix: Bool { rowShape == nil || rowShape?.count == 1 }
    }

    let path: String
    /// What becomes `model.onnx`.
    let model: MappedFile
    /// Files in which tensors lie, by the locations that the model gives, and the model itself.
    let files: [String: MappedFile]
    package let imported: ImportedModel?
    package let inputs: [Value]
    package let outputs: [Value]
    /// What trained or exported it, as far as the file tells.
    package let framework: Manifest.Framework?
    /// Where an imported model lies meanwhile.
    private let folder: TemporaryFolder?

    package init(path: String, float32: Bool) throws(ArtifactError) {
        self.path = path
        let given: MappedFile
        do throws(SystemError) {
            given = try MappedFile(path: path)
        } catch {
            let isFolder = (try? fileStatus(of: path))?.kind == .directory
            throw ArtifactError(
                packing: path,
                isFolder
                    ? "a folder" : error.errno == EINVAL ? "no regular file" : "\(error.reason)",
                expected: "a model's file"
            ).because(of: isFolder || error.errno == EINVAL ? .content : .system)
        }
        let start = given.withBytes { bytes in
            (0..<min(4096, bytes.count)).map { bytes[$0] }
        }
        guard let format = ModelFormat.detect(start, fileName: path) else {
            throw ArtifactError(
                packing: path,
                "no model that is known",
                expected: "ONNX, XGBoost's JSON or UBJ, or LightGBM's text",
                remedy: "export the model to ONNX; docs/own-model.md shows how"
            )
        }
        if format == .onnx {
            guard !float32 else {
                throw ArtifactError(
                    packing: "--float32",
                    "an ONNX graph computes as it says",
                    remedy: "leave it away, or export the graph in single precision"
                ).because(of: .usage)
            }
            (model, imported, folder) = (given, nil, nil)
        } else {
            let bytes = given.withBytes { bytes in bytes.indices.map { bytes[$0] } }
            let read = try importModel(
                bytes,
                format: format,
                options: ImportOptions(float32: float32, fileName: path)
            )
            let place = try Self.store(read.onnx)
            (model, imported, folder) = (place.file, read, place.folder)
        }
        let proto: ModelProto
        do throws(EngineError) {
            proto = try model.withBytes { (bytes) throws(EngineError) in try Program.read(bytes) }
        } catch {
            throw ArtifactError(packing: path, "\(error)", remedy: "export the model again")
        }
        let initialised = Set(proto.graph.initializers.map(\.name))
        inputs = proto.graph.inputs.filter { !initialised.contains($0.name) }.map(Value.init)
        outputs = proto.graph.outputs.map(Value.init)
        framework =
            imported?.framework
            ?? (proto.producerName.isEmpty
                ? nil
                : Manifest.Framework(
                    name: proto.producerName,
                    version: proto.producerVersion.isEmpty ? "unknown" : proto.producerVersion
                ))
        files = try Self.files(of: proto, model: model, path: path)
        guard !inputs.isEmpty else {
            throw ArtifactError(packing: path, "a graph without inputs")
        }
    }

    private static func store(
        _ bytes: [UInt8]
    ) throws(ArtifactError) -> (file: MappedFile, folder: TemporaryFolder) {
        do throws(SystemError) {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/\(Artifact.modelFileName)"
            try writeFileAtomically(bytes.span, to: path)
            return (try MappedFile(path: path), folder)
        } catch {
            throw ArtifactError(packing: "TMPDIR", "\(error)").because(of: .system)
        }
    }

    private static func files(
        of proto: ModelProto,
        model: MappedFile,
        path: String
    ) throws(ArtifactError) -> [String: MappedFile] {
        var files = [Artifact.modelFileName: model]
        for (location, tensor) in proto.externalFiles.sorted(by: { $0.key < $1.key }) {
            do throws(SystemError) {
                files[location] = try MappedFile(path: location, below: parentDirectory(of: path))
            } catch {
                throw ArtifactError(
                    packing: path,
                    "tensor '\(tensor)' lies in '\(location)': \(error)",
                    remedy: "put the file beside the model, or save the model in one file"
                )
            }
        }
        return files
    }
}

extension PackModel.Value {
    fileprivate init(_ info: ValueInfo) {
        name = info.name
        guard case .tensor(let type, let shape) = info.type else { return }
        self.type = type
        rowShape = shape.map { shape in
            shape.dropFirst().map { if case .fixed(let length) = $0 { length } else { nil } }
        }
    }
}

extension DataType {
    /// The datatype of an output that the graph computes so; nil for what no output can be.
    var outputDatatype: Datatype? {
        switch self {
        case .float: .fp32
        case .double: .fp64
        case .int64: .int64
        case .int32: .int32
        case .bool: .bool
        case .string: .bytes
        default: nil
        }
    }
}
