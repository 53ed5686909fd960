// SPDX-License-Identifier: Apache-2.0
import HTTP
import Platform
import Serving

extension CommandSpec {
    static let probe = CommandSpec(
        name: "probe",
        summary: "ask a probe path, for containers without curl",
        help: """
            Exits 0 for a status from 200 to 399 and 1 for any other, and for no answer at all:
            what does not answer is not ready. A failing check's lines go to standard error.
            A port that speaks TLS by --config or the variables is asked so, and anybody's answer is
            taken, as a probe holds no secret; with --tls-ca only that of who is vouched for.
            """,
        examples: [
            "serin probe", "serin probe '/readyz?verbose' --port 9080",
            "serin probe --socket /run/serin/inference.sock",
        ],
        positionals: [
            PositionalSpec(name: "PATH", summary: "[/readyz]", isRequired: false)
        ],
        flags: [
            FlagSpec(name: "--port", value: "N", summary: "the daemon's port [8080]"),
            FlagSpec(name: "--address", value: "TEXT", summary: "its address [127.0.0.1]"),
            FlagSpec(
                name: "--socket",
                value: "PATH",
                summary: "its Unix-domain socket, instead of the port"
            ),
            FlagSpec(name: "--timeout", value: "TIME", summary: "how long to wait [1s]"),
            .config,
        ] + FlagSpec.tls,
        run: runProbe
    )
}

@Sendable private func runProbe(_ arguments: Arguments) throws -> ExitStatus {
    let settings = try arguments.clientSettings()
    let path = arguments.positional(0) ?? "/readyz"
    guard path.hasPrefix("/") else {
        throw CommandFailure.misuse("'\(path)' is no path; probe paths begin with /")
    }
    let timeout = try arguments.duration("--timeout") ?? .seconds(1)
    let tls = try arguments.tlsOptions(for: settings.tls, isSecret: false)
    let socket = arguments["--socket"]
    guard let answer = answer(to: path, settings, socket, tls, within: timeout) else { return .no }
    let body = String(decoding: answer.body, as: UTF8.self)
    guard (200..<400).contains(answer.status) else {
        Terminal.complain("status \(answer.status)\n\(body)")
        return .no
    }
    if !body.isEmpty { Terminal.print(body) }
    return .done
}

/// Nil where nobody answers in time, which standard error then says.
private func answer(
    to path: String,
    _ settings: Settings,
    _ socket: String?,
    _ tls: TLSClientOptions?,
    within timeout: Duration
) -> ClientResponse? {
    do throws(CommandFailure) {
        return try exchange(
            .get,
            path,
            headers: [("user-agent", "serin-probe/\(serinVersion)")],
            address: reachable(settings.address),
            port: settings.port,
            socket: socket,
            tls: tls,
            timeout: timeout
        )
    } catch {
        Terminal.complain("serin probe: \(error.description)")
        return nil
    }
}
