// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@testable import Artifacts

@Suite struct KillSwitchTests {
    static let features = [
        feature("carat", .fp32, missing: .fallback),
        feature("x", .fp64, missing: .fallback),
        feature("rooms", .int32, missing: .value(.integer(2))),
        feature("cut", .bytes, categories: cuts, missing: .fallback, unknown: .fallback),
        feature("was", .bytes, categories: ["Ideal", "Poor"], missing: .fallback),
        feature("note", .bytes, missing: .fallback),
        feature("is_new", .bool, missing: .fallback),
        feature("price in-total", .fp32, missing: .fallback),
        feature("image", .fp32, missing: .fallback, shape: [2]),
    ]

    struct Refusal: Sendable, CustomTestStringConvertible {
        var when: String
        var column: Int
        var problem: String
        var hint: String?
        var testDescription: String { when }
    }

    static let refusals: [Refusal] = [
        Refusal(when: "", column: 1, problem: "the expression is empty"),
        Refusal(
            when: "carrat > 4",
            column: 1,
            problem: "unknown feature 'carrat'",
            hint: "did you mean 'carat'?"
        ),
        Refusal(
            when: "carat > 4 AND x < 1",
            column: 11,
            problem: "expected 'and', 'or' or the end, found 'AND'"
        ),
        Refusal(
            when: "NOT is_new",
            column: 1,
            problem: "unknown feature 'NOT'",
            hint: "write not in lower case"
        ),
        Refusal(
            when: "carat = 4",
            column: 7,
            problem: "'=' means nothing here",
            hint: "compare with '=='"
        ),
        Refusal(
            when: "carat > 4 && x < 1",
            column: 11,
            problem: "'&&' means nothing here",
            hint: "write 'and'"
        ),
        Refusal(
            when: "!is_new",
            column: 1,
            problem: "'!' means nothing here",
            hint: "write 'not'"
        ),
        Refusal(
            when: "cut == 'Idael'",
            column: 8,
            problem: "'Idael' is not a category of 'cut'",
            hint: "did you mean 'Ideal'?"
        ),
        Refusal(
            when: "cut in ['Ideal', \"Goood\"]",
            column: 18,
            problem: "'Goood' is not a category of 'cut'",
            hint: "did you mean 'Good'?"
        ),
        Refusal(
            when: "cut < 'Good'",
            column: 5,
            problem: "texts have no order, so '<' cannot compare them",
            hint: "use ==, != or in"
        ),
        Refusal(
            when: "cut == 4",
            column: 5,
            problem: "'==' compares a text with a number",
            hint: "numbers stand without quotes"
        ),
        Refusal(
            when: "carat == '4'",
            column: 7,
            problem: "'==' compares a number with a text",
            hint: "numbers stand without quotes"
        ),
        Refusal(
            when: "carat == true",
            column: 7,
            problem: "'==' compares a number with a condition"
        ),
        Refusal(
            when: "carat",
            column: 1,
            problem: "an expression needs a condition, found a number",
            hint: "compare it with something"
        ),
        Refusal(
            when: "carat and x > 1",
            column: 1,
            problem: "'and' needs a condition, found a number",
            hint: "compare it with something"
        ),
        Refusal(
            when: "not cut",
            column: 5,
            problem: "'not' needs a condition, found a text",
            hint: "compare it with something"
        ),
        Refusal(
            when: "1 < carat < 3",
            column: 11,
            problem: "comparisons cannot be chained",
            hint: "write a < b and b < c for a < b < c"
        ),
        Refusal(when: "cut + 1 > 2", column: 1, problem: "'+' needs numbers, found a text"),
        Refusal(when: "is_new * 2 > 1", column: 1, problem: "'*' needs numbers, found a condition"),
        Refusal(
            when: "is_new < true",
            column: 8,
            problem: "conditions have no order",
            hint: "use == or !="
        ),
        Refusal(when: "'a' == 'a'", column: 5, problem: "compares two constants"),
        Refusal(when: "carat in ['a']", column: 1, problem: "the list must hold numbers only"),
        Refusal(when: "cut in [1]", column: 1, problem: "the list must hold texts only"),
        Refusal(
            when: "carat in []",
            column: 11,
            problem: "expected a number or a text in the list"
        ),
        Refusal(
            when: "is_new in [1]",
            column: 1,
            problem: "'in' looks a number or a feature up, found a condition"
        ),
        Refusal(when: "carat not 3", column: 11, problem: "expected 'in' after 'not', found 3"),
        Refusal(when: "(carat > 1", column: 11, problem: "expected ')', found the end"),
        Refusal(
            when: "carat >",
            column: 8,
            problem: "expected a feature, a number, a text or '(', found the end"
        ),
        Refusal(
            when: "missing('cut')",
            column: 9,
            problem: "expected the name of a feature, found 'cut'"
        ),
        Refusal(
            when: "image > 1",
            column: 1,
            problem: "'image' is a tensor and has no single value",
            hint: "only missing(image) can be asked of it"
        ),
        Refusal(when: "carat > 1e999", column: 9, problem: "1e999 is too large"),
        Refusal(when: "carat > 1.", column: 9, problem: "'1.' is not a number"),
        Refusal(when: "carat > 1e", column: 9, problem: "'1e' is not a number"),
        Refusal(
            when: "carat > .5",
            column: 9,
            problem: "'.' means nothing here",
            hint: "write a digit before the point"
        ),
        Refusal(
            when: "carat > 4x",
            column: 9,
            problem: "a name cannot start with a digit",
            hint: "put it in backticks"
        ),
        Refusal(when: "cut == 'Ideal", column: 8, problem: "the quote that starts here has no end"),
        Refusal(
            when: "note == 'é' and §",
            column: 17,
            problem: "unknown feature '§'",
            hint:
                "features: 'carat', 'x', 'rooms', 'cut', 'was', 'note', 'is_new', 'price in-total', 'image'"
        ),
        Refusal(when: "carat > 1 ; x", column: 11, problem: "';' means nothing here"),
    ]

