// SPDX-License-Identifier: Apache-2.0
/// One command of the table in `Main.swift`: what `--help` says of it and what runs it.
struct CommandSpec: Sendable {
    let name: String
    /// One line for the list of commands.
    let summary: String
    /// What stands between summary and flags; may be empty.
    var help = ""
    /// Whole command lines.
    let examples: [String]
    var positionals: [PositionalSpec] = []
    var flags: [FlagSpec] = []
    /// Whether every setting's flag is also taken, and `--config`.
    var takesSettings = false
    let run: @Sendable (Arguments) throws -> ExitStatus

    /// All flags, the common `--help` last.
    var allFlags: [FlagSpec] {
        flags + (takesSettings ? FlagSpec.settings : []) + [.help]
    }
}

/// An argument without a dash, named by its place.
struct PositionalSpec: Sendable {
    let name: String
    let summary: String
    var isRequired = true
    /// Only the last one may repeat.
    var isRepeated = false

    /// As it stands in a usage line: `PATH`, `[MODEL]`, `PATH...`.
    var written: String {
        let name = isRepeated ? self.name + "..." : self.name
        return isRequired ? name : "[\(name)]"
    }
}

/// A flag: a switch, or with a value (`--port 8080`, `--port=8080`).
struct FlagSpec: Sendable {
    /// With its dashes.
    let name: String
    /// What the value is called; nil for a switch.
    var value: String?
    let summary: String
    /// Whether it may be given more than once.
    var isRepeated = false
    /// Left out of `--help`'s list, as the settings' many flags are.
    var isBrief = false

    var written: String { value.map { "\(name) \($0)" } ?? name }
}

extension FlagSpec {
    static let help = FlagSpec(name: "--help", summary: "this text")
    static let json = FlagSpec(name: "--json", summary: "JSON for machines")
    static let config = FlagSpec(
        name: "--config",
        value: "FILE",
        summary: "settings in JSON5; Config/serin.json has all"
    )
}
