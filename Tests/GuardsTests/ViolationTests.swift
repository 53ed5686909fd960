// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Guards

@Suite struct ViolationTests {
    static let texts: [(text: String, shown: String)] = [
        ("Idael", "Idael"), ("", ""), ("naïve 😀", "naïve 😀"), ("a\tb", #"a\u{9}b"#),
        ("\u{7F}\u{85}", #"\u{7f}\u{85}"#), ("x\u{2028}y", #"x\u{2028}y"#),
        (String(repeating: "a", count: 80), String(repeating: "a", count: 80)),
        (String(repeating: "a", count: 81), String(repeating: "a", count: 80) + "…"),
        (String(repeating: "\0", count: 81), String(repeating: #"\u{0}"#, count: 16) + "…"),
    ]

    @Test(arguments: texts)
    func `a client's text is shown on one line, in eighty characters`(text: String, shown: String) {
        #expect(Violations.shortened(text) == shown)
    }

    @Test func `a table of texts finds each by its bytes and nothing else`() {
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let texts = (0..<count).map { "text \($0 * $0)" }
            let table = TextTable(texts)
            for (index, text) in texts.enumerated() { #expect(table.index(of: text) == index) }
            for text in ["", "text", "text 2", "Text 4", "text 4 "] {
                #expect(table.index(of: text) == nil)
            }
        }
        #expect(TextTable(["a", "b", "a"]).index(of: "a") == 0)
        // Alike in all that the hash goes by.
        let alike = TextTable(["category-a-z", "category-b-z", "category", "category-a-y"])
        #expect(alike.index(of: "category-b-z") == 1 && alike.index(of: "category") == 2)
        #expect(alike.index(of: "category-c-z") == nil && alike.index(of: "category-a-yy") == nil)
        #expect(TextTable(["", "é"]).index(of: "") == 0)
        #expect(TextTable(["é"]).index(of: "e\u{301}") == nil)
    }
}
