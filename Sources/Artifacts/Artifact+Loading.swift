// SPDX-License-Identifier: Apache-2.0
import Glibc
import ONNX
import Platform

extension Artifact {
    /// Reads an artifact's folder and checks everything about it that needs no graph.
    ///
    /// The bytes that are used are the bytes that are hashed: documents are read into memory once,
    /// and models are hashed through the mapping that serves them.
    ///
    /// - Throws: everything that is wrong with the artifact.
    package static func load(
        directory: String,
        options: ArtifactOptions = ArtifactOptions()
    ) throws(ArtifactError) -> Artifact {
        let loading = ArtifactLoading(directory: directory, options: options)
        return try loading.load()
    }
}

/// One run of `Artifact.load`; collects problems on the way.
private final class ArtifactLoading {
    let folder: ArtifactFolder
    let options: ArtifactOptions
    lazy var listing = folder.list()
    var problems: [ArtifactProblem] = []
    var documents: [String: [UInt8]] = [:]
    var mappings: [String: MappedFile] = [:]
    var recognized: Set<String> = []

    /// What is read into memory; all else is mapped.
    static let documentNames: Set<String> = [
        Contract.fileName, GoldenRecord.fileName, GoldenRecord.fallbackFileName,
        Baseline.fileName, Artifact.environmentFileName,
    ]

    init(directory: String, options: ArtifactOptions) {
        folder = ArtifactFolder(path: directory)
        self.options = options
    }

    func load() throws(ArtifactError) -> Artifact {
        let (manifest, manifestFiles, signature) = try readManifest()
        checkIdentity(of: manifest)
        checkListing(of: manifest)
        for file in manifest.files { read(file, isLock: file.path == manifest.environment?.lock) }
        let contract = parse(Contract.fileName) { bytes throws(ArtifactError) in
            try Contract(parsing: bytes)
        }
        let records = parse(GoldenRecord.fileName) { bytes throws(ArtifactError) in
            try GoldenRecord.parse(bytes, contract: contract)
        }
        let fallbackRecords = parse(GoldenRecord.fallbackFileName) { bytes throws(ArtifactError) in
            try GoldenRecord.parse(
                bytes,
                file: GoldenRecord.fallbackFileName,
                source: .fallback,
                contract: contract
            )
        }
        let baseline = parse(Baseline.fileName) { bytes throws(ArtifactError) in
            try Baseline(parsing: bytes, contract: contract)
        }
        if let contract { check(contract, baseline, fallbackRecords) }
        let environment = readEnvironment(of: manifest)
        guard problems.isEmpty, let contract, let model = mappings[Artifact.modelFileName] else {
            throw ArtifactError(withoutRepetition(problems))
        }
        let missing = missingForProduction(
            manifest: manifest,
            signature: signature,
            contract: contract,
            goldenRecords: records ?? [],
            baseline: baseline,
            environment: environment
        )
        return Artifact(
            path: folder.path,
            manifest: manifest,
            signature: signature,
            contract: contract,
            mappedFiles: mappings,
            recognizedFiles: recognized,
            model: model,
            goldenRecords: records ?? [],
            fallbackRecords: fallbackRecords ?? [],
            baseline: baseline,
            environment: environment,
            files: manifestFiles + manifest.files,
            missingForProduction: missing
        )
    }

    /// Reads `artifact.json` and its signature; without them nothing else can be judged.
    private func readManifest() throws(ArtifactError) -> (
        Manifest, [Manifest.File], Artifact.Signature
    ) {
        do throws(SystemError) {
            guard try fileStatus(of: folder.path).kind == .directory else {
                throw SystemError(call: "opendir", errno: ENOTDIR)
            }
        } catch {
            throw ArtifactError(ArtifactProblem(folder.path, error))
        }
        let bytes: [UInt8]
        do {
            bytes = try folder.read(Manifest.fileName, limit: options.documentByteLimit)
        } catch {
            throw ArtifactError(error)
        }
        var files = [
            Manifest.File(
                path: Manifest.fileName,
                digest: sha256(of: bytes.span),
                byteCount: bytes.count
            )
        ]
        if let trust = options.trust {
            do {
                try trust.checkArtifact(files[0].digest)
            } catch {
                problems.append(error)
            }
        }
        let check = SignatureCheck(folder: folder, manifest: bytes, trust: options.trust)
        var signature = Artifact.Signature.absent
        if isThere(.serin) { signature = readSignature(check, files: &files) }
        let manifest: Manifest
        do {
            manifest = try Manifest(parsing: bytes)
        } catch {
            throw ArtifactError(problems + error.problems)
        }
        if isThere(.openssf) {
            do {
                let other = try check.openSSF(
                    files: manifest.files,
                    plain: files.first { $0.path == Manifest.signatureFileName }
                )
                if signature == .absent { signature = other }
            } catch {
                problems.append(error)
            }
        }
        if options.requiresSignature, !isThere(.serin), !isThere(.openssf) {
            problems.append(missingSignature)
        }
        return (manifest, files, signature)
    }

