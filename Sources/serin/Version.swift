// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Serving

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
