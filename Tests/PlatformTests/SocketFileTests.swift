// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Platform

@Suite struct SocketFileTests {
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-socket-")
        defer { try? removeDirectory(folder) }
        try body(folder)
    }

    private static func listen(_ path: String, _ permissions: UInt32 = 0o600) throws -> Descriptor {
        try SocketFile.listen(on: path, permissions: permissions, backlog: 8)
    }

    private static func symbol(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? SystemError)?.symbol
        }
    }

    @Test(arguments: [0o600, 0o660, 0o666, 0o777] as [UInt32])
    func `the file has the permissions that were asked for`(permissions: UInt32) throws {
        try Self.withFolder { folder in
            let listener = try Self.listen(folder + "/a.sock", permissions)
            let status = try fileStatus(of: folder + "/a.sock")
            #expect(status.permissions == permissions)
            withExtendedLifetime(listener) {}
        }
    }

    @Test func `what a process that is gone left behind is replaced`() throws {
        try Self.withFolder { folder in
            let path = folder + "/a.sock"
            _ = try Self.listen(path)
            #expect(fileExists(path))
            let listener = try Self.listen(path)
            let client = try connect(to: .unix(path), deadline: .max)
            guard case .connection(let taken) = acceptConnection(from: listener.number) else {
                Issue.record("nobody came")
                return
            }
            closeDescriptor(taken)
            withExtendedLifetime(client.number) {}
        }
    }

    @Test func `a socket on which somebody listens is left alone, also with a full queue`() throws {
        try Self.withFolder { folder in
            let path = folder + "/a.sock"
            let listener = try SocketFile.listen(on: path, permissions: 0o600, backlog: 1)
            #expect(Self.symbol { _ = try Self.listen(path) } == "EADDRINUSE")
            var count = 0
            while count < 64, (try? connect(to: .unix(path), deadline: 0).release()) != nil {
                count += 1
            }
            #expect(Self.symbol { _ = try Self.listen(path) } == "EADDRINUSE")
            #expect(fileExists(path))
            withExtendedLifetime(listener.number) {}
        }
    }

    @Test func `what is no socket is left alone`() throws {
        try Self.withFolder { folder in
            let path = folder + "/a.sock"
            try writeFileAtomically(Array("mine".utf8).span, to: path, mode: 0o600)
            #expect(Self.symbol { _ = try Self.listen(path) } == "ENOTSOCK")
            #expect(try readFile(path: path, limit: 10) == Array("mine".utf8))
            #expect(Self.symbol { _ = try Self.listen(folder + "/none/a.sock") } == "ENOENT")
        }
    }

    @Test func `only the process's own file is removed`() throws {
        try Self.withFolder { folder in
            let path = folder + "/a.sock"
            let first = try Self.listen(path)
            let file = try SocketFile(path: path)
            file.remove()
            #expect(!fileExists(path))
            let second = try Self.listen(path)
            file.remove()
            #expect(fileExists(path))
            withExtendedLifetime((first.number, second.number)) {}
        }
    }

    @Test func `addresses say where a socket is`() throws {
        try Self.withFolder { folder in
            let path = folder + "/a.sock"
            let listener = try Self.listen(path)
            let client = try connect(to: .unix(path), deadline: .max)
            #expect(try SocketAddress.local(of: listener.number).description == "unix:" + path)
            let unnamed = try SocketAddress.local(of: client.number)
            #expect(unnamed.description == "unix")
            #expect(unnamed.host == "unix")
            #expect(unnamed.network == "unix")
            #expect(unnamed.port == 0)
            #expect(try SocketAddress.unix("@name").description == "unix:@name")
        }
    }

    @Test func `a path that the kernel has no room for is refused`() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try SocketAddress.unix(longest).description == "unix:" + longest)
        #expect(Self.symbol { _ = try SocketAddress.unix(longest + "a") } == "ENAMETOOLONG")
        #expect(Self.symbol { _ = try SocketAddress.unix("") } == "EINVAL")
        #expect(Self.symbol { _ = try SocketAddress.unix("/a\u{0}b") } == "EINVAL")
    }
}
