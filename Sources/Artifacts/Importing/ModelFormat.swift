// SPDX-License-Identifier: Apache-2.0

/// A form in which model files come.
package enum ModelFormat: Sendable, Equatable {
    case onnx
    case xgboostJSON
    case xgboostUBJ
    case lightgbmText

    /// The format of a file, by its first bytes or, where they do not tell, by its name.
    ///
    /// - Parameters:
    ///   - bytes: the file; a thousand bytes from its start are enough.
    ///   - fileName: its name, with or without the folder.
    /// - Returns: nil for a file that is none of them.
    package static func detect(_ bytes: [UInt8], fileName: String) -> ModelFormat? {
        var start = 0
        while start < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[start]) { start += 1 }
        if bytes[start...].starts(with: "tree".utf8) {
            let end = min(bytes.count, start + 6)
            let rest = bytes[(start + 4)..<end]
            if rest.isEmpty || rest.first == 0x0A || rest.elementsEqual([0x0D, 0x0A]) {
                return .lightgbmText
            }
        }
        if start < bytes.count, bytes[start] == UInt8(ascii: "{") {
            // A JSON object goes on with a name or its end, UBJ's with the length of a name.
            let next = bytes[(start + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            switch next {
            case UInt8(ascii: "\""), UInt8(ascii: "}"): return .xgboostJSON
            case .some(let mark) where "LlIiU$#".utf8.contains(mark): return .xgboostUBJ
            default: break
            }
        }
        // The first field of a ModelProto is its version, a number below 128.
        if bytes.count > 2, bytes[0] == 0x08, bytes[1] < 0x80 { return .onnx }
        return byName(fileName)
    }

    private static func byName(_ fileName: String) -> ModelFormat? {
        let name = fileName.lowercased()
        return if name.hasSuffix(".onnx") {
            .onnx
        } else if name.hasSuffix(".ubj") {
            .xgboostUBJ
        } else if name.hasSuffix(".json") {
            .xgboostJSON
        } else {
            nil
        }
    }
}

/// Reads a model file into ONNX.
///
/// - Parameters:
///   - bytes: the whole file; nothing in it is trusted.
///   - format: what `ModelFormat.detect` said; ONNX is no format to import.
///   - options: how to read it.
/// - Returns: the model.
/// - Throws: what is wrong with the file, or what in it cannot be served.
package func importModel(
    _ bytes: [UInt8],
    format: ModelFormat,
    options: ImportOptions = ImportOptions()
) throws(ArtifactError) -> ImportedModel {
    switch format {
    case .onnx:
        throw ArtifactError(
            ArtifactProblem(
                file: options.fileName,
                found: "is ONNX already",
                remedy: "take it as it is"
            )
        )
    case .xgboostJSON:
        return try XGBoostModel.read(ModelDocument(json: bytes, fileName: options.fileName))
    case .xgboostUBJ:
        return try XGBoostModel.read(ModelDocument(ubj: bytes, fileName: options.fileName))
    case .lightgbmText: return try LightGBMModel.read(bytes, options)
    }
}
