// SPDX-License-Identifier: Apache-2.0

/// What the daemon knows beforehand about an artifact that it loads.
package struct ArtifactOptions: Sendable {
    /// Nil where no keys are configured: signatures then are not checked.
    package var trust: Trust?
    /// Whether an artifact that nobody signed is refused.
    package var requiresSignature = false
    /// The packages that every artifact's lock must have in the same versions; nil for none.
    package var requiredEnvironment: EnvironmentLock?
    /// Signatures that are passed over, such as one in whose place a new one will be put.
    package var ignoredSignatures: Set<SignatureFormat> = []
    /// The most bytes that a model may have.
    package var modelByteLimit = 4 << 30
    /// The most bytes that each other file may have.
    package var documentByteLimit = 16 << 20
    /// The threads that hash a large file whose chunks the manifest lists, and nothing but those; nil where
    /// there is time to check the digest of the whole and those of the chunks.
    package var hashingThreads: Int?
    /// Finds what such a file was sealed with when it was hashed before, by the name of its chunks' digests;
    /// one that has the bytes of then need not be hashed again by those threads.
    package var seals: @Sendable (Digest) -> ChunkSeals? = { _ in nil }
    /// What the manifest must say.
    ///
    /// Where nil, a folder whose name is a version number tells: it and
    /// the one above it must bear the manifest's version and name.
    package var identity: ArtifactIdentity?

    package init(trust: Trust? = nil, identity: ArtifactIdentity? = nil) {
        self.trust = trust
        self.identity = identity
    }
}
