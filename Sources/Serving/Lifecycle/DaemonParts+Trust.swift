// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Telemetry

extension DaemonParts {
    /// Reads the trusted keys again and holds everything that serves against them.
    ///
    /// What was revoked is as good as a changed file: the fallback answers, whatever operators
    /// ordered. A key or signature that is merely gone only warns, since a slip of the hand must not
    /// stop a fleet; and so does a folder that cannot be read, by which nothing new is loaded.
    ///
    /// - Returns: whether the keys could be read; nil where none are configured.
    func reviewTrust() -> Bool? {
        guard let folder = settings.trustedKeys else { return nil }
        do throws(ArtifactError) {
            let trust = try Trust.load(directory: folder)
            for version in registry.versions { review(version, under: trust) }
            return true
        } catch {
            reporter.event(
                "trust.unreadable",
                .error,
                model: nil,
                ["error": .string("\(error)")]
            )
            return false
        }
    }

    private func review(_ version: ModelVersion, under trust: Trust) {
        var revocation: String?
        var warning: String?
        switch version.artifact.standing(under: trust) {
        case .trusted: break
        case .revoked(let problem): revocation = problem.description
        case .stale(let problem): warning = "it would not be loaded again: \(problem)"
        }
        let (before, after, isNewWarning) = version.guards.withLock { state in
            let before = state.integrityFailure
            let isNew = warning != nil && state.signatureWarning == nil
            state.revocation = revocation
            state.signatureWarning = warning
            return (before, state.integrityFailure, isNew)
        }
        if (before == nil) != (after == nil) { noteIntegrity(after, of: version) }
        guard let warning, isNewWarning else { return }
        reporter.event(
            "trust.lost",
            .warning,
            model: version.name,
            ["version": .number(version.version), "finding": .string(warning)]
        )
    }
}
