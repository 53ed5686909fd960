// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Serving

/// Reads every artifact as the daemon would, hashes, signature and contract included.
func artifactFindings(_ settings: Settings) -> [Finding] {
    var options = ArtifactOptions()
    var findings: [Finding] = []
    do throws(ArtifactError) {
        if let folder = settings.trustedKeys {
            let keys = try TrustedKey.load(directory: folder)
            findings.append(.ok("trusted_keys", keys.map(\.name).joined(separator: ", ")))
            options.trustedKeys = keys
        }
    } catch {
        findings += error.problems.map {
            .fail("trusted_keys", "\($0.file): \($0.found)", "put public keys in PEM there")
        }
    }
    do throws(ArtifactError) {
        let listing = try ArtifactRepository(path: settings.models).scan()
        findings += listing.candidates.map { finding(for: $0, options, settings) }
        findings += strayFindings(listing.rejected)
        let names = Set(listing.candidates.map(\.identity.name))
        for name in settings.requiredModels where !names.contains(name) {
            findings.append(
                .fail(
                    "models",
                    "'\(name)' is required and not there",
                    "add it, or the daemon is"
                        + " never ready"
                )
            )
        }
        if names.isEmpty {
            findings.append(
                .fail(
                    "models",
                    "no artifact in \(settings.models)",
                    "set models to a folder of"
                        + " <name>/<version>/"
                )
            )
        }
        return findings
    } catch {
        return findings + error.problems.map { .fail("models", $0.description, nil) }
    }
}

/// What lies beside models, as notes and scripts do, is only named; what lies inside one may be half copied.
private func strayFindings(_ strays: [ArtifactProblem]) -> [Finding] {
    var findings: [Finding] = []
    let beside = strays.filter { !$0.file.contains("/") }.map(\.file)
    if !beside.isEmpty {
        findings.append(.ok("models", "no models: " + beside.joined(separator: ", ")))
    }
    for stray in strays where stray.file.contains("/") {
        findings.append(.warn("models", "\(stray.file): \(stray.found)", stray.remedy))
    }
    return findings
}

private func finding(
    for candidate: ArtifactRepository.Candidate,
    _ options: ArtifactOptions,
    _ settings: Settings
) -> Finding {
    let subject = candidate.identity.description
    do throws(ArtifactError) {
        let artifact = try Artifact.load(directory: candidate.path, options: options)
        let records = "\(artifact.goldenRecords.count) golden records"
        guard settings.stage == .production, artifact.stage != .production else {
            return .ok(subject, "\(artifact.stage.rawValue), \(records)")
        }
        return .fail(
            subject,
            "fit for staging only",
            "missing: \(artifact.missingForProduction.joined(separator: ", "))"
        )
    } catch {
        let lines = error.problems.map(\.description)
        let rest = lines.count > 1 ? " (and \(lines.count - 1) more; see serin verify)" : ""
        return .fail(subject, (lines.first ?? "refused") + rest, nil)
    }
}
