// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import JSON
import Platform

/// Makes a new version of an artifact whose files were changed by hand.
///
/// Everything is checked as the daemon would, digests are taken anew, and the fallback's records follow
/// its chain. The folder that was edited is left as it is: a daemon may be serving it.
package struct ArtifactEditor {
    /// What was asked for.
    package struct Options: Sendable {
        /// The folder with the changes.
        package var source: String
        package var name: String?
        package var version: Int?
        package var out: String?
        package var environment: String?
        /// nil keeps what the manifest says.
        package var stage: Stage?
        package var key: Ed25519.PrivateKey?
        package var isDryRun = false

        package init(source: String) { self.source = source }
    }

    /// What came of it.
    package struct Report: Sendable {
        package var from: ArtifactIdentity
        package var identity: ArtifactIdentity
        package var path: String
        /// Files that are not what the old manifest says.
        package var changed: [String]
        package var goldenCount: Int
        package var goldenDeviation: Double
        package var isSigned: Bool
        package var stage: Stage
        package var missingForProduction: [String]
        package var notes: [String]
        package var isDryRun: Bool
    }

    private let options: Options
    private let manifest: Manifest
    private let identity: ArtifactIdentity
    private let path: String
    /// All files of the folder as they are now.
    private let found: [Manifest.File]

    package init(_ options: Options) throws(ArtifactError) {
        self.options = options
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(path: "\(options.source)/\(Manifest.fileName)", limit: 16 << 20)
        } catch {
            throw ArtifactError(
                packing: options.source,
                "no \(Manifest.fileName) that can be read: \(error.reason)",
                expected: "the folder of an artifact"
            )
        }
        manifest = try Manifest(parsing: bytes)
        found = try Manifest.make(
            for: options.source,
            identity: manifest.identity,
            stage: manifest.stage,
            framework: manifest.framework
        ).files
        let name = options.name ?? manifest.identity.name
        let source = (try? resolvedPath(options.source)) ?? options.source
        let repository = options.out ?? parentDirectory(of: parentDirectory(of: source))
        let folder = "\(repository)/\(name)"
        let version = options.version ?? Packer.nextVersion(in: folder)
        guard let identity = ArtifactIdentity(name: name, version: version) else {
            throw ArtifactError(packing: "--name", "'\(name)'", expected: ArtifactIdentity.nameRule)
                .because(of: .usage)
        }
        self.identity = identity
        path = "\(folder)/\(version)"
        try StagingFolder.checkModelFolder(folder)
        guard (try? fileStatus(of: path, followingLinks: false)) == nil else {
            throw ArtifactError(
                packing: path,
                "is there already",
                expected: "a version that is not",
                remedy: "leave --version away for the next free one; nothing is edited in place, "
                    + "since a daemon may be serving it"
            )
        }
    }

    /// Writes the new version.
    ///
    /// - Throws: everything that is in the way; then nothing was written.
    package func edit() throws(ArtifactError) -> Report {
        var notes: [String] = []
        let folder = try StagingFolder(for: path, isDryRun: options.isDryRun)
        defer { folder.discard() }
        for file in found { try copy(file.path, to: folder) }
        if let lock = options.environment {
            try folder.write(try read(lock), as: Artifact.environmentFileName)
        }
        try followChain(folder, &notes)
        let changed = changes(&notes)
        let signatures = [Manifest.signatureFileName, ModelSignature.fileName]
        if options.key == nil,
            signatures.contains(where: { fileExists("\(options.source)/\($0)") })
        {
            notes.append("the signature was over the old version, and is dropped: sign the new one")
        }
        let (identity, proof) = try folder.finish(
            identity,
            mayMove: options.version == nil,
            key: options.key
        ) { (identity) throws(ArtifactError) in
            try folder.seal(
                identity: identity,
                stage: options.stage ?? manifest.stage,
                framework: manifest.framework,
                provenance: provenance(changed),
                key: options.key
            )
        }
        return Report(
            from: manifest.identity,
            identity: identity,
            path: folder.destination,
            changed: changed,
            goldenCount: proof.artifact.goldenRecords.count,
            goldenDeviation: proof.deviation,
            isSigned: options.key != nil,
            stage: proof.artifact.stage,
            missingForProduction: proof.artifact.missingForProduction,
            notes: notes,
            isDryRun: options.isDryRun
        )
    }

    private func read(_ path: String) throws(ArtifactError) -> [UInt8] {
        do throws(SystemError) {
            return try readFile(path: path, limit: ArtifactOptions().documentByteLimit)
        } catch {
            throw ArtifactError(packing: path, "cannot be read: \(error.reason)")
                .because(of: .system)
        }
    }

    private func copy(_ file: String, to folder: StagingFolder) throws(ArtifactError) {
        let mapping: MappedFile
        do throws(SystemError) {
            mapping = try MappedFile(path: file, below: options.source)
        } catch {
            throw ArtifactError(packing: "\(options.source)/\(file)", "\(error)")
        }
        try folder.write([file: mapping])
    }

    /// The fallback's records get the answers of the chain as it is now.
    private func followChain(
        _ folder: StagingFolder,
        _ notes: inout [String]
    ) throws(ArtifactError) {
        guard found.contains(where: { $0.path == GoldenRecord.fallbackFileName }) else { return }
        let contract = try Contract(
            parsing: try read("\(options.source)/\(Contract.fileName)")
        )
        let bytes = try read("\(options.source)/\(GoldenRecord.fallbackFileName)")
        let records = try GoldenRecord.parse(
            bytes,
            file: GoldenRecord.fallbackFileName,
            source: .fallback,
            contract: contract
        )
        guard !contract.fallback.isEmpty else { return }
        var baseline: Baseline?
        if found.contains(where: { $0.path == Baseline.fileName }) {
            baseline = try Baseline(
                parsing: try read("\(options.source)/\(Baseline.fileName)"),
                contract: contract
            )
        }
        let oracle = FallbackOracle(contract: contract, means: baseline?.outputMeans ?? [:])
        var lines: [UInt8] = []
        var followed = 0
        for var record in records {
            guard let answer = oracle.answer(record.inputs) else {
                throw ArtifactError(
                    ArtifactProblem(
                        file: GoldenRecord.fallbackFileName,
                        place: "line \(record.line)",
                        found: "the chain has no answer for this row",
                        remedy: "end the chain with a constant"
                    )
                )
            }
            if !record.outputs.isNear(answer, tolerance: contract.canary.tolerance) {
                record.outputs = answer
                followed += 1
            }
            lines += record.encodedLine
        }
        guard followed > 0 else { return }
        try folder.write(lines, as: GoldenRecord.fallbackFileName)
        notes.append(
            "\(followed) of \(records.count) records of the fallback got the answers of the chain as "
                + "it is now"
        )
    }

    /// Which files are not what the old manifest says.
    private func changes(_ notes: inout [String]) -> [String] {
        var changed = found.filter { file in manifest.file(at: file.path)?.digest != file.digest }
            .map(\.path)
        changed += manifest.files.map(\.path).filter { path in
            !found.contains { $0.path == path }
        }
        if changed.contains(Artifact.modelFileName) {
            notes.append(
                "the model is another: its golden records were run, but nobody compared it with the "
                    + "training side on all rows; serin pack --model does"
            )
        }
        if !changed.isEmpty, options.source != path {
            notes.append(
                "\(options.source) no longer is what its own \(Manifest.fileName) says; remove it, or "
                    + "put its files back"
            )
        }
        return changed
    }

    private func provenance(_ changed: [String]) -> JSONValue {
        var members = manifest.provenance?.asObject ?? []
        if changed.contains(Artifact.modelFileName) { members.removeAll { $0.name == "parity" } }
        members.removeAll { $0.name == "edited" }
        members.append(
            JSONMember(
                name: "edited",
                value: [
                    "by": .string("serin \(serinVersion)"), "from": .string("\(manifest.identity)"),
                    "changed": .array(changed.map { .string($0) }),
                ]
            )
        )
        return .object(members)
    }
}

