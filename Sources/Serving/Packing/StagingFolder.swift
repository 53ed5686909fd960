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
    private(set) var destination: String
    private let isDryRun: Bool
    private let folder: String
    /// Says to other packs that somebody works here; goes with this process.
    private let temporary: TemporaryFolder
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
        (self.destination, self.isDryRun) = (destination, isDryRun)
        do throws(SystemError) {
            if isDryRun {
                temporary = try TemporaryFolder()
                folder = temporary.path
                return
            }
            let parent = parentDirectory(of: destination)
            var above = parent
            while !fileExists(above), parentDirectory(of: above) != above {
                made.append(above)
                above = parentDirectory(of: above)
            }
            try makeDirectory(parent)
            temporary = try TemporaryFolder(in: parent, madeAbove: made)
            folder = temporary.path
        } catch {
            for folder in made { removeEmptyDirectory(folder) }
            throw ArtifactError(packing: destination, "cannot be written: \(error)")
                .because(of: .system)
        }
    }

    /// Removes what was not published; once more does nothing.
    func discard() {
        guard !isPublished else { return }
        temporary.remove()
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
        UnfinishedFolders.waitIfEnding()
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
            ).because(of: .system)
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
                workspaces: 0
            ),
            metrics: ServingMetrics(),
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

    /// Seals and proves the folder and gives it its name; in a dry run not the last.
    ///
    /// - Parameters:
    ///   - identity: what it is to be.
    ///   - mayMove: whether it takes the next version where another pack was faster.
    ///   - key: what it is signed with.
    ///   - seal: writes manifest and signature.
    /// - Returns: what it became, and what the daemon says of it.
    /// - Throws: what the daemon would refuse, or why it cannot be written.
    func finish(
        _ identity: ArtifactIdentity,
        mayMove: Bool,
        key: Ed25519.PrivateKey?,
        seal: (ArtifactIdentity) throws(ArtifactError) -> Void
    ) throws(ArtifactError) -> (ArtifactIdentity, Proof) {
        var identity = identity
        while true {
            try seal(identity)
            let proof = try prove(identity, key: key)
            if isDryRun { return (identity, proof) }
            do throws(ArtifactError) {
                try publish()
                return (identity, proof)
            } catch {
                let parent = parentDirectory(of: destination)
                guard mayMove, fileExists(destination),
                    let next = ArtifactIdentity(
                        name: identity.name,
                        version: Packer.nextVersion(in: parent)
                    ), next != identity
                else { throw error }
                (identity, destination) = (next, "\(parent)/\(next.version)")
            }
        }
    }

    /// A model's folder is one: daemons pass over symbolic links, and what lies behind may be another's.
    static func checkModelFolder(_ path: String) throws(ArtifactError) {
        guard let kind = try? fileStatus(of: path, followingLinks: false).kind, kind != .directory
        else { return }
        throw ArtifactError(
            packing: path,
            kind == .symbolicLink ? "a symbolic link" : "no folder",
            expected: "a folder of versions; --out itself may be a link, what is in it may not",
            remedy: "remove it, or choose another --out or --name"
        )
    }

    /// Gives the folder its name, in one step.
    private func publish() throws(ArtifactError) {
        UnfinishedFolders.waitIfEnding()
        do throws(SystemError) {
            try syncDirectory(folder)
            try renameFile(folder, to: destination)
            isPublished = true
            temporary.keep()
            try syncDirectory(parentDirectory(of: destination))
        } catch {
            guard !isPublished else { return }
            let isTaken = error.errno == ENOTEMPTY || error.errno == EEXIST
            throw ArtifactError(
                packing: destination,
                isTaken ? "is there by now" : "cannot be written: \(error.reason)",
                remedy: isTaken ? "pack again for the next free version" : "nothing was kept"
            ).because(of: isTaken ? .content : .system)
        }
    }
}
