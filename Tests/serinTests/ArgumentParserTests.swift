// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import serin

@Suite struct ArgumentParserTests {
    static let command = CommandSpec(
        name: "try",
        summary: "a command for tests",
        examples: ["serin try a"],
        positionals: [
            PositionalSpec(name: "PATH", summary: "a path"),
            PositionalSpec(name: "MODE", summary: "a mode", isRequired: false),
        ],
        flags: [
            .json, FlagSpec(name: "--batch", value: "N", summary: "rows"),
            FlagSpec(name: "--shape", value: "S", summary: "a shape", isRepeated: true),
        ]
    ) { _ in .done }

    private func parse(_ words: String...) throws(CommandFailure) -> Arguments {
        try Arguments(words, for: Self.command)
    }

    @Test func `takes values behind a blank and behind an equals sign`() throws {
        let arguments = try parse("a", "--batch", "8", "--shape=X=1,3", "--shape", "Y=2", "--json")
        #expect(arguments.positionals == ["a"])
        #expect(try arguments.integer("--batch", in: 1...16) == 8)
        #expect(arguments.all("--shape") == ["X=1,3", "Y=2"])
        #expect(arguments.has("--json"))
    }

    @Test func `a dash, a negative number and what follows two dashes are arguments`() throws {
        #expect(try parse("-").positionals == ["-"])
        #expect(try parse("-3.5").positionals == ["-3.5"])
        #expect(try parse("--", "--json").positionals == ["--json"])
    }

    static let wrong: [(words: [String], problem: String)] = [
        ([], "PATH is missing"),
        (["a", "b", "c"], "unexpected argument 'c'"),
        (["a", "--jsn"], "unknown flag --jsn; did you mean --json?"),
        (["a", "--zzzzzz"], "unknown flag --zzzzzz; see serin try --help"),
        (["a", "--batch"], "--batch needs a value: --batch N"),
        (["a", "--batch", "--json"], "--batch needs a value: --batch N"),
        (["a", "--batch", "--"], "--batch needs a value: --batch N"),
        (["a", "--json=yes"], "--json takes no value"),
        (["a", "--batch", "1", "--batch", "2"], "--batch is given twice"),
    ]

    @Test(arguments: wrong)
    func `wrong use is named and exits 2`(words: [String], problem: String) {
        let failure = #expect(throws: CommandFailure.self) {
            try Arguments(words, for: Self.command)
        }
        #expect(failure?.status == .misuse)
        #expect(failure?.description.hasPrefix(problem) == true)
    }

    @Test(arguments: ["0", "17", "x", "1.5", ""])
    func `a number out of range is named`(text: String) throws {
        let arguments = try parse("a", "--batch", text)
        #expect(throws: CommandFailure.self) { try arguments.integer("--batch", in: 1...16) }
    }

    @Test func `help needs no argument`() throws {
        #expect(try parse("--help").has("--help"))
        #expect(try parse("-h").has("--help"))
    }

    @Test(arguments: Main.commands.map(\.name))
    func `every command has help with an example of itself`(name: String) throws {
        let command = try #require(Main.commands.first { $0.name == name })
        #expect(!command.examples.isEmpty)
        for example in command.examples {
            #expect(example.contains("serin \(name)"))
            #expect(command.helpText.contains(example))
        }
        for flag in command.allFlags { #expect(!flag.summary.isEmpty) }
        #expect(Set(command.allFlags.map(\.name)).count == command.allFlags.count)
    }

    @Test(arguments: Main.laterCommands)
    func `a planned command says that it is not in this version`(name: String) {
        #expect(!overview(of: Main.commands).contains("  \(name) "))
        #expect(Main.run([name]) == .misuse)
    }
}
