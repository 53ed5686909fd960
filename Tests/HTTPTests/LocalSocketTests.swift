// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization
import Testing

@testable import HTTP

@Suite struct LocalSocketTests {
    private static func withServer(
        _ change: (inout HTTPConfiguration) -> Void = { _ in },
        _ body: (TestServer, String) throws -> Void
    ) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-local-")
        defer { try? removeDirectory(folder) }
        let path = folder + "/http.sock"
        let server = try TestServer {
            $0.loopCount = 3
            $0.socket = .init(path: path)
            change(&$0)
        }
        try body(server, path)
    }

    @Test func `port and socket answer alike`() throws {
        try Self.withServer { server, path in
            let onSocket = try HTTPClient(socket: path).send(.post, "/a", body: [0x62])
            let port = HTTPClient(host: "127.0.0.1", port: server.server.port)
            #expect(onSocket.status == 200)
            #expect(onSocket.body == Array("POST /a b".utf8))
            #expect(try port.send(.post, "/a", body: [0x62]).body == onSocket.body)
            #expect(server.server.addresses.last == "unix:" + path)
        }
    }

    @Test func `many clients are served by loops that share the socket`() throws {
        try Self.withServer { _, path in
            let failures = Atomic(0)
            DispatchQueue.concurrentPerform(iterations: 200) { _ in
                let answer = try? HTTPClient(socket: path).send(.get, "/later")
                if answer?.body != Array("GET /later ".utf8) { failures.add(1) }
            }
            #expect(failures.current == 0)
        }
    }

    @Test func `a drain serves who has connected, and takes the file away`() throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-local-")
        defer { try? removeDirectory(folder) }
        let path = folder + "/http.sock"
        var configuration = HTTPConfiguration()
        configuration.loopCount = 2
        configuration.socket = .init(path: path)
        let server = try HTTPServer(configuration: configuration, handler: EchoHandler())
        let clients = try (0..<20).map { _ in try RawClient(socket: path) }
        for client in clients { client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        server.stopAccepting()
        #expect(!fileExists(path))
        try server.start()
        for client in clients { #expect(client.readToEnd().map(\.body) == ["GET / "]) }
        #expect(server.drained(within: .seconds(20)))
        #expect(throws: HTTPClientError.nothingListens("unix:" + path)) {
            try HTTPClient(socket: path).send(.get, "/")
        }
        server.stop()
    }

    @Test func `sockets that were handed over are taken and left to their owner`() throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-local-")
        defer { try? removeDirectory(folder) }
        let path = folder + "/http.sock"
        let mine = try SocketFile.listen(on: path, permissions: 0o600, backlog: 64)
        for round in 0..<3 {
            let copy = try mine.duplicate()
            var configuration = HTTPConfiguration()
            configuration.loopCount = 2
            let server = try HTTPServer(
                configuration: configuration,
                handler: EchoHandler(),
                inherited: [InheritedSocket(number: copy.release(), name: nil)]
            )
            // Whoever comes between two servers waits.
            let early = try RawClient(socket: path)
            early.send("GET /\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
            try server.start()
            #expect(early.read(1).map(\.body) == ["GET /\(round) "])
            #expect(server.port == 0)
            #expect(server.addresses == ["unix:" + path])
            server.stopAccepting()
            #expect(server.drained(within: .seconds(20)))
            server.stop()
            #expect(fileExists(path))
        }
        withExtendedLifetime(mine.number) {}
    }

    @Test func `a socket in use and a file that is no socket are told apart`() throws {
        try Self.withServer { _, path in
            var configuration = HTTPConfiguration()
            configuration.socket = .init(path: path)
            #expect(throws: ListenError.socketInUse(path)) {
                try HTTPServer(configuration: configuration, handler: EchoHandler())
            }
            try writeFileAtomically([1].span, to: path + "x", mode: 0o600)
            configuration.socket = .init(path: path + "x")
            #expect(throws: ListenError.notASocket(path + "x")) {
                try HTTPServer(configuration: configuration, handler: EchoHandler())
            }
        }
    }

    @Test func `clients of the socket have no name, whoever asked before`() throws {
        let folder = try CertificateFolder()
        let authority = try TestCertificate("authority", isAuthority: true)
        try folder.write(authority.certificatePEM, to: "ca.pem")
        let own = try TestCertificate("server", names: "IP:127.0.0.1", issuer: authority)
        let files = try folder.keep(own, as: "server")
        let ann = try folder.keep(try TestCertificate("ann", issuer: authority), as: "ann")
        let authorities = folder.file("ca.pem")
        let path = folder.file("http.sock")
        let server = try TestServer {
            // One loop, so that all requests are read into the same head.
            $0.loopCount = 1
            $0.socket = .init(path: path)
            $0.tls = TLSConfiguration(
                certificates: [files],
                clientCertificates: .required,
                clientAuthorities: authorities
            )
        }
        var named = HTTPClient(host: "127.0.0.1", port: server.server.port)
        named.tls = TLSClientOptions(trust: .authorities(authorities))
        named.tls?.certificate = ann
        for _ in 0..<3 {
            #expect(try named.send(.get, "/who").text == "ann")
            #expect(try HTTPClient(socket: path).send(.get, "/who").text == "nobody")
        }
    }
}
