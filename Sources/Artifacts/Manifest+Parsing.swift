// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

extension Manifest {
    /// Reads an `artifact.json`.
    ///
    /// - Throws: every problem of the document, each with its JSON path.
    package init(parsing bytes: [UInt8]) throws(ArtifactError) {
        let document = try readDocument(bytes, file: Self.fileName)
        let problems = DocumentProblems()
        let reader = ObjectReader(document, problems: problems)
        let identity = Self.readIdentity(in: reader)
        let stage: Stage = reader.word("stage")
        let created = Self.readCreated(in: reader)
        let framework = reader.object("framework")
        let framed = Framework(
            name: framework.string("name"),
            version: framework.string("version")
        )
        framework.finish()
        let files = Self.readFiles(in: reader)
        let environment = Self.readEnvironment(in: reader, files: files)
        let provenance = reader.value("provenance")
        if let provenance, provenance.asObject == nil {
            reader.report("provenance", "expected an object, found \(provenance.kindName)")
        }
        reader.finish()
        guard problems.isEmpty, let identity, let created else {
            throw ArtifactError(problems.list.map { ArtifactProblem(Self.fileName, $0) })
        }
        self.init(
            identity: identity,
            stage: stage,
            created: created,
            framework: framed,
            files: files,
            environment: environment,
            provenance: provenance
        )
    }

    private static func readIdentity(in reader: ObjectReader) -> ArtifactIdentity? {
        let name = reader.string("name")
        let version = reader.integer("version", in: 1 ... .max)
        if !name.isEmpty, !ArtifactIdentity.isName(name) {
            reader.report("name", "'\(name)'; expected \(ArtifactIdentity.nameRule)")
        }
        return ArtifactIdentity(name: name, version: version)
    }

    private static func readCreated(in reader: ObjectReader) -> Timestamp? {
        let text = reader.string("created")
        guard !text.isEmpty else { return nil }
        let created = Timestamp(text)
        if created == nil {
            reader.report("created", "'\(text)'; expected a time such as 2026-03-01T12:00:00Z")
        }
        return created
    }

    private static func readFiles(in reader: ObjectReader) -> [File] {
        let entries = reader.object("files")
        if entries.members.count > maximumFileCount {
            entries.report(
                nil,
                "\(entries.members.count) files; expected at most \(maximumFileCount)"
            )
            return []
        }
        var files: [File] = []
        for member in entries.members {
            let entry = entries.object(member.name)
            let digest = readDigest(in: entry)
            let byteCount = entry.integer("bytes", in: 0 ... .max)
            let chunks = entry.optionalObject("chunks").flatMap {
                ChunkDigests(reading: $0, byteCount: byteCount)
            }
            entry.finish()
            if unlisted.contains(member.name) {
                entry.report(nil, "\(member.name) cannot list itself", hint: "remove the entry")
            } else if !isPath(member.name) {
                entry.report(nil, "'\(member.name)'; expected \(pathRule)")
            } else if let digest {
                files.append(
                    File(path: member.name, digest: digest, byteCount: byteCount, chunks: chunks)
                )
            }
        }
        for required in [Contract.fileName, Artifact.modelFileName]
        where reader.value("files")?.asObject != nil && entries.value(required) == nil {
            entries.report(nil, "\(required) is not listed; every artifact has one")
        }
        return files
    }

    private static func readEnvironment(
        in reader: ObjectReader,
        files: [File]
    ) -> Environment? {
        guard let entry = reader.optionalObject("environment") else { return nil }
        let lock = entry.string("lock")
        let digest = readDigest(in: entry)
        entry.finish()
        guard !lock.isEmpty, let digest else { return nil }
        if let file = files.first(where: { $0.path == lock }) {
            if file.digest != digest {
                entry.report(
                    "sha256",
                    "\(digest), but files says \(file.digest) for \(lock)",
                    hint: "pack the artifact again"
                )
            }
        } else {
            entry.report("lock", "'\(lock)' is not among the files")
        }
        return Environment(lock: lock, digest: digest)
    }

    private static func readDigest(in entry: ObjectReader) -> Digest? {
        let text = entry.string("sha256")
        guard !text.isEmpty else { return nil }
        let digest = Digest(hexadecimal: text)
        if digest == nil {
            entry.report(
                "sha256",
                "'\(text.prefix(80))'; expected 64 lower-case hexadecimal digits, as sha256sum has them"
            )
        }
        return digest
    }
}