extension JSONValue {
    /// Whether all numbers in it are those of another value, or nearly, and all else is the same.
    fileprivate func isNear(_ other: JSONValue, tolerance: Double) -> Bool {
        switch (self, other) {
        case (.number(let one), .number(let two)):
            guard let one = one.double, let two = two.double else { return false }
            return abs(one - two) <= max(1e-12, tolerance * 1e-3 * abs(two))
        case (.array(let one), .array(let two)):
            return one.count == two.count
                && zip(one, two).allSatisfy { $0.isNear($1, tolerance: tolerance) }
        case (.object(let one), .object(let two)):
            return one.count == two.count
                && one.allSatisfy { member in
                    other[member.name].map { member.value.isNear($0, tolerance: tolerance) }
                        ?? false
                }
        default: return self == other
        }
    }
}

extension ArtifactEditor.Report {
    /// The report for machines.
    package var document: JSONValue {
        [
            "artifact": .string("\(identity)"), "from": .string("\(from)"), "path": .string(path),
            "dry_run": .bool(isDryRun), "changed": .array(changed.map { .string($0) }),
            "golden_records": .number(goldenCount), "golden_deviation": .number(goldenDeviation),
            "signed": .bool(isSigned), "stage": .string(stage.rawValue),
            "missing_for_production": .array(missingForProduction.map { .string($0) }),
            "notes": .array(notes.map { .string($0) }),
        ]
    }
}
