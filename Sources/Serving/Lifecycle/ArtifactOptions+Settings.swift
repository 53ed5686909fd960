// SPDX-License-Identifier: Apache-2.0
package import Artifacts

extension ArtifactOptions {
    /// What the settings ask of an artifact.
    ///
    /// Keys and lists are read anew each time, so that every artifact is judged by what counts now.
    ///
    /// - Throws: what is wrong with them; then no artifact can be judged, and none may be loaded.
    package init(
        settings: Settings,
        identity: ArtifactIdentity? = nil
    ) throws(ArtifactError) {
        var trust: Trust?
        if let folder = settings.trustedKeys { trust = try Trust.load(directory: folder) }
        self.init(trust: trust, identity: identity)
        requiresSignature = settings.requireSignature
        if let file = settings.requiredEnvironment {
            requiredEnvironment = try EnvironmentLock(reading: file)
        }
    }
}
