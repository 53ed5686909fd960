// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

private func isAuthority(_ bytes: [UInt8]) -> Bool { HTTP.isAuthority(bytes.span) }

private func isAuthority(_ text: String) -> Bool { isAuthority(Array(text.utf8)) }

@Suite struct AuthorityTests {
    static let good = [
        "", "a", "a.b-c_d~e", "127.0.0.1", "a:", "a:80", ":80", "a:99999", "[::1]", "[::1]:80",
        "[::]:",
        "[2001:DB8::1.2.3.4]", "a%20b", "!$&'()*+,;=", "%41:1",
    ]
    static let bad = [
        "a b", "a/b", "a?b", "a#b", "user@a", "a:b", "a:80:80", "a:8 ", "a:-1", "[::1", "::1]",
        "[]", "[a]",
        "[:]", "[::1]a", "[::1]:a", "[::g]", "[[::1]]", "[::1%25e]", "a[::1]", "a%2", "a%", "a%zz",
        "\u{e4}", "<a>", "a\"b", "a\\b", "a^b", "a`b", "a{b}", "a|b",
    ]

    @Test(arguments: good)
    func `this is a host and perhaps a port`(text: String) {
        #expect(isAuthority(text))
    }

    @Test(arguments: bad)
    func `this is none`(text: String) {
        #expect(!isAuthority(text))
    }

    @Test func `of single bytes those of RFC 3986 are names`() {
        let names = Set("-._~!$&'()*+,;=".utf8)
        for byte in UInt8.min...UInt8.max {
            let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
            let isName = isLetter && byte >= 0x41 || byte.isDigit || names.contains(byte)
            // An empty name with an empty port.
            #expect(isAuthority([byte]) == (isName || byte == Byte.colon), "\(byte)")
        }
    }
}
