// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Platform
import Testing

@testable import Serving

@Suite struct ConfigurationOperationsTokenTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = try makeTemporaryDirectory(prefix: "serin-token-")
        defer { try? removeDirectory(directory) }
        try body(directory)
    }

    @Test func `a token is made once, for its owner only`() throws {
        try withDirectory { directory in
            let path = "\(directory)/\(OperationsToken.fileName)"
            let first = try OperationsToken.readOrMake(in: directory)
            #expect(try fileStatus(of: path).permissions == 0o600)
            #expect(try OperationsToken.readOrMake(in: directory) == first)
            let text = try #require(OperationsToken.read(path))
            #expect(text.utf8.count == 64)
            #expect(first.sha256 != text)
        }
    }

    @Test func `a cut or readable token is made anew`() throws {
        try withDirectory { directory in
            let path = "\(directory)/\(OperationsToken.fileName)"
            let first = try OperationsToken.readOrMake(in: directory)
            let bytes = try readFile(path: path, limit: 4096)
            try writeFileAtomically(bytes.span, to: path, mode: 0o644)
            let second = try OperationsToken.readOrMake(in: directory)
            #expect(second != first)
            try writeFileAtomically(Array(bytes.prefix(7)).span, to: path, mode: 0o600)
            #expect(try OperationsToken.readOrMake(in: directory) != second)
        }
    }

    static let unsendable: [[UInt8]] = [
        Array(repeating: 0, count: 65), Array(repeating: 0x20, count: 65),
        Array(repeating: 0xC3, count: 65),
    ]

    @Test(arguments: unsendable)
    func `what no request can carry is made anew`(bytes: [UInt8]) throws {
        try withDirectory { directory in
            let path = "\(directory)/\(OperationsToken.fileName)"
            try writeFileAtomically(bytes.span, to: path, mode: 0o600)
            let made = try OperationsToken.readOrMake(in: directory)
            let text = try #require(OperationsToken.read(path))
            #expect(text.utf8.count == 64)
            #expect([made].holder(of: text) == OperationsToken.name)
            // An editor of another system may have ended the line in its way.
            let edited = Array((text + "\r\n").utf8)
            try writeFileAtomically(edited.span, to: path, mode: 0o600)
            #expect(OperationsToken.read(path) == text)
        }
    }

    @Test func `two daemons have two tokens`() throws {
        try withDirectory { one in
            try withDirectory { other in
                let first = try OperationsToken.readOrMake(in: one)
                let second = try OperationsToken.readOrMake(in: other)
                #expect(first != second)
            }
        }
    }

    @Test func `a token is known by its digest, and nothing else is`() {
        let tokens = [
            // printf %s swordfish | sha256sum
            Settings.Token(
                name: "ada",
                sha256: "b9f195c5cc7ef6afadbfbc42892ad47d3b24c6bc94bb510c4564a90a14e8b799"
            )
        ]
        #expect(tokens.holder(of: "swordfish") == "ada")
        #expect(tokens.holder(of: "swordfis") == nil)
        #expect(tokens.holder(of: "") == nil)
        #expect(tokens.holder(of: tokens[0].sha256) == nil)
        #expect([Settings.Token]().holder(of: "swordfish") == nil)
    }
}
