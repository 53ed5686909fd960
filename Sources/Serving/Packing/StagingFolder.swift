// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Glibc
import Guards
import JSON
import Platform

/// A folder in which an artifact is written until it is whole; only then does it get its name.
final class StagingFolder {
    /// Where the artifact will lie.
    let destination: String
    private let folder: String
    /// The folders above it that were not there before, the uppermost last.
    private var made: [String] = []
    private var isPublished = false

    /// Makes the folder.
    ///
    /// - Parameters:
    ///   - destination: `<repository>/<name>/<version>`, which must not be there.
    ///   - isDryRun: whether nothing is to be written there, not even for a moment.
    /// - Throws: why it cannot be made.
    init(for destination: String, isDryRun: Bool) throws(ArtifactError) {
        self.destination = destination
        do throws(SystemError) {
            if isDryRun {
                folder = try makeTemporaryDirectory(prefix: "serin-pack-")
                return
            }
            let parent = parentDirectory(of: destination)
            var above = parent
            while !fileExists(above), parentDirectory(of: above) != above {
                made.append(above)
                above = parentDirectory(of: above)
            }
            try makeDirectory(parent)
            // Containers that share a repository have the same process numbers.
            let own = "\(processIdentifier)-\(UInt32.random(in: 0 ... .max))"
            folder = "\(parent)/\(ArtifactRepository.stagingPrefix)\(own)"
            try makeDirectory(folder)
        } catch {
            throw ArtifactError(packing: destination, "cannot be written: \(error)")
        }
    }

    /// Removes what was not published; once more does nothing.
    func discard() {
        guard !isPublished else { return }
        try? removeDirectory(folder)
        // Only what is empty goes.
        for folder in made { removeEmptyDirectory(folder) }
    }

    func write(_ files: [String: MappedFile]) throws(ArtifactError) {
        for (path, file) in files.sorted(by: { $0.key < $1.key }) {
            try file.withBytes { (bytes) throws(ArtifactError) in try write(bytes, as: path) }
            guard file.isUntouched else {
                throw ArtifactError(
                    packing: file.path,
                    "was written to while it was packed",
                    remedy: "pack it when it is whole"
                )
            }
        }
    }

    func write(_ bytes: [UInt8], as path: String) throws(ArtifactError) {
        try write(bytes.span, as: path)
    }

    private func write(_ bytes: Span<UInt8>, as path: String) throws(ArtifactError) {
        do throws(SystemError) {
            let place = "\(folder)/\(path)"
            if path.contains("/") { try makeDirectory(parentDirectory(of: place)) }
            try writeFileAtomically(bytes, to: place)
        } catch {
            throw ArtifactError(
                packing: "\(destination)/\(path)",
                "cannot be written: \(error.reason)",
                remedy: error.errno == ENOSPC || error.errno == EDQUOT
                    ? "make room on the disk; nothing was kept" : "nothing was kept"
            )
        }
    }

    /// Writes the manifest, and the signature where there is a key.
    func seal(
        identity: ArtifactIdentity,
        stage: Stage,
        framework: Manifest.Framework,
        provenance: JSONValue?,
        key: Ed25519.PrivateKey?
    ) throws(ArtifactError) {
        let manifest = try Manifest.make(
            for: folder,
            identity: identity,
            stage: stage,
            created: Self.now,
            framework: framework,
            provenance: provenance
        ).encoded()
        try write(manifest, as: Manifest.fileName)
        if let key {
            try write(signatureFile(over: manifest, by: key), as: Manifest.signatureFileName)
        }
    }

    /// Now, or the moment that `SOURCE_DATE_EPOCH` asks for, so that a rerun writes the same bytes.
    private static var now: Timestamp {
        guard let text = environmentValue("SOURCE_DATE_EPOCH"), let seconds = Int64(text),
            (0...253_402_300_799).contains(seconds)
        else { return WallClock.now() }
        return Timestamp(microseconds: seconds * 1_000_000)
    }

    /// What the daemon says of the artifact.
    struct Proof {
        var artifact: Artifact
        var deviation: Double
    }

    /// Loads the folder as the daemon does and runs its golden records.
    ///
    /// - Throws: all that the daemon would refuse, and every record that is off.
    func prove(
        _ identity: ArtifactIdentity,
        key: Ed25519.PrivateKey?
    ) throws(ArtifactError) -> Proof {
        let trust = key.map { Trust(keys: [TrustedKey(name: "given", key: $0.publicKey)]) }
        let artifact = try Artifact.load(
            directory: folder,
            options: ArtifactOptions(trust: trust, identity: identity)
        )
        let hasTensors = artifact.contract.features.contains { $0.shape != nil }
        let version = try ModelVersion(
            artifact: artifact,
            settings: ModelSettings(
                maximumRows: hasTensors ? 16 : 1024,
                workspaces: 0,
                memoryLimit: .max
            ),
            metrics: ServingMetrics(),
            forcedBreaker: nil,
            now: .now
        )
        let report = version.runCanary(deadline: .now + .seconds(600))
        switch report.outcome {
        case .passed: break
        case .couldNotRun(let reason):
            throw ArtifactError(packing: GoldenRecord.fileName, "could not be run: \(reason)")
        case .wrong(let deviations):
            throw ArtifactError(
                deviations.prefix(20).map { deviation in
                    ArtifactProblem(
                        file: GoldenRecord.fileName,
                        place: "line \(deviation.record + 1)",
                        found: "\(deviation.output) \(deviation.got)",
                        expected: deviation.want,
                        remedy: "correct the record, or the contract"
                    )
                }
            )
        }
        guard report.isFallbackProven || artifact.fallbackRecords.isEmpty else {
            throw ArtifactError(
                packing: GoldenRecord.fallbackFileName,
                "the chain does not give its recorded answers",
                remedy: "correct the records, or the chain"
            )
        }
        return Proof(artifact: artifact, deviation: report.deviations.max() ?? 0)
    }

    /// Gives the folder its name, in one step.
    func publish() throws(ArtifactError) {
        do throws(SystemError) {
            try syncDirectory(folder)
            try renameFile(folder, to: destination)
            isPublished = true
            try syncDirectory(parentDirectory(of: destination))
        } catch {
            guard !isPublished else { return }
            let isTaken = error.errno == ENOTEMPTY || error.errno == EEXIST
            throw ArtifactError(
                packing: destination,
                isTaken ? "is there by now" : "cannot be written: \(error.reason)",
                remedy: isTaken ? "pack again for the next free version" : "nothing was kept"
            )
        }
    }
}
