// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import Engine

/// A graph spelled out, one node a line: `y = Mul a b`.
struct Spelling: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: String
    /// The steps that are left, by operator.
    var steps: [String]
    var opset: Int64 = 18

    var testDescription: String { name }

    /// Reads x: `[N, 4]`, with numbers and lines of four at hand.
    var model: ModelText {
        let numbers: [(String, Float)] = [
            ("half", 0.5), ("one", 1), ("two", 2), ("three", 3), ("six", 6), ("nought", 0),
            ("root2", Float(2).squareRoot()), ("inverseRoot2", Float(0.5).squareRoot()),
            ("sixth", 1 / 6),
            ("cubic", 0.044715), ("slope", 0.7978845608), ("tiny", 1e-5), ("minusHalf", -0.5),
            ("alpha", 1.702),
        ]
        let lines: [(String, [Float])] = [
            ("scale", [1.5, 0.5, -1, 2]), ("shift", [0.25, -0.5, 1, 0]), ("ones", [1, 1, 1, 1]),
            ("mean", [0.1, 0.2, -0.3, 0.4]), ("variance", [0.5, 1.5, 2, 0.75]),
        ]
        return ModelText(
            nodes: self.lines.split(separator: "\n").map { line in
                let words = line.split(separator: " ").map(String.init)
                let inputs = words[3...].filter { !$0.contains(":") }
                let attributes = words[3...].filter { $0.contains(":") }
                return ModelText.Node(
                    name: words[0],
                    operatorName: words[2],
                    inputs: Array(inputs),
                    outputs: [words[0]],
                    attributes: { writer in
                        for text in attributes { Self.write(text, to: &writer) }
                    }
                )
            },
            initializers: numbers.map { ($0.0, [], [$0.1]) } + lines.map { ($0.0, [4], $0.1) }
                + [
                    ("square", [4, 4], (0..<16).map { Float($0 * 7 % 11) * 0.2 - 1 }),
                    ("wide", [1, 4], [0.1, 0.2, 0.3, 0.4]),
                ],
            integers: [
                ("last", [-1]), ("zero", [0]), ("first", [0]), ("both", [1, 1]), ("middle", [1]),
                ("rest", [-1]), ("flat", [-1, 4]), ("pads", [0, 0, 0, 0]), ("far", [1 << 40]),
                ("halves", [2, 2]), ("back", [-1]), ("lowest", [-(1 << 40)]),
            ],
            opset: opset
        )
    }

    /// `perm:1,0` or `axis:1`.
    private static func write(_ text: String, to writer: inout WireWriter) {
        let parts = text.split(separator: ":").map(String.init)
        let numbers = parts[1].split(separator: ",").compactMap { Int64($0) }
        writer.message(5) { attribute in
            attribute.text(1, parts[0])
            if parts[0] == "perm" {
                for number in numbers { attribute.integer(8, number) }
                attribute.integer(20, 7)
            } else {
                attribute.integer(3, numbers[0])
                attribute.integer(20, 2)
            }
        }
    }
}

@Suite struct PassesTests {
    /// The answer for `rows` rows of fixed numbers, and the operators of the steps.
    static func run(
        _ model: ModelText,
        without disabledPasses: Set<String> = [],
        rows: Int = 5
    ) throws -> (answers: [Float], steps: [String]) {
        let program = try Program(
            model: model.bytes.span,
            options: ProgramOptions(maximumRows: rows, disabledPasses: disabledPasses)
        )
        let session = try Session(program)
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float((index * 37) % 101) * 0.06 - 3 }
        }
        #expect(session.run() == nil)
        return (
            try #require(session.output(0).tensor).elements(as: Float.self),
            program.plan.steps.map(\.operator)
        )
    }

    @Test(arguments: Spelling.all)
    func `a spelled-out formula becomes one step with the same answer`(_ spelling: Spelling) throws
    {
        let plain = try Self.run(spelling.model, without: Set(Pass.names))
        let passed = try Self.run(spelling.model)
        #expect(passed.steps == spelling.steps)
        #expect(plain.answers.count == passed.answers.count)
        for (expected, got) in zip(plain.answers, passed.answers) {
            #expect(abs(expected - got) <= 2e-6 + 1e-5 * abs(expected), "\(spelling.name)")
        }
    }

    @Test(arguments: Spelling.left)
    func `what only looks like it is left alone`(_ spelling: Spelling) throws {
        let plain = try Self.run(spelling.model, without: Set(Pass.names))
        let passed = try Self.run(spelling.model)
        #expect(passed.steps.sorted() == spelling.steps.sorted())
        #expect(plain.answers == passed.answers)
    }

    @Test func `a constant is not stretched at load, but small ones are`() throws {
        func plan(_ lengths: [Int64]) throws -> Plan {
            var model = Spelling(name: "", lines: "e = Expand one lengths\ny = Add x e", steps: [])
                .model
            model.integers.append(("lengths", lengths))
            return try Program(
                model: model.bytes.span,
                options: ProgramOptions(maximumRows: 1)
            ).plan
        }
        #expect(try plan([1, 1, 4]).steps.map(\.operator) == ["Add"])
        let large = try plan([1 << 20, 1, 4])
        #expect(large.steps.map(\.operator) == ["Expand", "Add"])
        #expect(large.constantsByteCount < 1 << 10)
    }

    @Test func `pass names are unique and an unknown one is refused`() {
        #expect(Set(Pass.names).count == Pass.names.count)
        #expect(throws: EngineError.self) {
            try Self.run(Spelling.all[0].model, without: ["no-such-pass"])
        }
    }
}
