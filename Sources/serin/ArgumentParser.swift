// SPDX-License-Identifier: Apache-2.0
import JSON

/// The arguments of one command, checked against its table.
struct Arguments: Sendable {
    private(set) var positionals: [String] = []
    private var values: [String: [String]] = [:]

    /// Whether a switch was given.
    func has(_ flag: String) -> Bool { values[flag] != nil }

    /// A flag's value; the last one counts.
    subscript(flag: String) -> String? { values[flag]?.last }

    /// A flag's value; an empty one, as an unset variable of a shell gives, is refused.
    func text(_ flag: String) throws(CommandFailure) -> String? {
        guard let value = self[flag] else { return nil }
        guard !value.isEmpty else { throw .misuse("\(flag): the value is empty") }
        return value
    }

    /// Every value of a repeated flag.
    func all(_ flag: String) -> [String] { values[flag] ?? [] }

    /// The argument at `index`, where it was given.
    func positional(_ index: Int) -> String? {
        positionals.indices.contains(index) ? positionals[index] : nil
    }

    /// A flag's value as a whole number.
    func integer(_ flag: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
        guard let text = self[flag] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .misuse(
                "\(flag): expected a whole number from \(range.lowerBound) to \(range.upperBound),"
                    + " found '\(text)'"
            )
        }
        return number
    }

    /// A flag's value as a duration with its unit.
    func duration(_ flag: String) throws(CommandFailure) -> Duration? {
        guard let text = self[flag] else { return nil }
        guard let duration = parseDuration(text), duration > .zero else {
            throw .misuse("\(flag): expected a duration such as 250ms, 30s or 5m, found '\(text)'")
        }
        return duration
    }

    /// The last value of each flag that has one.
    var lastValues: [String: String] { values.compactMapValues(\.last) }
}

extension Arguments {
    /// Reads what stands behind the command's name.
    ///
    /// Behind `--` everything is positional; a lone `-` (standard input) is too, and so are negative numbers.
    init(_ words: some Sequence<String>, for command: CommandSpec) throws(CommandFailure) {
        var words = Array(words)[...]
        let flags = command.allFlags
        while let word = words.popFirst() {
            if word == "--" {
                positionals += words
                break
            }
            guard word.hasPrefix("-"), word != "-", Double(word) == nil else {
                positionals.append(word)
                continue
            }
            let halves = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = halves[0] == "-h" ? FlagSpec.help.name : String(halves[0])
            guard let flag = flags.first(where: { $0.name == name }) else {
                throw .unknownFlag(name, of: command)
            }
            guard flag.isRepeated || values[name] == nil else {
                throw .misuse("\(name) is given twice")
            }
            var value = halves.count > 1 ? String(halves[1]) : nil
            if flag.value == nil {
                guard value == nil else { throw .misuse("\(name) takes no value") }
                value = ""
            } else if value == nil, words.first.map({ !$0.hasPrefix("--") }) ?? false {
                // Another flag is never a value: one was forgotten, and the flag must not get lost.
                value = words.popFirst()
            }
            guard let value else {
                throw .misuse("\(name) needs a value: \(flag.written)")
            }
            values[name, default: []].append(value)
        }
        if !has(FlagSpec.help.name) { try checkCount(for: command) }
    }

    private func checkCount(for command: CommandSpec) throws(CommandFailure) {
        let usage = "usage: serin \(command.usage)"
        let required = command.positionals.filter(\.isRequired)
        if positionals.count < required.count {
            throw .misuse("\(required[positionals.count].name) is missing; \(usage)")
        }
        let isOpen = command.positionals.last?.isRepeated ?? false
        if positionals.count > command.positionals.count, !isOpen {
            let extra = positionals[command.positionals.count]
            throw .misuse("unexpected argument '\(extra)'; \(usage)")
        }
    }
}

extension CommandFailure {
    fileprivate static func unknownFlag(_ name: String, of command: CommandSpec) -> CommandFailure {
        let near = nearestWord(to: name, among: command.allFlags.map(\.name))
        let hint =
            near.map { "did you mean \($0)?" } ?? "see serin \(command.name) --help"
        return .misuse("unknown flag \(name); \(hint)")
    }
}
