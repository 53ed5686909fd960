// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct ReadJSONRowsTests {
    static let lines =
        #"{"a": 1, "b": "x", "c": true, "d": [[1, 2], [3, 4]]}"# + "\n\n"
        + #"{"b": null, "a": 2.5, "d": [[5, 6], [7, 8]], "e": 9, "c": false}"# + "\n"
    static let list = "[" + lines.split(separator: "\n").joined(separator: ",\n") + "]"

    @Test(arguments: [lines, list])
    func `rows are read from lines and from a list alike`(text: String) throws {
        let read = try table(text)
        #expect(read.rowCount == 2)
        #expect(read.column("a")?.reals == [1, 2.5])
        #expect(read.column("b")?.texts == ["x", nil])
        #expect(read.column("c")?.booleans == [true, false])
        #expect(read.column("e")?.missing == [true, false])
        guard case .tensors(let values)? = read.column("d")?.values else {
            Issue.record("no tensor")
            return
        }
        #expect(
            values.shape == [2, 2] && (0..<8).map { values.real($0) } == (1...8).map(Double.init)
        )
    }

    static let refused = [
        ("[]", "no rows"),
        ("[1]", "row 0: a number; expected an object"),
        ("[{\"a\": 1}", "the list does not end"),
        ("[{\"a\": 1}] x", "more behind the list"),
        ("{\"a\": 1}\n{\"a\": \"x\"}", "row 1, column 'a': 'x'; expected a number"),
        ("{\"a\": 1, \"a\": 2}", "row 0, byte 9: the name 'a' occurs twice"),
        ("{\"a\": [1, 2]}\n{\"a\": [1]}", "row 1, column 'a': a list of shape [1]; expected [2]"),
        ("{\"a\": [[1, 2], [3]]}", "a ragged list"),
        ("{\"a\": 1e999}", "row 0, column 'a': 1e999; expected a finite number"),
        ("{\"a\": {}}", "an object; expected a number, text"),
        ("{\"a\": [", "row 0"),
    ]

    @Test(arguments: refused)
    func `what breaks the form is named by its row`(text: String, sentence: String) throws {
        let found = try #require(refusal(of: text))
        #expect(found.contains(sentence), "\(found)")
    }
}
