// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform

extension Packer {
    /// Writes the artifact beside where it will lie, proves it as the daemon would, and renames it.
    func write(
        _ draft: PackDraft,
        _ model: PackModel,
        _ parity: Parity,
        in folder: StagingFolder,
        _ report: inout PackReport
    ) throws(ArtifactError) {
        tell("writing \(path)", 0, 1)
        let provenance: JSONValue = [
            "packed_by": .string("serin \(serinVersion)"),
            "data": try Self.source(options.data),
            "predictions": try options.predictions.map(Self.source) ?? nil,
            "rows": .number(report.rows), "seed": .number(Int(options.seed)),
            "parity": parity.document,
        ]
        try folder.write(model.files)
        try folder.write(draft.contract.written.laidOut(), as: Contract.fileName)
        try folder.write(draft.golden.flatMap(\.encodedLine), as: GoldenRecord.fileName)
        try folder.write(
            draft.fallbackRecords.flatMap(\.encodedLine),
            as: GoldenRecord.fallbackFileName
        )
        if let baseline = draft.baseline {
            try folder.write(
                baseline.document(for: draft.contract).laidOut(),
                as: Baseline.fileName
            )
        }
        if let lock = draft.lock { try folder.write(lock, as: Artifact.environmentFileName) }
        let framework = draft.framework ?? Manifest.Framework(name: "unknown", version: "unknown")
        let (identity, proof) = try folder.finish(
            identity,
            mayMove: options.version == nil,
            key: options.key
        ) { (identity) throws(ArtifactError) in
            try folder.seal(
                identity: identity,
                stage: options.stage,
                framework: Manifest.Framework(
                    name: framework.name.isEmpty ? "unknown" : framework.name,
                    version: framework.version.isEmpty ? "unknown" : framework.version
                ),
                provenance: provenance,
                key: options.key
            )
        }
        report.take(proof, key: options.key)
        (report.identity, report.path) = (identity, folder.destination)
        report.isDryRun = options.isDryRun
    }

    /// What a file was called, and its digest.
    private static func source(_ path: String) throws(ArtifactError) -> JSONValue {
        do throws(SystemError) {
            let file = try MappedFile(path: path)
            let digest = file.withBytes { sha256(of: $0) }
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return ["file": .string(name), "sha256": .string("\(digest)")]
        } catch {
            throw ArtifactError(packing: path, "\(error.reason)").because(of: .system)
        }
    }
}

extension PackReport {
    mutating func take(_ proof: StagingFolder.Proof, key: Ed25519.PrivateKey?) {
        goldenDeviation = proof.deviation
        isSigned = key != nil
        stage = proof.artifact.stage
        missingForProduction = proof.artifact.missingForProduction
        if proof.artifact.signature == .unchecked { isSigned = true }
    }
}
