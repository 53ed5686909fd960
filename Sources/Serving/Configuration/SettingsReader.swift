// SPDX-License-Identifier: Apache-2.0
import JSON

/// Puts settings together from file, variables and flags, and collects what is wrong with each.
///
/// Flags beat variables, which beat the file, which beats the defaults. Whatever has a problem leaves the value before it.
package struct SettingsReader {
    package private(set) var settings = Settings()
    package private(set) var problems: [SettingProblem] = []
    /// Where each setting that is no default came from, by path.
    package private(set) var sources: [String: String] = [:]

    package init() {}

    /// Takes in the text of a JSON5 file; `name` is how problems call it.
    package mutating func read(file bytes: [UInt8], name: String) {
        do {
            let value = try parseJSON(bytes, dialect: .json5)
            guard case .object(let members) = value else {
                problems.append(.init(place: name, problem: "expected an object of settings"))
                return
            }
            read(members, under: "", of: name)
        } catch {
            problems.append(.init(place: name, problem: "\(error)"))
        }
    }

    /// Takes in variables; those that do not begin with `SERIN_` are others' business.
    package mutating func read(variables: [String: String]) {
        for setting in Settings.table {
            guard let text = variables[setting.variable] else { continue }
            apply(setting, text: text, at: setting.variable)
        }
        let known = Set(Settings.table.map(\.variable)).union(Self.otherVariables)
        for name in variables.keys.sorted()
        where name.hasPrefix("SERIN_") && !known.contains(name) && !isServiceLink(name) {
            let near = nearestWord(to: name, among: known.sorted())
            problems.append(
                .init(
                    place: name,
                    problem: "unknown variable",
                    hint: near.map { "did you mean \($0)?" }
                )
            )
        }
    }

    /// Takes in flags by their names (`--port`); those that no setting has are left alone.
    package mutating func read(flags: [String: String]) {
        for setting in Settings.table {
            guard let text = flags[setting.flag] else { continue }
            apply(setting, text: text, at: setting.flag)
        }
    }

    /// What the settings are, or everything that is wrong with them, each for itself and together.
    package func finish() throws(SettingsError) -> Settings {
        let all = problems + settings.contradictions()
        guard all.isEmpty else { throw SettingsError(all) }
        return settings
    }

    /// Variables of this name that are no settings.
    private static let otherVariables: Set<String> = ["SERIN_CONFIG", "SERIN_TOKEN"]

    /// Kubernetes sets `SERIN_SERVICE_HOST`, `SERIN_PORT_8080_TCP` and more for a Service named serin.
    private func isServiceLink(_ name: String) -> Bool {
        name.hasPrefix("SERIN_SERVICE_") || name.hasPrefix("SERIN_PORT_")
            || name.hasPrefix("SERIN_OPERATIONS_SERVICE_")
            || name.hasPrefix("SERIN_OPERATIONS_PORT_")
    }
}

extension SettingsReader {
    private mutating func read(_ members: [JSONMember], under prefix: String, of file: String) {
        for member in members {
            let path = prefix + member.name
            if let setting = Settings.table.first(where: { $0.path == path }) {
                apply(setting, member.value, at: "\(file): \(path)")
            } else if Settings.table.contains(where: { $0.path.hasPrefix(path + ".") }) {
                guard case .object(let inner) = member.value else {
                    problems.append(
                        .init(place: "\(file): \(path)", problem: "expected an object of settings")
                    )
                    continue
                }
                read(inner, under: path + ".", of: file)
            } else {
                problems.append(
                    .init(
                        place: "\(file): \(path)",
                        problem: "unknown setting",
                        hint: hint(forUnknown: member.name, under: prefix)
                    )
                )
            }
        }
    }

    /// Looks for a near name on the same level first, then for the same name elsewhere.
    private func hint(forUnknown name: String, under prefix: String) -> String? {
        var siblings: [String] = []
        for path in Settings.table.map(\.path) where path.hasPrefix(prefix) {
            let rest = path.dropFirst(prefix.count)
            siblings.append(String(rest.prefix { $0 != "." }))
        }
        if let near = nearestWord(to: name, among: siblings) { return "did you mean '\(near)'?" }
        let elsewhere = Settings.table.map(\.path).first { path in
            path == name || path.hasSuffix("." + name)
        }
        return elsewhere.map { "'\($0)' is a setting" }
    }

    private mutating func apply(_ setting: Setting, _ value: JSONValue, at place: String) {
        if case .null = value, setting.isOptional {
            setting.set(&settings, .null)
            sources[setting.path] = place
        } else if let read = setting.kind.read(value) {
            setting.set(&settings, read)
            sources[setting.path] = place
        } else {
            refuse(setting, found: value.text(), at: place)
        }
    }

    private mutating func apply(_ setting: Setting, text: String, at place: String) {
        if setting.isOptional, text == "null" {
            setting.set(&settings, .null)
            sources[setting.path] = place
        } else if let read = setting.kind.read(text: text) {
            setting.set(&settings, read)
            sources[setting.path] = place
        } else if place.hasPrefix("SERIN_"), text.hasPrefix("tcp://") {
            problems.append(
                .init(
                    place: place,
                    problem: "found '\(text)', which Kubernetes sets for a Service",
                    hint: "set enableServiceLinks: false in the pod's specification"
                )
            )
        } else {
            refuse(setting, found: "'\(text)'", at: place)
        }
    }

    /// Tokens are not repeated: somebody may have written one in clear.
    private mutating func refuse(_ setting: Setting, found: String, at place: String) {
        var found = found.count > 80 ? String(found.prefix(80)) + "…" : found
        if case .tokens = setting.kind { found = "something else" }
        problems.append(
            .init(place: place, problem: "expected \(setting.expected), found \(found)")
        )
    }
}
