// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct ServerNamesTests {
    static let names = ServerNames([
        ["default.test", "*.wild.test"], ["api.wild.test", "example.org"],
        ["*.test", "example.org"],
    ])

    static let cases: [(asked: String, index: Int?)] = [
        ("default.test", 0),
        ("DEFAULT.Test", 0),
        ("a.wild.test", 0),
        // A name itself goes before a wildcard, wherever it stands.
        ("api.wild.test", 1),
        // Who comes first has it.
        ("example.org", 1),
        ("other.test", 2),
        // A wildcard is one label, no more and no less.
        ("a.b.wild.test", nil),
        ("wild.test", 2),
        ("test", nil),
        (".test", nil),
        ("", nil),
        ("example.com", nil),
        ("*.wild.test", 0),
    ]

    @Test(arguments: cases)
    func `the certificate goes by the name`(asked: String, index: Int?) {
        #expect(Self.names.index(of: asked) == index)
    }
}
