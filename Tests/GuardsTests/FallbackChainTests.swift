// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@testable import Artifacts

@Suite struct FallbackChainTests {
    static let features = [
        feature("carat", .fp32, missing: .fallback),
        feature("cut", .bytes, categories: cuts, missing: .fallback, unknown: .fallback),
        feature("rooms", .int32, missing: .fallback),
        feature("new", .bool, missing: .fallback),
        feature("note", .bytes, missing: .fallback),
        feature("image", .fp32, missing: .fallback, shape: [4]),
    ]
    static let price = output("price", range: 0...25_000)
    static let last = FallbackLink.constant(values: ["price": .number(3933)])

    func chain(
        _ links: [FallbackLink],
        outputs: [Output] = [price]
    ) throws -> FallbackChain {
        let contract = contract(Self.features, outputs: outputs, fallback: links)
        return try FallbackChain(
            contract: contract,
            bounds: OutputBounds(contract: contract, means: [:])
        )
    }

    func row(_ values: [String: JSONValue]) -> FeatureTable {
        var table = table(Self.features)
        for (index, feature) in Self.features.enumerated() {
            if let value = values[feature.name] { table.set(value, feature: index) }
        }
        table.finish()
        return table
    }

    struct Case: Sendable {
        var row: [String: JSONValue]
        var value: Double
        var link: Int
    }

    static let cases: [Case] = [
        Case(row: ["cut": "Ideal"], value: 3458, link: 0),
        Case(row: ["cut": "Good"], value: 2000, link: 0),
        Case(row: ["cut": "Sparkling"], value: 2000, link: 0),
        Case(row: ["carat": 0.5], value: 1100, link: 1),
        Case(row: ["carat": 100], value: 3933, link: 2),
        Case(row: [:], value: 3933, link: 2),
    ]

    @Test(arguments: cases)
    func `the first safe answer wins`(wanted: Case) throws {
        let chain = try chain([
            .table(output: nil, by: "cut", values: ["Ideal": 3458], otherwise: 2000),
            .linear(output: "price", intercept: 100, coefficients: ["carat": 2000]), Self.last,
        ])
        #expect(chain.reads == ["cut", "carat"])
        let answer = chain.answer(output: 0, row: 0, of: row(wanted.row))
        #expect(answer?.value == .number(wanted.value))
        #expect(answer?.link == wanted.link)
    }

    @Test func `tables go by integers, Booleans and texts too`() throws {
        let chain = try chain([
            .table(output: nil, by: "rooms", values: ["-2": 1, "3": 2], otherwise: nil),
            .table(output: nil, by: "new", values: ["true": 3], otherwise: nil),
            .table(output: nil, by: "note", values: ["a": 4, "é": 5], otherwise: nil), Self.last,
        ])
        let rows: [([String: JSONValue], Double)] = [
            (["rooms": -2], 1), (["rooms": 3], 2), (["rooms": 4, "new": true], 3),
            (["new": false, "note": "é"], 5), (["note": "b"], 3933),
        ]
        for (values, wanted) in rows {
            let answer = chain.answer(output: 0, row: 0, of: row(values))
            #expect(answer?.value == .number(wanted))
        }
    }

    @Test func `each output is answered by the first link that can`() throws {
        let outputs = [
            output("label", .int64, range: 0...1),
            output("shares", range: 0...1, column: nil),
            output("name", .bytes, categories: ["benign", "malignant"]),
        ]
        let chain = try chain(
            [
                .linear(output: "label", intercept: 0.4, coefficients: ["carat": 0.2]),
                .constant(values: [
                    "label": .number(1), "shares": .numbers([0.25, 0.75]),
                    "name": .text("malignant"),
                ]),
            ],
            outputs: outputs
        )
        let table = row(["carat": 1])
        #expect(chain.answer(output: 0, row: 0, of: table)?.value == .number(1))
        #expect(chain.answer(output: 1, row: 0, of: table)?.value == .numbers([0.25, 0.75]))
        #expect(chain.answer(output: 2, row: 0, of: table)?.value == .text("malignant"))
    }

