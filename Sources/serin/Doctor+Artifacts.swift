// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Serving

/// Reads and plans every artifact as the daemon would, hashes, signature and contract included, and adds up
/// what they take.
func artifactFindings(_ settings: Settings) -> [Finding] {
    var findings: [Finding] = []
    var options = ArtifactOptions()
    do throws(ArtifactError) {
        options = try ArtifactOptions(settings: settings)
    } catch {
        findings += error.problems.map {
            $0.finding(isLock: $0.file == settings.requiredEnvironment)
        }
    }
    if let trust = options.trust { findings += trustFindings(trust) }
    if let required = options.requiredEnvironment {
        findings.append(.ok("required_environment", counted(required.packages.count, "package")))
    }
    do throws(ArtifactError) {
        let listing = try ArtifactRepository(path: settings.models).scan()
        var budget = BudgetCheck(settings)
        findings += listing.candidates.map { finding(for: $0, options, settings, &budget) }
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
        return findings + budget.findings()
    } catch {
        return findings + error.problems.map { .fail("models", $0.description, nil) }
    }
}

extension ArtifactProblem {
    /// What is wrong with a file by which artifacts are judged.
    fileprivate func finding(isLock: Bool) -> Finding {
        .fail(
            isLock ? "required_environment" : "trusted_keys",
            file + (place.isEmpty ? "" : ": \(place)") + ": \(found)"
                + (expected.isEmpty ? "" : "; expected \(expected)"),
            remedy
        )
    }
}

private func trustFindings(_ trust: Trust) -> [Finding] {
    let subject = "trusted_keys"
    let revoked = trust.keys.filter { key in !trust.validKeys.contains(key) }.map(\.signer)
    var findings = revoked.map { Finding.ok(subject, "revoked: \($0)") }
    if trust.validKeys.isEmpty {
        findings.append(
            .fail(subject, "every key is revoked", "add the public key of somebody who signs")
        )
    } else {
        findings += trust.validKeys.map { .ok(subject, $0.signer.description) }
    }
    return findings
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
    _ settings: Settings,
    _ budget: inout BudgetCheck
) -> Finding {
    let subject = candidate.identity.description
    do throws(ArtifactError) {
        let artifact = try Artifact.load(directory: candidate.path, options: options)
        let records = "\(artifact.goldenRecords.count) golden records"
        guard settings.stage == .production, artifact.stage != .production else {
            try budget.add(artifact)
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
