// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Serving

/// `serin pack --edit`: a new version of an artifact whose files were changed by hand.
func runEdit(_ source: String, _ arguments: Arguments) throws -> ExitStatus {
    let allowed: Set<String> = [
        "--edit", "--name", "--version", "--out", "--environment", "--stage", "--key",
        "--passphrase-file", "--dry-run", "--json",
    ]
    for flag in CommandSpec.pack.flags where arguments.has(flag.name) {
        guard allowed.contains(flag.name) else {
            throw CommandFailure.misuse("\(flag.name) has no meaning with --edit")
        }
    }
    var options = ArtifactEditor.Options(source: source)
    options.name = arguments["--name"]
    options.version = try arguments.integer("--version", in: 1...999_999_999)
    options.out = try arguments.text("--out")
    options.environment = arguments["--environment"]
    options.stage = try packStage(arguments)
    options.key = try packKey(arguments)
    options.isDryRun = arguments.has("--dry-run")
    let isJSON = arguments.has("--json")
    let watcher = leavingNothingBehind(ProgressLine())
    defer { withExtendedLifetime(watcher) {} }
    do throws(ArtifactError) {
        let report = try ArtifactEditor(options).edit()
        Terminal.print(isJSON ? report.document.text(pretty: true) : report.text)
        return .done
    } catch {
        return refusePacking(error, json: isJSON)
    }
}

extension ArtifactEditor.Report {
    /// The report for people.
    fileprivate var text: String {
        var lines = [
            "\(from) → \(identity)",
            changed.isEmpty
                ? "no file changed"
                : "changed: " + ArtifactProblem.oneLine(changed.joined(separator: ", ")),
            "\(counted(goldenCount, "golden record")) run: off by at most \(goldenDeviation)",
        ]
        lines += notes.map { "note: " + ArtifactProblem.oneLine($0) }
        lines += missingForProduction.map { "missing for production: \($0)" }
        if missingForProduction.count == 1, !isSigned, !isDryRun, stage == .staging {
            lines.append("to add it: serin sign \(path) --key release.pem")
        }
        lines.append(
            isDryRun
                ? "\(path): would be packed, \(stage.rawValue); nothing was written"
                : "\(path): packed, \(stage.rawValue)"
        )
        return lines.joined(separator: "\n")
    }
}
