// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

@main
struct Main {
    /// Every command, in the order of `--help`.
    static let commands: [CommandSpec] = [
        .serve,
        .pack, .verify, .sign, .inspect, .diff, .predict, .plan, .bench,
        .status, .override, .canary, .events,
        .versions, .rollback, .promote, .pin, .rollout, .load, .unload,
        .probe, .doctor, .version,
    ]

    /// Planned words that this version only recognises.
    static let laterCommands = ["replay"]

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        var status = run(words)
        if let failure = Terminal.outputFailure {
            let sentence = "the answer could not be written: \(failure)"
            Terminal.complain(prefixed(sentence, by: words.first))
            status = .failed
        }
        exitProcess(status.rawValue)
    }

    /// Finds the command, checks its arguments, runs it.
    static func run(_ words: [String]) -> ExitStatus {
        do {
            guard let name = words.first else {
                throw CommandFailure.misuse(overview(of: commands))
            }
            if ["--help", "-h", "help"].contains(name) { return help(words.dropFirst()) }
            let command = try command(named: name == "--version" ? "version" : name)
            let arguments = try Arguments(words.dropFirst(), for: command)
            if arguments.has(FlagSpec.help.name) {
                Terminal.print(command.helpText)
                return .done
            }
            return try command.run(arguments)
        } catch let failure as CommandFailure {
            Terminal.complain(prefixed(failure.description, by: words.first))
            return failure.status
        } catch {
            Terminal.complain(prefixed("\(error)", by: words.first))
            return .failed
        }
    }

    private static func help(_ words: ArraySlice<String>) -> ExitStatus {
        if let command = commands.first(where: { $0.name == words.first }) {
            Terminal.print(command.helpText)
        } else {
            Terminal.print(overview(of: commands))
        }
        return .done
    }

    private static func command(named name: String) throws(CommandFailure) -> CommandSpec {
        if let command = commands.first(where: { $0.name == name }) { return command }
        if laterCommands.contains(name) { throw .misuse("not in this version") }
        let near = nearestWord(to: name, among: commands.map(\.name))
        throw .misuse(
            "unknown command; " + (near.map { "did you mean '\($0)'?" } ?? "see serin --help")
        )
    }

    /// Says which command speaks; nobody needs that before an overview.
    private static func prefixed(_ text: String, by name: String?) -> String {
        guard let name else { return text }
        return text.split(separator: "\n").map { "serin \(name): \($0)" }.joined(separator: "\n")
    }
}
