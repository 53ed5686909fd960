// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

/// What this program is called in `version`, `/v2` and the metrics.
let serinVersion = "0.1.0"

extension CommandSpec {
    static let version = CommandSpec(
        name: "version",
        summary: "print the version",
        examples: ["serin version --json"],
        flags: [.json]
    ) { arguments in
        if arguments.has("--json") {
            let version: JSONValue = ["name": "serin", "version": .string(serinVersion)]
            Terminal.print(version.text())
        } else {
            Terminal.print("serin \(serinVersion)")
        }
        return .done
    }
}
