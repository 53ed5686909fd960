// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct RegularExpressionTests {
    private func match(_ pattern: String, _ texts: [String]) throws -> [Bool] {
        let outputs = try evaluate(
            "RegexFullMatch",
            opset: 20,
            attributes: ["pattern": .string(pattern)],
            inputs: [Tensor(texts: texts, shape: Shape([texts.count]) ?? [])]
        )
        return try #require(outputs)[0].elements(as: Truth.self).map(\.isTrue)
    }

    static let patterns: [(pattern: String, yes: [String], no: [String])] = [
        ("", [""], ["a"]),
        ("a*b+c?", ["b", "aabbc"], ["", "ac", "abcc"]),
        ("a{2,3}", ["aa", "aaa"], ["a", "aaaa"]),
        ("a{,3}", ["a{,3}"], ["a"]),
        ("(ab|a)(bc|c)", ["abc", "abbc", "ac"], ["ab"]),
        ("[^a-c\\d]+", ["xyz", "_"], ["a", "x1"]),
        ("[]a-]+", ["]-a"], ["b"]),
        (".", ["é", "日", "😀"], ["\n", "ab"]),
        ("(?s).", ["\n"], []),
        ("(?i)Straße", ["sTRAße"], ["STRASSE"]),
        ("(?i:a)b", ["Ab", "ab"], ["AB"]),
        ("\\w+\\b \\B.*", ["ab  c"], ["ab c"]),
        ("^a$", ["a"], ["b"]),
        ("\\x41\\x{1F600}", ["A😀"], ["A"]),
        ("(?P<name>a+)(?:b)", ["aab"], ["b"]),
        ("(a*)*", ["", "aaa"], ["b"]),
        ("(a|b)*?c", ["abac", "c"], ["ab"]),
        // As often as an age of the universe has seconds.
        ("((((((){1000}){1000}){1000}){1000}){1000}){1000}b", ["b"], [""]),
    ]

    @Test(arguments: patterns)
    func `a pattern matches whole texts`(pattern: String, yes: [String], no: [String]) throws {
        #expect(try match(pattern, yes + no) == yes.map { _ in true } + no.map { _ in false })
    }

    static let broken = [
        "(", ")", "[a", "a**", "*", "a{3,2}", "\\", "\\pN", "(?x)a", "[[:alpha:]]", "a{1001}",
        "((a{100}){100}){100}", String(repeating: "(", count: 1000) + "a",
    ]

    @Test(arguments: broken)
    func `a pattern that is not understood is refused`(pattern: String) {
        #expect(throws: EngineError.self) { try match(pattern, ["a"]) }
    }

    @Test func `a pattern that takes others exponential time takes linear time`() throws {
        let text = String(repeating: "a", count: 20_000)
        #expect(try match("(a|a)*(a|a)*b", [text]) == [false])
    }
}
