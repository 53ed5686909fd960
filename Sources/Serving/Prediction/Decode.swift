// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON

extension ModelVersion {
    /// Decodes a body into the workspace's feature table; contract violations stay in the table.
    ///
    /// `jsonByteCount` is how much of the body is JSON; binary tensors follow.
    package func decode(
        _ body: Span<UInt8>,
        form: PredictionForm,
        jsonByteCount: Int,
        into workspace: Workspace
    ) throws(Failure) -> PredictionRequest {
        do {
            switch form {
            case .rows:
                var decoder = RowDecoder(maximumRows: program.maximumRows)
                return try decoder.decode(body, into: &workspace.tables.features)
            case .tensors:
                var decoder = TensorDecoder(
                    modelName: name,
                    modelVersion: version,
                    maximumRows: program.maximumRows,
                    outputs: contract.outputs
                )
                return try decoder.decode(
                    body,
                    jsonByteCount: jsonByteCount,
                    into: &workspace.tables.features
                )
            }
        } catch let error as JSONError {
            throw .malformed(error)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(400, "malformed", .data, "\(error)")
        }
    }
}
