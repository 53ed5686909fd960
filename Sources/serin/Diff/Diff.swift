// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Serving

extension CommandSpec {
    static let diff = CommandSpec(
        name: "diff",
        summary: "tell how one artifact differs from another",
        help: """
            Compares contracts key by key, runs each one's golden records through the other, and
            compares baselines, plans, files and environments. Exits like diff: 0 when every file is
            the same, 1 when they differ, 2 when one of them cannot be loaded.
            """,
        examples: [
            "serin diff Models/diamonds-price/1 Models/diamonds-price/2",
            "serin diff Models/diamonds-price/1 Models/diamonds-price/2 --json",
        ],
        positionals: [
            PositionalSpec(name: "A", summary: "an artifact's folder, such as what serves now"),
            PositionalSpec(name: "B", summary: "another one's, such as what should serve next"),
        ],
        flags: [.trustedKeys, .json],
        run: runDiff
    )
}

@Sendable private func runDiff(_ arguments: Arguments) throws -> ExitStatus {
    var versions: [ModelVersion] = []
    for index in 0...1 {
        let path = arguments.positional(index) ?? ""
        do throws(ArtifactError) {
            versions.append(
                try ModelVersion(checking: path, options: try arguments.artifactOptions())
            )
        } catch {
            _ = refuse(path, error, json: arguments.has("--json"))
            return .misuse
        }
    }
    let diff = ArtifactDiff(one: versions[0], two: versions[1])
    let document = diff.document
    Terminal.print(
        arguments.has("--json") ? document.text(pretty: true) : DiffPage(diff: document).text
    )
    return diff.isSame ? .done : .no
}
