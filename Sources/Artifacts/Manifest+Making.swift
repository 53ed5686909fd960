// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Platform

extension Manifest {
    /// Hashes every file of a folder into a manifest for it.
    ///
    /// An `artifact.json` and signatures that are there already are passed over; an
    /// `environment.lock` becomes the environment's.
    ///
    /// - Parameters:
    ///   - directory: the folder, complete but for the manifest and its signature.
    ///   - identity: the name and version that the artifact will have.
    ///   - stage: what the artifact claims to be.
    ///   - created: when the model was made.
    ///   - framework: what trained the model.
    ///   - provenance: an object; whatever else is worth telling.
    /// - Returns: the manifest, its files sorted by path.
    /// - Throws: what in the folder no artifact may have.
    package static func make(
        for directory: String,
        identity: ArtifactIdentity,
        stage: Stage,
        created: Timestamp = WallClock.now(),
        framework: Framework,
        provenance: JSONValue? = nil
    ) throws(ArtifactError) -> Manifest {
        let folder = ArtifactFolder(path: directory)
        let (found, listing) = folder.list()
        var problems = listing
        var files: [File] = []
        for path in found where !unlisted.contains(path) {
            do throws(ArtifactProblem) {
                guard isPath(path) else {
                    throw ArtifactProblem(
                        file: path,
                        found: "no name for a file of an artifact",
                        expected: pathRule,
                        remedy: "rename or remove it"
                    )
                }
                let file = try folder.map(path, limit: .max)
                let (digest, chunks) = file.withBytes { bytes in
                    (sha256(of: bytes), ChunkDigests(of: bytes))
                }
                guard !file.isDamaged else {
                    throw ArtifactProblem(
                        file: path,
                        found: "cut while it was read",
                        expected: "a file that nobody writes to",
                        remedy: "pack the artifact when it is whole"
                    )
                }
                files.append(
                    File(path: path, digest: digest, byteCount: file.byteCount, chunks: chunks)
                )
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw ArtifactError(problems) }
        let lock = files.first { $0.path == Artifact.environmentFileName }
        return Manifest(
            identity: identity,
            stage: stage,
            created: created,
            framework: framework,
            files: files,
            environment: lock.map { Environment(lock: $0.path, digest: $0.digest) },
            provenance: provenance
        )
    }

    /// The manifest as `artifact.json` has it.
    package func encoded() -> [UInt8] {
        var members: [JSONMember] = [
            JSONMember(name: "name", value: .string(identity.name)),
            JSONMember(name: "version", value: .number(identity.version)),
            JSONMember(name: "stage", value: .string(stage.rawValue)),
            JSONMember(name: "created", value: .string(created.rfc3339(.seconds))),
            JSONMember(
                name: "framework",
                value: ["name": .string(framework.name), "version": .string(framework.version)]
            ),
            JSONMember(
                name: "files",
                value: .object(
                    files.map { file in
                        JSONMember(name: file.path, value: file.document)
                    }
                )
            ),
        ]
        if let environment {
            members.append(
                JSONMember(
                    name: "environment",
                    value: [
                        "lock": .string(environment.lock),
                        "sha256": .string(environment.digest.description),
                    ]
                )
            )
        }
        if let provenance { members.append(JSONMember(name: "provenance", value: provenance)) }
        return JSONValue.object(members).encoded(pretty: true)
    }
}

extension Manifest.File {
    fileprivate var document: JSONValue {
        var members = [
            JSONMember(name: "sha256", value: .string(digest.description)),
            JSONMember(name: "bytes", value: .number(byteCount)),
        ]
        if let chunks { members.append(JSONMember(name: "chunks", value: chunks.document)) }
        return .object(members)
    }
}
