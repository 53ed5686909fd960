// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import JSON

@Suite struct ExactTextTests {
    static let composed = "caf\u{E9}"
    static let decomposed = "cafe\u{301}"

    @Test func `texts of other bytes are other keys`() {
        #expect(Self.composed == Self.decomposed)
        #expect(!Self.composed.isSame(as: Self.decomposed))
        let counts: [ExactText: Int] = [
            ExactText(Self.composed): 1, ExactText(Self.decomposed): 2,
        ]
        #expect(counts.count == 2 && counts[ExactText(Self.decomposed)] == 2)
        #expect([Self.composed].has(Self.composed) && ![Self.composed].has(Self.decomposed))
        #expect([Self.composed, Self.decomposed].areAllDifferent)
        #expect(![Self.composed, "tea", Self.composed].areAllDifferent)
        #expect([ExactText("b"), "a", "é"].sorted() == ["a", "b", "é"])
    }

    @Test(arguments: 0..<20) func `the same bytes are the same key, whatever their number`(
        _ count: Int
    ) {
        let text = String(repeating: "x", count: count)
        let longer = ExactText(text + "y")
        #expect(
            Set([ExactText(text), ExactText(String(decoding: Array(text.utf8), as: UTF8.self))])
                .count == 1
        )
        #expect(longer != ExactText(text) && ExactText(text) < longer)
    }

    @Test func `a document may have both names, and each twice is an error`() throws {
        let both = #"{"\#(Self.composed)": 1, "\#(Self.decomposed)": 2}"#
        let value = try parseJSON(Array(both.utf8))
        #expect(value[Self.composed] == 1 && value[Self.decomposed] == 2)
        let problems = DocumentProblems()
        let map = ObjectReader(["m": value], problems: problems).numberMap("m")
        #expect(map[ExactText(Self.composed)] == 1 && map[ExactText(Self.decomposed)] == 2)
        let twice = #"{"\#(Self.composed)": 1, "caf\u00e9": 2}"#
        #expect(throws: JSONError.self) { try parseJSON(Array(twice.utf8)) }
        #expect(JSONValue.string(Self.composed) != .string(Self.decomposed))
    }
}