    private func isThere(_ format: SignatureFormat) -> Bool {
        listing.files.contains(format.fileName) && !options.ignoredSignatures.contains(format)
    }

    private func readSignature(
        _ check: SignatureCheck,
        files: inout [Manifest.File]
    ) -> Artifact.Signature {
        do throws(ArtifactProblem) {
            let (signature, file) = try check.plain()
            files.append(file)
            return signature
        } catch {
            problems.append(error)
            return .absent
        }
    }

    private var missingSignature: ArtifactProblem {
        ArtifactProblem(
            file: Manifest.signatureFileName,
            found: "missing: nobody signed this artifact, and require_signature is true",
            expected: options.trust.map { "a signature by \($0.expectedKeys)" } ?? "",
            remedy: "have it signed: serin sign \(folder.path) --key FILE"
        )
    }

    private func checkIdentity(of manifest: Manifest) {
        let found = manifest.identity
        if let expected = options.identity ?? identityOfFolder(), expected != found {
            let place = expected.name != found.name ? "name" : "version"
            problems.append(
                ArtifactProblem(
                    file: Manifest.fileName,
                    place: place,
                    found: "\(found)",
                    expected: "\(expected), after the folders it lies in",
                    remedy: "move the artifact or pack it under the right name and version"
                )
            )
        }
    }

    private func identityOfFolder() -> ArtifactIdentity? {
        guard let path = try? resolvedPath(folder.path) else { return nil }
        let names = path.split(separator: "/").suffix(2).map(String.init)
        guard names.count == 2, let version = ArtifactIdentity.version(folder: names[1]) else {
            return nil
        }
        return ArtifactIdentity(name: names[0], version: version)
    }

    /// Every file of the folder must be listed; what is listed is looked for when it is read.
    private func checkListing(of manifest: Manifest) {
        problems += listing.problems
        let listed = Set(
            manifest.files.map(\.path) + Manifest.unlisted
        )
        for file in listing.files where !listed.contains(file) {
            problems.append(
                ArtifactProblem(
                    file: file,
                    found: "not listed in \(Manifest.fileName)",
                    expected: "only what was packed",
                    remedy: "remove the file or pack the artifact again"
                )
            )
        }
    }

    /// Reads or maps a listed file and checks its size and digest.
    private func read(_ file: Manifest.File, isLock: Bool) {
        do throws(ArtifactProblem) {
            if isLock || Self.documentNames.contains(file.path) {
                let bytes = try folder.read(file.path, limit: options.documentByteLimit)
                try check(file, byteCount: bytes.count) { sha256(of: bytes.span) }
                documents[file.path] = bytes
                return
            }
            let mapping = try folder.map(file.path, limit: options.modelByteLimit)
            try check(file, mapping)
            mappings[file.path] = mapping
        } catch {
            problems.append(error)
        }
    }

    private func check(
        _ file: Manifest.File,
        _ mapping: MappedFile
    ) throws(ArtifactProblem) {
        let threads = options.hashingThreads
        let chunks = mapping.byteCount == file.byteCount ? file.chunks : nil
        // Without haste both are checked, so that what is signed is what a daemon takes that starts.
        let checksWhole = chunks == nil || threads == nil
        if checksWhole {
            try check(file, byteCount: mapping.byteCount) { mapping.withBytes { sha256(of: $0) } }
        }
        if let threads, let chunks, let seals = options.seals(chunks.name),
            seals.match(mapping, chunks, threads: threads)
        {
            recognized.insert(file.path)
            return
        }
        guard let wrong = chunks?.firstWrong(in: mapping, threads: threads ?? 1) else { return }
        guard !checksWhole else {
            throw ArtifactProblem(
                file: Manifest.fileName,
                place: "files[\"\(file.path)\"].chunks",
                found:
                    "another digest than the file's from byte \(wrong) on, and the right one of the whole",
                expected: "the digests of the file's chunks",
                remedy: "pack the artifact again"
            )
        }
        throw ArtifactProblem(
            file: file.path,
            found: "other bytes from \(wrong) on",
            expected: "those whose SHA-256 \(Manifest.fileName) lists",
            remedy: Self.remedy
        )
    }

