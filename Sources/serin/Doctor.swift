// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Serving

extension CommandSpec {
    static let doctor = CommandSpec(
        name: "doctor",
        summary: "look at machine, configuration, artifacts and ports, and say what to mend",
        help: """
            Nothing is changed: what is written to see whether that works is removed again.
            Exits 1 when something fails; a warning is no failure.
            """,
        examples: ["serin doctor --config Config/production.json"],
        flags: [.json],
        takesSettings: true,
        run: runDoctor
    )
}

@Sendable private func runDoctor(_ arguments: Arguments) throws -> ExitStatus {
    var findings = machineFindings()
    let reader = try arguments.settingsReader()
    let settings = reader.settings
    findings += configurationFindings(reader)
    findings += tlsFindings(settings)
    findings += capacityFindings(settings)
    findings += artifactFindings(settings)
    findings += portFindings(settings)
    findings += socketFindings(settings)
    findings += stateFindings(settings)
    print(findings, asJSON: arguments.has("--json"))
    return findings.contains { $0.grade == .fail } ? .no : .done
}

private func print(_ findings: [Finding], asJSON: Bool) {
    let failed = findings.count { $0.grade == .fail }
    let warned = findings.count { $0.grade == .warn }
    if asJSON {
        let report: JSONValue = [
            "failed": .number(failed), "warned": .number(warned),
            "findings": .array(findings.map(\.json)),
        ]
        Terminal.print(report.text(pretty: true))
        return
    }
    var lines: [String] = []
    let rows = columns(findings.map { [$0.grade.rawValue, $0.subject, $0.found] }, indent: "")
    for (finding, row) in zip(findings, rows) {
        lines.append(row)
        if let remedy = finding.remedy, !remedy.isEmpty { lines.append("      -> \(remedy)") }
    }
    let verdict =
        failed > 0
        ? "\(failed) to mend before serving"
        : warned > 0 ? "fit to serve, see warnings" : "all well"
    Terminal.print((lines + ["", verdict]).joined(separator: "\n"))
}

// MARK: Configuration

private func configurationFindings(_ reader: SettingsReader) -> [Finding] {
    let subject = "configuration"
    let settings = reader.settings
    let problems = reader.problems + settings.contradictions()
    var findings = problems.map {
        Finding.fail(subject, "\($0.place): \($0.problem)", $0.hint)
    }
    let unusable = settings.operations.tokens.filter { $0.sha256.allSatisfy { $0 == "0" } }
    for token in unusable {
        findings.append(
            .warn(
                subject,
                "operations.tokens: no token fits the digest of '\(token.name)'",
                "replace it by the SHA-256 of a token; see docs/configuration.md"
            )
        )
    }
    if settings.stage == .production, settings.trustedKeys == nil {
        findings.append(
            .warn(
                subject,
                "stage is production and no key is trusted",
                "set trusted_keys, and require_signature to true"
            )
        )
    }
    if findings.isEmpty {
        let count = reader.sources.count
        findings = [
            .ok(subject, count == 0 ? "all defaults" : "\(count) set, the others are defaults")
        ]
    }
    return findings
}
