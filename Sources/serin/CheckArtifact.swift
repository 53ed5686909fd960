// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Serving

extension FlagSpec {
    static let trustedKeys = FlagSpec(
        name: "--trusted-keys",
        value: "DIR",
        summary: "public keys in PEM, one of which must have signed"
    )
    static let requiredEnvironment = FlagSpec(
        name: "--required-environment",
        value: "FILE",
        summary: "pinned packages that its lock must have"
    )
}

extension Arguments {
    /// What the flags of a command that looks at an artifact ask of it.
    func artifactOptions() throws(ArtifactError) -> ArtifactOptions {
        var settings = Settings()
        settings.trustedKeys = self[FlagSpec.trustedKeys.name]
        settings.requiredEnvironment = self[FlagSpec.requiredEnvironment.name]
        return try ArtifactOptions(settings: settings)
    }
}

extension ModelVersion {
    /// Loads an artifact as the daemon would, to look at it and not to serve it.
    convenience init(checking path: String, options: ArtifactOptions) throws(ArtifactError) {
        try self.init(
            artifact: try Artifact.load(directory: path, options: options),
            settings: ModelSettings(
                maximumRows: 1024,
                workspaces: 0,
                packsLater: true
            ),
            metrics: ServingMetrics(),
            now: .now
        )
    }
}

/// Tells all that is wrong with an artifact; the answer is no.
func refuse(_ path: String, _ error: ArtifactError, json: Bool) -> ExitStatus {
    if json {
        let problems = error.problems.map { JSONValue.string($0.description) }
        let document: JSONValue = ["verdict": "refused", "problems": .array(problems)]
        Terminal.print(document.text(pretty: true))
    } else {
        Terminal.complain(error.description)
        Terminal.print("\(path): refused, \(counted(error.problems.count, "problem"))")
    }
    return .no
}

/// Whether model and fallback give their recorded answers.
func isGood(_ report: CanaryReport, of version: ModelVersion) -> Bool {
    guard case .passed = report.outcome else { return false }
    return report.isFallbackProven || version.canaryCase.fallbackRecordCount == 0
}

/// Tells which recorded answers were not given.
func complain(about report: CanaryReport, of version: ModelVersion) {
    if case .wrong(let deviations) = report.outcome {
        for deviation in deviations.prefix(20) {
            Terminal.complain(
                "golden record \(deviation.record): \(deviation.output) got \(deviation.got), "
                    + "want \(deviation.want)"
            )
        }
    }
    if case .couldNotRun(let reason) = report.outcome {
        Terminal.complain("the golden records could not run: \(reason)")
    }
    if !report.isFallbackProven, version.canaryCase.fallbackRecordCount > 0 {
        Terminal.complain("the fallback does not give its own recorded answers")
    }
}