    private static let remedy =
        "copy the artifact again; where the change is meant, pack and sign it again"

    private func check(
        _ file: Manifest.File,
        byteCount: Int,
        digest: () -> Digest
    ) throws(ArtifactProblem) {
        guard byteCount == file.byteCount else {
            throw ArtifactProblem(
                file: file.path,
                found: "\(byteCount) bytes",
                expected: "\(file.byteCount), as \(Manifest.fileName) says",
                remedy: Self.remedy
            )
        }
        let found = digest()
        guard found == file.digest else {
            throw ArtifactProblem(
                file: file.path,
                found: "SHA-256 \(found)",
                expected: "\(file.digest), as \(Manifest.fileName) says",
                remedy: Self.remedy
            )
        }
    }

    private func parse<Value>(
        _ name: String,
        _ parse: ([UInt8]) throws(ArtifactError) -> Value
    ) -> Value? {
        guard let bytes = documents[name] else { return nil }
        do {
            return try parse(bytes)
        } catch {
            problems += error.problems
            return nil
        }
    }

    /// What two files must agree on.
    private func check(
        _ contract: Contract,
        _ baseline: Baseline?,
        _ fallbackRecords: [GoldenRecord]?
    ) {
        if fallbackRecords?.isEmpty == false, contract.fallback.isEmpty {
            problems.append(
                ArtifactProblem(
                    file: GoldenRecord.fallbackFileName,
                    found: "records of a fallback that \(Contract.fileName) does not have",
                    remedy: "add the fallback or remove the file"
                )
            )
        }
        for (index, output) in contract.outputs.enumerated()
        where output.maximumRatioToMean != nil && !hasBadBaseline {
            let mean = baseline?.outputMeans[output.name]
            if let mean, mean > 0 { continue }
            problems.append(
                ArtifactProblem(
                    file: Contract.fileName,
                    place: "outputs[\(index)].max_ratio_to_mean",
                    found: mean.map { "the mean of '\(output.name)' is \($0)" }
                        ?? "\(Baseline.fileName) has no mean of '\(output.name)'",
                    expected: "a mean above 0 in \(Baseline.fileName)",
                    remedy: "add the baseline or remove the key"
                )
            )
        }
    }

    /// Reads the lock that the manifest names and checks that it is the model's.
    private func readEnvironment(of manifest: Manifest) -> EnvironmentLock? {
        guard let entry = manifest.environment else {
            if options.requiredEnvironment != nil { problems.append(Self.missingEnvironment) }
            return nil
        }
        let lock = parse(entry.lock) { bytes throws(ArtifactError) in
            try EnvironmentLock(parsing: bytes, file: entry.lock)
        }
        guard let lock else { return nil }
        // A model that cannot be read says so when its graph is.
        let producer = mappings[Artifact.modelFileName]?.withBytes { try? ModelProducer($0) }
        let check = EnvironmentCheck(
            file: entry.lock,
            lock: lock,
            framework: manifest.framework,
            producer: producer.map { Manifest.Framework(name: $0.name, version: $0.version) },
            required: options.requiredEnvironment
        )
        problems += check.problems()
        return lock
    }

    private static let missingEnvironment = ArtifactProblem(
        file: Manifest.fileName,
        place: "environment",
        found: "no environment lock, and required_environment is set",
        remedy: "pack the artifact with the lock of its training environment"
    )

    /// A baseline that was there and refused has been reported already.
    private var hasBadBaseline: Bool {
        problems.contains { $0.file == Baseline.fileName }
    }

    private func withoutRepetition(_ problems: [ArtifactProblem]) -> [ArtifactProblem] {
        var seen: Set<ArtifactProblem> = []
        return problems.filter { seen.insert($0).inserted }
    }
}
