// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Serving

extension CommandSpec {
    static let verify = CommandSpec(
        name: "verify",
        summary: "check an artifact, or a model folder in ONNX's test layout",
        help: """
            An artifact is loaded as the daemon would load it: hashes, signature, contract against
            graph, plan, and its golden records run. A folder of ONNX's test layout (model.onnx,
            test_data_set_N) is run and compared. Exits 0 when all is well, 1 when not.
            """,
        examples: ["serin verify Models/diamonds-price/1", "serin verify onnx/test_relu --json"],
        positionals: [PositionalSpec(name: "PATH", summary: "an artifact or a model folder")],
        flags: [
            .trustedKeys, .requiredEnvironment, .json,
        ],
        run: runVerify
    )
}

@Sendable private func runVerify(_ arguments: Arguments) throws -> ExitStatus {
    let path = arguments.positional(0) ?? ""
    guard (try? fileStatus(of: path)) != nil else {
        throw CommandFailure.misuse("there is nothing at \(path)")
    }
    let isArtifact = ["artifact.json", "contract.json"].contains { name in
        do throws(SystemError) {
            _ = try fileStatus(of: "\(path)/\(name)")
            return true
        } catch {
            // What may not be looked at is told by whoever reads artifacts.
            return error.symbol == "EACCES"
        }
    }
    guard isArtifact else {
        return ExitStatus(rawValue: verifyModelFolder(path: path, json: arguments.has("--json")))
            ?? .failed
    }
    return try verifyArtifact(path, arguments)
}

private func verifyArtifact(_ path: String, _ arguments: Arguments) throws -> ExitStatus {
    do throws(ArtifactError) {
        let version = try ModelVersion(checking: path, options: try arguments.artifactOptions())
        let report = version.runCanary(deadline: .now + .seconds(60))
        return print(report, of: version, json: arguments.has("--json"))
    } catch {
        return refuse(path, error, json: arguments.has("--json"))
    }
}

private func print(_ report: CanaryReport, of version: ModelVersion, json: Bool) -> ExitStatus {
    let isGood = isGood(report, of: version)
    let artifact = version.artifact
    if json {
        var document = report.document(of: version).asObject ?? []
        document += [
            JSONMember(name: "stage", value: .string(artifact.stage.rawValue)),
            JSONMember(name: "signature", value: artifact.signature.document),
            JSONMember(
                name: "missing_for_production",
                value: .array(artifact.missingForProduction.map { .string($0) })
            ),
        ]
        Terminal.print(JSONValue.object(document).text(pretty: true))
        return isGood ? .done : .no
    }
    complain(about: report, of: version)
    if version.fallback.isEmpty {
        Terminal.print("no fallback: what a guard turns away gets 503")
    }
    for missing in artifact.missingForProduction {
        Terminal.print("missing for production: \(missing)")
    }
    if case .verified(let signer) = artifact.signature { Terminal.print("signed by \(signer)") }
    let deviation = report.deviations.max() ?? 0
    Terminal.print(
        "\(artifact.identity): \(isGood ? "verified" : "NOT right"), \(artifact.stage.rawValue), "
            + "\(counted(report.deviations.count, "golden record")), largest deviation \(deviation) "
            + "of \(version.contract.canary.tolerance)"
    )
    return isGood ? .done : .no
}

func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
