// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

extension CommandSpec {
    static let status = CommandSpec(
        name: "status",
        summary: "everything about a running daemon on one page",
        help: """
            Exits 0 while the daemon is ready and every model answers, 1 while it is not ready
            or a fallback answers for a model.
            """,
        examples: ["serin status", "serin status --json --operations-port 9081"],
        flags: [.json] + FlagSpec.client
    ) { arguments in
        let status = try OperationsClient(arguments).ask(.get, "/v1/status")
        if arguments.has("--json") {
            Terminal.print(status.text(pretty: true))
        } else {
            Terminal.print(StatusPage(status).text)
        }
        return StatusPage(status).isWell ? .done : .no
    }
}
