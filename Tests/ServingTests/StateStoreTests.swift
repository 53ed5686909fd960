// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct StateStoreTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-state-")
        defer { try? removeDirectory(folder) }
        try body("\(folder)/state")
    }

    @Test func `what is written is read again, by the owner only`() throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            #expect(store.read("overrides.json") == nil)
            let document: JSONValue = ["a": [1, "b\n", nil]]
            try store.write(document, to: "overrides.json")
            #expect(store.read("overrides.json") == document)
            #expect(try fileStatus(of: "\(path)/overrides.json").permissions == 0o600)
            #expect(try fileStatus(of: path).permissions == 0o700)
        }
    }

    static let damages: [[UInt8]] = [[], Array("{".utf8), Array("{}x".utf8), [0xFF], [0]]

    @Test(arguments: damages)
    func `a damaged document is none`(bytes: [UInt8]) throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            try writeFileAtomically(bytes.span, to: "\(path)/breakers.json")
            #expect(store.read("breakers.json") == nil)
        }
    }

    @Test func `two daemons cannot share a folder`() throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            #expect(throws: SystemError.self) { try StateStore(path: path) }
            withExtendedLifetime(store) {}
        }
    }
}
