// SPDX-License-Identifier: Apache-2.0
import Platform
import Serving

extension CommandSpec {
    static let serve = CommandSpec(
        name: "serve",
        summary: "serve the artifacts of a folder",
        help: """
            Opens its ports at once and loads the artifacts beside them: /livez answers 200 from the
            start, /readyz when every served version's golden records pass. SIGTERM drains and ends.
            SIGHUP reads the configuration again. Flags beat SERIN_* variables, which beat the file of
            --config.
            """,
        examples: [
            "serin serve --models Models",
            "serin serve --config Config/production.json --port 8080 --operations-port 8081",
        ],
        takesSettings: true,
        run: runServe
    )
}

@Sendable private func runServe(_ arguments: Arguments) throws -> ExitStatus {
    let settings = try arguments.settings()
    boundAllocator(arenas: 2)
    let directory = environmentValue("PWD") ?? "."
    do throws(StartError) {
        let daemon = try Daemon(
            settings: settings,
            environment: environmentValues(),
            workingDirectory: directory,
            source: { () throws(SettingsError) in try arguments.settingsAgain() }
        )
        return try daemon.run() ? .done : .failed
    } catch {
        throw CommandFailure.failed(error.description)
    }
}
