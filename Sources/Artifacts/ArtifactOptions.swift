// SPDX-License-Identifier: Apache-2.0

/// What the daemon knows beforehand about an artifact that it loads.
package struct ArtifactOptions: Sendable {
    /// Nil where no keys are configured: signatures then are not checked.
    package var trustedKeys: [TrustedKey]?
    /// The most bytes that a model may have.
    package var modelByteLimit = 4 << 30
    /// The most bytes that each other file may have.
    package var documentByteLimit = 16 << 20
    /// What the manifest must say. Where nil, a folder whose name is a version number tells: it and
    /// the one above it must bear the manifest's version and name.
    package var identity: ArtifactIdentity?

    package init(trustedKeys: [TrustedKey]? = nil, identity: ArtifactIdentity? = nil) {
        self.trustedKeys = trustedKeys
        self.identity = identity
    }
}
