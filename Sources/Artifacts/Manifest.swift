// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Platform

/// Which files an artifact consists of, and where they come from: its `artifact.json`.
package struct Manifest: Sendable, Equatable {
    package static let fileName = "artifact.json"
    package static let signatureFileName = "artifact.sig"
    static let signatureByteLimit = 4096
    /// What no manifest lists: itself, and what is made when it is done.
    static let unlisted = [fileName, signatureFileName, ModelSignature.fileName]
    /// More files than an artifact has.
    package static let maximumFileCount = 256

    package struct File: Sendable, Equatable {
        /// Relative to the artifact's folder.
        package var path: String
        package var digest: Digest
        package var byteCount: Int
        /// Of a large file, so that several threads can check it.
        package var chunks: ChunkDigests?

        package init(path: String, digest: Digest, byteCount: Int, chunks: ChunkDigests? = nil) {
            (self.path, self.digest, self.byteCount) = (path, digest, byteCount)
            self.chunks = chunks
        }
    }

    package struct Framework: Sendable, Equatable {
        package var name: String
        package var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// The training environment: a file of pinned packages among the artifact's files.
    package struct Environment: Sendable, Equatable {
        package var lock: String
        package var digest: Digest

        package init(lock: String, digest: Digest) {
            self.lock = lock
            self.digest = digest
        }
    }

    package var identity: ArtifactIdentity
    /// What the artifact claims to be; see `Artifact.stage` for what it is.
    package var stage: Stage
    package var created: Timestamp
    package var framework: Framework
    /// In the order of the document.
    package var files: [File]
    package var environment: Environment?
    /// Whatever the training side tells about data and code; not looked into.
    package var provenance: JSONValue?

    package init(
        identity: ArtifactIdentity,
        stage: Stage,
        created: Timestamp,
        framework: Framework,
        files: [File],
        environment: Environment? = nil,
        provenance: JSONValue? = nil
    ) {
        self.identity = identity
        self.stage = stage
        self.created = created
        self.framework = framework
        self.files = files
        self.environment = environment
        self.provenance = provenance
    }

    package func file(at path: String) -> File? { files.first { $0.path == path } }

    /// What `isPath` accepts, in words.
    static let pathRule =
        "a path inside the artifact of names that start with a letter, digit or '_' and go on with "
        + "these, '.' and '-'"

    /// Whether a listed path stays inside the artifact and is plain enough for every file system.
    static func isPath(_ path: String) -> Bool {
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard path.utf8.count <= 255, names.count <= 8 else { return false }
        return names.allSatisfy { name in
            guard let first = name.first else { return false }
            return (ArtifactIdentity.isLetterOrDigit(first) || first == UInt8(ascii: "_"))
                && name.allSatisfy {
                    ArtifactIdentity.isLetterOrDigit($0) || "._-".utf8.contains($0)
                }
        }
    }
}