    @Test(arguments: refusals)
    func `a slip is told where and what instead`(refusal: Refusal) throws {
        let error = try #require(throws: ExpressionError.self) {
            try KillSwitchProgram(refusal.when, features: Self.features)
        }
        #expect(error.column == refusal.column)
        #expect(error.problem == refusal.problem)
        #expect(error.hint == refusal.hint)
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var when: String
        var holds: Bool
        var row: [String: JSONValue] = [:]
        var testDescription: String { "\(when) with \(row.keys.sorted())" }
    }

    static let examples: [Example] = [
        Example(when: "carat > 4 and x < 1", holds: true, row: ["carat": 5, "x": 0.5]),
        Example(when: "carat > 4 and x < 1", holds: false, row: ["carat": 5, "x": 1]),
        Example(when: "carat > 4 and x < 1", holds: false, row: ["carat": 5]),
        Example(when: "carat > 4 or x < 1", holds: true, row: ["carat": 5]),
        Example(when: "not carat > 4", holds: false),
        Example(when: "not (carat > 4)", holds: true, row: ["carat": 4]),
        Example(when: "missing(x) and carat > 0", holds: true, row: ["carat": 1]),
        Example(when: "missing(rooms) and rooms == 2", holds: true),
        Example(when: "missing(image)", holds: true),
        Example(when: "missing(cut)", holds: true, row: ["cut": "Superb"]),
        Example(when: "carat == 0.7", holds: true, row: ["carat": 0.7]),
        Example(when: "carat >= 0.7", holds: true, row: ["carat": 0.7]),
        Example(when: "0.7 <= carat", holds: true, row: ["carat": 0.7]),
        Example(when: "carat in [0.1, 0.7]", holds: true, row: ["carat": 0.7]),
        Example(when: "x == -1.5", holds: true, row: ["x": -1.5]),
        Example(when: "x - -1.5 == 0", holds: true, row: ["x": -1.5]),
        Example(when: "x == -x", holds: true, row: ["x": 0]),
        Example(when: "2 + 3 * x == 11", holds: true, row: ["x": 3]),
        Example(when: "(2 + 3) * x == 15", holds: true, row: ["x": 3]),
        Example(when: "10 - x - 3 == 4", holds: true, row: ["x": 3]),
        Example(when: "12 / x / 2 == 2", holds: true, row: ["x": 3]),
        Example(when: "1 / x > 0 or 1 / x <= 0", holds: false, row: ["x": 0]),
        Example(when: "x * x > 0", holds: false, row: ["x": 1e200]),
        Example(when: "cut == 'Very Good'", holds: true, row: ["cut": "Very Good"]),
        Example(when: "\"Very Good\" == cut", holds: true, row: ["cut": "Very Good"]),
        Example(when: "cut != 'Ideal'", holds: false),
        Example(when: "cut not in ['Fair', 'Good']", holds: true, row: ["cut": "Ideal"]),
        Example(when: "cut not in ['Fair', 'Good']", holds: false, row: ["cut": "Good"]),
        Example(when: "cut == was", holds: true, row: ["cut": "Ideal", "was": "Ideal"]),
        Example(when: "cut != was", holds: true, row: ["cut": "Fair", "was": "Poor"]),
        Example(when: "note == cut", holds: true, row: ["cut": "Fair", "note": "Fair"]),
        Example(when: "note == cut", holds: false, row: ["cut": "Fair"]),
        Example(when: #"note == 'it\'s "x"'"#, holds: true, row: ["note": #"it's "x""#]),
        Example(when: "note in ['', 'é']", holds: true, row: ["note": "é"]),
        Example(when: "is_new", holds: true, row: ["is_new": true]),
        Example(when: "is_new == false", holds: true, row: ["is_new": false]),
        Example(when: "not is_new", holds: false),
        Example(when: "`price in-total` > 3", holds: true, row: ["price in-total": 4]),
        Example(when: "rooms in [1, 2, 3]", holds: true, row: ["rooms": 3]),
        Example(when: "rooms + 1 in [4]", holds: true, row: ["rooms": 3]),
        Example(when: "\tis_new\n and true", holds: true, row: ["is_new": true]),
        Example(when: "false or x<1 or(is_new)", holds: true, row: ["is_new": true]),
    ]

    @Test(arguments: examples)
    func `an expression means what the page says`(example: Example) throws {
        let program = try KillSwitchProgram(example.when, features: Self.features)
        #expect(program.holds(row: 0, of: filled(Self.features, example.row)) == example.holds)
    }

    @Test func `agrees with Python's grammar in three-valued logic`() throws {
        let document = try fixture("expressions.json")
        let features = [
            feature("a", .fp64, missing: .fallback), feature("b", .fp64, missing: .fallback),
            feature("n", .int64, missing: .fallback),
            feature("cut", .bytes, categories: ["Fair", "Good", "Ideal"], missing: .fallback),
            feature("flag", .bool, missing: .fallback),
        ]
        let rows = try #require(document["rows"]?.asArray).map { row in
            var values: [String: JSONValue] = [:]
            for member in row.asObject ?? [] { values[member.name] = member.value }
            return filled(features, values)
        }
        let cases = try #require(document["cases"]?.asArray)
        #expect(cases.count == 400)
        for record in cases {
            let when = try #require(record["when"]?.asString)
            let program = try KillSwitchProgram(when, features: features)
            let found = rows.map { JSONValue.bool(program.holds(row: 0, of: $0)) }
            #expect(found == record["holds"]?.asArray, "\(when)")
        }
    }

    @Test(arguments: [1, 63, 64, 65, 150])
    func `many rows at once are as each by itself`(rows: Int) throws {
        var table = table(Self.features, rows: rows, maximumRows: rows)
        for row in 0..<rows {
            if row % 7 != 3 { table.set(number: "\(Double(row % 10) / 2)", feature: 0, row: row) }
            if row % 5 != 1 { table.set(number: "\(row % 3)", feature: 1, row: row) }
            table.set(number: "\(row % 4)", feature: 2, row: row)
            table.set(text: cuts[row % cuts.count], feature: 3, row: row)
            table.set(text: row % 2 == 0 ? "Ideal" : "Poor", feature: 4, row: row)
            table.set(text: "note \(row % 6)", feature: 5, row: row)
            table.set(.bool(row % 4 == 0), feature: 6, row: row)
        }
        table.finish()
        for example in Self.examples {
            let switches = try KillSwitches(
                contract: contract(
                    Self.features,
                    killSwitches: [killSwitch("a", example.when, .fallback)]
                )
            )
            for first in stride(from: 0, to: rows, by: KillSwitches.blockRowCount) {
                let bits = switches.holding(from: first, of: table)
                for row in first..<min(first + KillSwitches.blockRowCount, rows) {
                    let holds = switches.firstHolding(row: row, of: table) != nil
                    #expect(bits >> UInt64(row - first) & 1 == (holds ? 1 : 0), "\(example.when)")
                }
            }
        }
    }

    @Test func `whatever is written, it loads or is refused`() {
        let words = [
            "carat", "x", "cut", "is_new", "note", "`price in-total`", "missing", "and", "or",
            "not", "in", "true", "(", ")", "[", "]", ",", "<", "<=", "==", "!=", "+", "-", "*",
            "/", "1", "2.5e3", "'Ideal'", "\"", "'", "`", "\\", "é", "\u{0}", "=", "😀",
        ]
        let table = filled(Self.features, ["carat": 1, "cut": "Ideal"])
        var seed: UInt64 = 7
        func random(below limit: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % limit
        }
        var loaded = 0
        for _ in 0..<20_000 {
            let text = (0...random(below: 9)).map { _ in words[random(below: words.count)] }
            let program = try? KillSwitchProgram(
                text.joined(separator: " "),
                features: Self.features
            )
            guard let program else { continue }
            _ = program.holds(row: 0, of: table)
            loaded += 1
        }
        #expect(loaded > 100, "seed 7")
    }

    @Test(arguments: ["(", "not ", "-", "1+(", "missing(", "cut in [", "x<1 and (", "1<"])
    func `depth is bounded`(opening: String) {
        let text = String(repeating: opening, count: 4000 / opening.count)
        #expect(throws: ExpressionError.self) {
            try KillSwitchProgram(text, features: Self.features)
        }
        let whole = String(repeating: "(", count: 40) + "is_new" + String(repeating: ")", count: 40)
        let error = #expect(throws: ExpressionError.self) {
            try KillSwitchProgram(whole, features: Self.features)
        }
        #expect(error?.problem == "more than 32 levels deep")
    }

    @Test func `length is bounded, and a long chain needs no depth`() throws {
        let chain = "x < 1" + String(repeating: " or x < 1", count: 400)
        let program = try KillSwitchProgram(chain, features: Self.features)
        #expect(program.holds(row: 0, of: filled(Self.features, ["x": 0])))
        #expect(program.reads == ["x"])
        #expect(throws: ExpressionError.self) {
            try KillSwitchProgram(chain + chain, features: Self.features)
        }
    }

    @Test func `a contract's switches are compiled together and name their places`() throws {
        let switches = [
            killSwitch("small", "x < 1", .fallback), killSwitch("typo", "y < 1", .fallback),
            killSwitch("odd", "x <", .reject),
        ]
        let problems = try #require(throws: GuardProblems.self) {
            try KillSwitches(contract: contract(Self.features, killSwitches: switches))
        }
        #expect(
            problems.problems.map(\.path) == ["kill_switches[1].when", "kill_switches[2].when"]
        )
    }

    @Test func `the first switch that holds decides, but rejecting goes first`() throws {
        let switches = [
            killSwitch("small", "x < 2", .fallback), killSwitch("smaller", "x < 1", .fallback),
            killSwitch("none", "x == 0", .reject),
        ]
        let compiled = try KillSwitches(contract: contract(Self.features, killSwitches: switches))
        #expect(!compiled.isEmpty)
        for (x, name) in [(3, nil), (1, "small"), (0, "none")] as [(Int, String?)] {
            let table = filled(Self.features, ["x": .number(x)])
            #expect(compiled.firstHolding(row: 0, of: table)?.name == name)
        }
        var violations = Violations()
        violations.record(switches[2], row: 3)
        #expect(violations.details.first?.code == .killSwitch)
        #expect(violations.details.first?.row == 3)
    }
}

/// A request of one row; what is not given is missing.
private func filled(_ features: [Feature], _ row: [String: JSONValue]) -> FeatureTable {
    var table = table(features)
    for (index, feature) in features.enumerated() {
        if let value = row[feature.name] { table.set(value, feature: index) }
    }
    table.finish()
    return table
}