    @Test(arguments: [Datatype.int8, .int32, .int64, .uint8])
    func `a linear rule never leaves its output's integer type`(datatype: Datatype) throws {
        let chain = try chain(
            [
                .linear(output: "count", intercept: 0, coefficients: ["carat": 1]),
                .constant(values: ["count": .number(7)]),
            ],
            outputs: [output("count", datatype)]
        )
        #expect(chain.answer(output: 0, row: 0, of: row(["carat": 5]))?.value == .number(5))
        for carat: JSONValue in [1e30, -1e30] {
            let answer = chain.answer(output: 0, row: 0, of: row(["carat": carat]))
            #expect(answer?.value == .number(7))
        }
    }

    @Test func `an empty chain answers nothing and says so`() throws {
        let chain = try chain([])
        #expect(chain.isEmpty)
        #expect(chain.answer(output: 0, row: 0, of: row([:])) == nil)
    }

    struct Refusal: Sendable {
        var links: [FallbackLink]
        var path: String
        var problem: String
    }

    static let refusals: [Refusal] = [
        Refusal(
            links: [.table(output: nil, by: "cutt", values: [:], otherwise: 1), last],
            path: "fallback[0].by",
            problem: "unknown feature 'cutt'; did you mean 'cut'?"
        ),
        Refusal(
            links: [.table(output: nil, by: "cut", values: ["Idael": 1], otherwise: 1), last],
            path: "fallback[0].values.Idael",
            problem: "'Idael' is not a category of 'cut'; did you mean 'Ideal'?"
        ),
        Refusal(
            links: [.table(output: nil, by: "cut", values: ["Ideal": 99_999], otherwise: 1), last],
            path: "fallback[0].values.Ideal",
            problem: "99999 is outside the bounds of 'price'"
        ),
        Refusal(
            links: [.table(output: nil, by: "carat", values: [:], otherwise: 1), last],
            path: "fallback[0].values",
            problem: "a table cannot go by 'carat', a real number"
        ),
        Refusal(
            links: [.table(output: nil, by: "rooms", values: ["2.5": 1], otherwise: 1), last],
            path: #"fallback[0].values["2.5"]"#,
            problem: "'2.5' is no value of 'rooms'; expected an integer in quotes"
        ),
        Refusal(
            links: [.linear(output: "prize", intercept: 0, coefficients: [:]), last],
            path: "fallback[0].output",
            problem: "unknown output 'prize'; did you mean 'price'?"
        ),
        Refusal(
            links: [.linear(output: nil, intercept: 0, coefficients: ["cut": 1]), last],
            path: "fallback[0].coefficients.cut",
            problem: "'cut' is a text, not a number"
        ),
        Refusal(
            links: [.linear(output: nil, intercept: 0, coefficients: ["image": 1]), last],
            path: "fallback[0].coefficients.image",
            problem: "'image' is a tensor; a fallback reads scalars"
        ),
        Refusal(
            links: [.constant(values: ["price": .number(-1)])],
            path: "fallback[0].values.price",
            problem: "-1 is outside the bounds of 'price'"
        ),
        Refusal(
            links: [.constant(values: ["price": .number(.nan)])],
            path: "fallback[0].values.price",
            problem: "nan is outside the bounds of 'price'"
        ),
        Refusal(
            links: [.constant(values: ["price": .text("dear")])],
            path: "fallback[0].values.price",
            problem: "expected a number for 'price', found a text"
        ),
        Refusal(
            links: [.linear(output: nil, intercept: 0, coefficients: ["carat": 1])],
            path: "fallback",
            problem: "a row could be left without an answer for 'price'; "
                + "end the chain with a constant for it"
        ),
        Refusal(
            links: [.table(output: nil, by: "cut", values: ["Ideal": 1], otherwise: 1)],
            path: "fallback",
            problem: "a row could be left without an answer for 'price'; "
                + "end the chain with a constant for it"
        ),
    ]

    @Test(arguments: refusals)
    func `a chain that could fail does not load`(refusal: Refusal) throws {
        let problems = try #require(throws: GuardProblems.self) { try chain(refusal.links) }
        #expect(problems.description == refusal.path + ": " + refusal.problem)
    }
}
