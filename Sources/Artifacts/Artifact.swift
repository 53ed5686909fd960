// SPDX-License-Identifier: Apache-2.0
package import Platform

/// One version of one model, read, hash-checked and consistent in itself.
///
/// What needs the graph (do the contract's inputs and outputs exist in it?) is still to be checked.
package struct Artifact: Sendable {
    package static let modelFileName = "model.onnx"
    package static let environmentFileName = "environment.lock"

    package enum Signature: Sendable, Equatable {
        /// There is no `artifact.sig`.
        case absent
        /// There is one, and no trusted key was given to check it with.
        case unchecked
        /// A trusted key made it.
        case verified(by: Signer)
    }

    /// The artifact's folder.
    package let path: String
    package let manifest: Manifest
    package let signature: Signature
    package let contract: Contract
    /// The mapped files by path: all but the documents, `model.onnx` among them.
    ///
    /// A model's tensors may lie in any of them, as in `model.onnx` itself.
    package let mappedFiles: [String: MappedFile]
    /// Those of the mapped files that were recognised by their seals instead of being hashed anew.
    package let recognizedFiles: Set<String>
    /// The mapping of `model.onnx` whose very bytes were hashed.
    package let model: MappedFile
    package let goldenRecords: [GoldenRecord]
    /// The golden records of the fallback chain.
    package let fallbackRecords: [GoldenRecord]
    package let baseline: Baseline?
    /// The packages of the training environment; nil where the manifest names no lock.
    package let environment: EnvironmentLock?
    /// All files with the digests that they had, `artifact.json` and `artifact.sig` included.
    package let files: [Manifest.File]
    /// What production asks for and this artifact has not, a sentence each.
    package let missingForProduction: [String]

    package var identity: ArtifactIdentity { manifest.identity }

    /// Production only where the manifest says so and nothing is missing for it.
    package var stage: Stage { missingForProduction.isEmpty ? .production : .staging }

    /// The large files that can be sealed, by the name of their chunks' digests.
    package var sealableFiles: [Digest: Manifest.File] {
        var found: [Digest: Manifest.File] = [:]
        for file in files where mappedFiles[file.path] != nil {
            if let chunks = file.chunks { found[chunks.name] = file }
        }
        return found
    }

    /// Hashes one of them again, in the calling thread and a quarter of the time, and seals it; nil where it
    /// is not what it was.
    package func seal(_ file: Manifest.File) -> ChunkSeals? {
        guard let mapping = mappedFiles[file.path], let chunks = file.chunks,
            mapping.byteCount == file.byteCount
        else { return nil }
        return ChunkSeals(of: mapping, chunks, rests: 3)
    }

    /// Checks again and again, while it serves, that nothing changed.
    package func integrityWatch() -> IntegrityWatch { IntegrityWatch(self) }
}
