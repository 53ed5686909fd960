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
            let value: JSONValue = ["a": [1, "b\n", nil]]
            do {
                let store = try StateStore(path: path)
                #expect(store.read(.overrides, "m") == nil)
                try store.update(.overrides) { $0["m"] = value }
                #expect(store.read(.overrides, "m") == value)
            }
            #expect(try StateStore(path: path).read(.overrides, "m") == value)
            #expect(try fileStatus(of: "\(path)/overrides.json").permissions == 0o600)
            #expect(try fileStatus(of: path).permissions == 0o700)
        }
    }

    @Test func `what nobody changes stays, over restarts too`() throws {
        try withFolder { path in
            try StateStore(path: path).update(.versions) { kept in
                kept["a"] = 1
                kept["b"] = 2
            }
            try StateStore(path: path).update(.versions) { $0["a"] = 3 }
            let store = try StateStore(path: path)
            #expect(store.read(.versions, "a") == 3)
            #expect(store.read(.versions, "b") == 2)
            try store.update(.versions) { $0["a"] = nil }
            #expect(store.read(.versions, "a") == nil)
            #expect(store.read(.versions, "b") == 2)
        }
    }

    @Test func `a folder that was removed or replaced is taken anew, with all that is kept`() throws
    {
        try withFolder { path in
            let store = try StateStore(path: path)
            try store.update(.overrides) { $0["a"] = 1 }
            try store.update(.versions) { $0["a"] = 2 }
            #expect(!store.isBehind)
            try removeDirectory(path)
            #expect(store.isBehind)
            #expect(try store.update(.versions) { $0["a"] = 3 } == .elsewhere)
            #expect(!store.isBehind)
            #expect(try store.update(.versions) { $0["a"] = 4 } == .here)
            #expect(throws: SystemError.self) { _ = try StateStore(path: path) }
            #expect(try fileStatus(of: path).permissions == 0o700)
            let bytes = try readFile(path: "\(path)/overrides.json", limit: 4096)
            #expect(try parseJSON(bytes)["a"] == 1)
        }
    }

    @Test func `a folder that another daemon took meanwhile is left to it`() throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            try store.update(.versions) { $0["a"] = 1 }
            try removeDirectory(path)
            let other = try StateStore(path: path)
            try other.update(.versions) { $0["a"] = 2 }
            #expect(throws: SystemError.self) { try store.update(.versions) { $0["a"] = 3 } }
            #expect(store.isBehind && store.read(.versions, "a") == 1)
            let bytes = try readFile(path: "\(path)/versions.json", limit: 4096)
            #expect(try parseJSON(bytes)["a"] == 2)
        }
    }

    @Test func `what the disk did not take is written when it is asked for again`() throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            // Nothing can be renamed over a folder.
            try makeDirectory("\(path)/versions.json")
            #expect(throws: SystemError.self) { try store.update(.versions) { $0["a"] = 1 } }
            #expect(store.isBehind)
            removeEmptyDirectory("\(path)/versions.json")
            // Nothing is other than what is kept, and still it is written.
            try store.update(.versions) { _ in }
            #expect(!store.isBehind && fileExists("\(path)/versions.json"))
        }
    }

    @Test func `changes at once are all kept`() async throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-state-")
        defer { try? removeDirectory(folder) }
        let path = "\(folder)/state"
        let counts = Counts()
        do {
            let store = try StateStore(path: path)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        for _ in 0..<20 {
                            counts.values.withLock { $0[number] += 1 }
                            _ = try? store.update(.breakers) { kept in
                                for (place, count) in counts.all.enumerated() {
                                    kept["\(place)"] = .number(count)
                                }
                            }
                        }
                    }
                }
            }
        }
        let store = try StateStore(path: path)
        #expect((0..<4).allSatisfy { store.read(.breakers, "\($0)") == 20 })
    }

    private final class Counts: Sendable {
        let values = Guarded([Int](repeating: 0, count: 4))
        var all: [Int] { values.withLock { $0 } }
    }

    @Test func `what cannot be written is as it was, and can be tried again`() throws {
        try withFolder { path in
            let store = try StateStore(path: path)
            try makeDirectory("\(path)/breakers.json/in-the-way")
            #expect(throws: SystemError.self) { try store.update(.breakers) { $0["m/1"] = "x" } }
            #expect(store.read(.breakers, "m/1") == nil)
            try removeDirectory("\(path)/breakers.json")
            try store.update(.breakers) { $0["m/1"] = "x" }
            #expect(store.read(.breakers, "m/1") == "x")
        }
    }

    static let damages: [[UInt8]] = [
        [], Array("{".utf8), Array("{}x".utf8), Array("[]".utf8), [0xFF], [0],
    ]

    @Test(arguments: damages)
    func `a damaged document is none, told and kept aside`(bytes: [UInt8]) throws {
        try withFolder { path in
            try makeDirectory(path)
            try writeFileAtomically(bytes.span, to: "\(path)/breakers.json")
            let store = try StateStore(path: path)
            #expect(store.read(.breakers, "m/1") == nil)
            #expect(store.damages.map(\.file) == ["\(path)/breakers.json.damaged"])
            #expect(try readFile(path: "\(path)/breakers.json.damaged", limit: 100) == bytes)
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
