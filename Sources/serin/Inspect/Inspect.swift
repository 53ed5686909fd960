// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Serving

extension CommandSpec {
    static let inspect = CommandSpec(
        name: "inspect",
        summary: "print everything about an artifact on one page",
        help: """
            Loads the artifact as the daemon would, runs its golden records and prints who made and
            signed it, its files and digests, features, outputs, guards, baseline, graph, plan and
            environment, and what it lacks for production. Exits 1 when it would not be served.
            """,
        examples: [
            "serin inspect Models/diamonds-price/1",
            "serin inspect Models/tumour/1 --trusted-keys keys --json",
        ],
        positionals: [PositionalSpec(name: "ARTIFACT", summary: "the artifact's folder")],
        flags: [.trustedKeys, .requiredEnvironment, .json],
        run: runInspect
    )
}

@Sendable private func runInspect(_ arguments: Arguments) throws -> ExitStatus {
    let path = arguments.positional(0) ?? ""
    do throws(ArtifactError) {
        let version = try ModelVersion(checking: path, options: try arguments.artifactOptions())
        let report = version.runCanary(deadline: .now + .seconds(60))
        let document = ArtifactPage(version: version, report: report).document
        Terminal.print(
            arguments.has("--json") ? document.text(pretty: true) : InspectPage(page: document).text
        )
        return .done
    } catch {
        return refuse(path, error, json: arguments.has("--json"))
    }
}
