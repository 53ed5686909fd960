// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct SettingsChangeTests {
    private func settings(_ text: String) throws -> Settings {
        var reader = SettingsReader()
        reader.read(file: Array(text.utf8), name: "test.json")
        return try reader.finish()
    }

    @Test func `every live path is a setting's`() {
        #expect(Setting.livePaths.isSubset(of: Set(Settings.table.map(\.path))))
    }

    @Test func `the page on configuration names what a reload changes, and nothing else`() throws {
        let path = ConfigurationTests.folder + "/docs/configuration.md"
        let text = String(decoding: try readFile(path: path, limit: 1 << 20), as: UTF8.self)
        let section = try #require(text.components(between: "## Reloading\n", and: "\n## "))
        for setting in Settings.table {
            #expect(section.contains("`\(setting.path)`") == setting.isLive, "\(setting.path)")
        }
    }

    @Test func `what is the same changes nothing`() throws {
        let change = try SettingsChange(from: Settings(), to: Settings())
        #expect(change.settings == Settings())
        #expect(change.changed.isEmpty && change.needsRestart.isEmpty)
    }

    @Test func `what can change does, and what cannot stays and is named`() throws {
        let wanted = try settings(
            """
            {port: 9, limits: {rows: 7, minimum_rate: "1KiB"}, drain: {limit: "3s"},
             canary: {interval: "2s"}, log: {level: "debug"}, loops: 3}
            """
        )
        let change = try SettingsChange(from: Settings(), to: wanted)
        #expect(
            change.changed
                == ["limits.minimum_rate", "drain.limit", "canary.interval", "log.level"]
        )
        #expect(change.needsRestart == ["port", "loops", "limits.rows"])
        #expect(change.settings.limits.rows == Settings().limits.rows)
        #expect(change.settings.port == Settings().port)
        #expect(change.settings.limits.minimumRate == 1024)
        #expect(change.settings.canary.interval == .seconds(2))
        // And back, to null as well.
        let back = try SettingsChange(from: change.settings, to: Settings())
        #expect(back.settings == Settings())
        #expect(back.changed == change.changed && back.needsRestart.isEmpty)
    }

    @Test func `the rest of the old and the new must go together`() throws {
        let digest = String(repeating: "0", count: 64)
        let open = try settings(
            "{operations: {address: '0.0.0.0', tokens: [{name: 'a', sha256: '\(digest)'}]}}"
        )
        // The new settings are right by themselves, but the address stays open until a restart.
        do throws(SettingsError) {
            _ = try SettingsChange(from: open, to: Settings())
            Issue.record("the port would be open to anybody")
        } catch {
            #expect(error.problems.map(\.place) == ["operations.address"])
            #expect(error.problems.first?.hint?.contains("only a restart changes") ?? false)
        }
    }

    @Test func `every live setting changes by itself`() throws {
        for setting in Settings.table where setting.isLive {
            var wanted = Settings()
            let values: [SettingValue] = [
                .flag(false), .integer(3000), .number(0.25), .duration(.seconds(9)),
                .text("debug"), .texts(["a"]), .tokens([testToken("a", "b")]),
            ]
            for value in values { setting.set(&wanted, value) }
            if setting.path == "versions.policy" { setting.set(&wanted, .text("3 latest")) }
            if setting.path == "rollout.steps" { setting.set(&wanted, .text("2 20")) }
            if setting.path == "rollout.max_psi" { setting.set(&wanted, .number(0.5)) }
            if setting.path == "rollout.mode" { setting.set(&wanted, .text("gradual")) }
            if setting.path == "versions.models" { setting.set(&wanted, .texts(["a=latest"])) }
            if setting.path == "versions.swap" { setting.set(&wanted, .text("drain")) }
            if setting.path.contains("client_names") {
                // Only together with certificates, which a reload does not bring.
                #expect(throws: SettingsError.self) {
                    try SettingsChange(from: Settings(), to: wanted)
                }
                continue
            }
            let change = try SettingsChange(from: Settings(), to: wanted)
            #expect(change.changed == [setting.path])
            #expect(change.settings == wanted)
        }
    }
}

extension String {
    fileprivate func components(between start: String, and end: String) -> String? {
        guard let from = firstRange(of: start) else { return nil }
        let rest = self[from.upperBound...]
        return String(rest[..<(rest.firstRange(of: end)?.lowerBound ?? rest.endIndex)])
    }
}
