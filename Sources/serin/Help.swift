// SPDX-License-Identifier: Apache-2.0
import Artifacts

extension CommandSpec {
    /// The line behind `usage: serin`, such as `verify PATH [--json]`.
    var usage: String {
        var parts = [name] + positionals.map(\.written)
        parts += flags.filter { !$0.isBrief }.map { "[\($0.written)]" }
        if takesSettings { parts.append("[SETTINGS]") }
        return parts.joined(separator: " ")
    }

    /// The whole of `serin <name> --help`.
    var helpText: String {
        var lines = ["serin \(name): \(summary)", "", "usage: serin \(usage)"]
        if !help.isEmpty { lines += ["", help] }
        if !positionals.isEmpty {
            lines += ["", "arguments:"]
            lines += columns(positionals.map { [$0.name, $0.summary] })
        }
        lines += ["", "flags:"]
        lines += columns((flags + [.help]).map { [$0.written, $0.summary] })
        if takesSettings {
            lines += ["", "settings, each also as a variable and in the file of --config:"]
            lines += columns(FlagSpec.settings.map { [$0.written, $0.summary] })
        }
        lines += ["", examples.count == 1 ? "example:" : "examples:"]
        lines += examples.map { "  " + $0 }
        return lines.joined(separator: "\n")
    }
}

/// The whole of `serin --help`.
func overview(of commands: [CommandSpec]) -> String {
    var lines = [
        "serin serves models and proves every 30 seconds that they still answer right.", "",
        "usage: serin COMMAND [ARGUMENTS]", "", "commands:",
    ]
    lines += columns(commands.map { [$0.name, $0.summary] })
    lines += [
        "", "serin COMMAND --help tells more.",
        "exits: 0 done, 1 the answer is no, 2 used wrongly, 3 the system failed", "",
        "example:", "  serin serve --models Models --port 8080",
    ]
    return lines.joined(separator: "\n")
}

/// Rows as indented lines whose columns stand under each other; the last column is not padded.
func columns(_ rows: [[String]], indent: String = "  ") -> [String] {
    let rows = rows.map { $0.map(ArtifactProblem.oneLine) }
    var widths: [Int] = []
    for row in rows {
        for (index, cell) in row.enumerated() {
            if index == widths.count { widths.append(0) }
            widths[index] = max(widths[index], cell.count)
        }
    }
    return rows.map { row in
        var line = indent
        for (index, cell) in row.enumerated() {
            line += cell
            guard index + 1 < row.count else { break }
            line += String(repeating: " ", count: widths[index] - cell.count + 2)
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
