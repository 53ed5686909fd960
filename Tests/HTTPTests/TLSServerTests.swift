// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Synchronization
import Dispatch
import Testing

@testable import HTTP

/// A server with a certificate from an authority of its own.
private struct SecureServer {
    let folder: CertificateFolder
    let authority: TestCertificate
    let files: TLSConfiguration.Certificate
    let server: TestServer

    /// What a client needs to trust it.
    var trust: TLSClientOptions { TLSClientOptions(trust: .authorities(folder.file("ca.pem"))) }

    var tls: TLSEndpoint { get throws { try #require(server.server.tls) } }

    init(
        _ clients: TLSConfiguration.ClientCertificates = .none,
        _ change: @escaping (inout HTTPConfiguration) -> Void = { _ in }
    ) throws {
        let authority = try TestCertificate("authority", isAuthority: true)
        self.authority = authority
        folder = try CertificateFolder()
        try folder.write(authority.certificatePEM, to: "ca.pem")
        let leaf = try TestCertificate(
            "server",
            names: "DNS:serin.test,IP:127.0.0.1",
            issuer: authority
        )
        let files = try folder.keep(leaf, as: "server")
        self.files = files
        let authorities = clients == .none ? nil : folder.file("ca.pem")
        server = try TestServer { configuration in
            configuration.tls = TLSConfiguration(
                certificates: [files],
                clientCertificates: clients,
                clientAuthorities: authorities
            )
            change(&configuration)
        }
    }

    func client(_ options: TLSClientOptions? = nil) -> HTTPClient {
        var client = HTTPClient(host: "127.0.0.1", port: server.server.port)
        client.tls = options ?? trust
        return client
    }

    /// Options of a client that shows a certificate of this name.
    func showing(
        _ name: String,
        from issuer: TestCertificate?,
        valid: ClosedRange<Int> = -3600...3600
    ) throws -> TLSClientOptions {
        let certificate = try TestCertificate(name, issuer: issuer, valid: valid)
        var options = trust
        options.certificate = try folder.keep(certificate, as: "client")
        return options
    }
}

@Suite struct TLSServerTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    @Test func `requests and answers pass as they do without TLS`() throws {
        let secure = try SecureServer()
        let client = secure.client()
        #expect(try client.send(.post, "/x", body: Array("body".utf8)).text == "POST /x body")
        #expect(try client.send(.get, "/later").text == "GET /later ")
        #expect(try client.send(.get, "/long").body.count == 4 << 20)
        let body = [UInt8](repeating: 0x61, count: 3 << 20)
        #expect(try client.send(.post, "/x", body: body).body.count == body.count + 8)
        #expect(secure.server.waits { $0.bufferBytes.current == 0 })
        #expect(try secure.tls.counters.full13.current == 4)
    }

    @Test func `a thousand pipelined requests are answered in order, then the end is told`() throws
    {
        let secure = try SecureServer()
        let client = try secure.server.connect(secure.trust)
        let paths = (0..<1000).map { $0 % 7 == 0 ? "/later" : "/\($0)" }
        let sender = Thread { [paths] in
            for path in paths { client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") }
            client.send(Self.close)
        }
        // One session is one thread's at a time, so nothing is read before all is sent.
        sender.join()
        let answers = client.readToEnd()
        #expect(answers.map(\.body) == paths.map { "GET \($0) " } + ["GET / "])
        #expect(!client.isReset)
    }

    @Test func `long answers are made as the session takes them`() throws {
        let secure = try SecureServer()
        let client = try secure.server.connect(secure.trust)
        let long = "GET /stream?300 HTTP/1.1\r\nHost: a\r\n\r\n"
        let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        client.send(long + Self.get + long + last)
        let whole = CountingSource.whole(300)
        #expect(client.readToEnd().map(\.body) == [whole, "GET / ", whole, "GET / "])
        #expect(secure.server.waits { $0.bufferBytes.current == 0 })
        #expect(secure.server.waits { _ in secure.server.handler.sources.withLock { $0 } == 0 })
    }

    @Test func `an idle connection is ended in order`() throws {
        let secure = try SecureServer { $0.idleDeadline = .milliseconds(100) }
        let client = try secure.server.connect(secure.trust)
        client.send(Self.get)
        #expect(client.readToEnd().count == 1)
        #expect(!client.isReset)
    }

    @Test func `clients know whom they speak with`() throws {
        let secure = try SecureServer()
        var named = secure.trust
        named.serverName = "serin.test"
        #expect(try secure.client(named).send(.get, "/").status == 200)
        named.serverName = "other.test"
        let stranger = try TestCertificate("server", names: "IP:127.0.0.1", isAuthority: true)
        try secure.folder.keep(stranger, as: "stranger")
        let distrusted: [TLSClientOptions] = [
            named,
            TLSClientOptions(trust: .authorities(secure.folder.file("stranger.pem"))),
            TLSClientOptions(trust: .exactly([secure.folder.file("stranger.pem")])),
            TLSClientOptions(trust: .exactly([secure.folder.file("ca.pem")]), serverName: "a b"),
            TLSClientOptions(trust: .system),
        ]
        for options in distrusted.dropLast(2) + distrusted.suffix(1) {
            let error = #expect(throws: HTTPClientError.self) {
                _ = try secure.client(options).send(.get, "/")
            }
            #expect(error?.description.contains("the server's certificate is not trusted") == true)
        }
        let trusted = [
            TLSClientOptions(trust: .exactly([secure.files.chain])),
            TLSClientOptions(trust: .exactly([secure.files.chain]), serverName: "other.test"),
            TLSClientOptions(trust: .anybody),
        ]
        for options in trusted {
            #expect(try secure.client(options).send(.get, "/").status == 200)
        }
    }

    @Test func `a request without TLS is told what is wrong`() throws {
        let secure = try SecureServer()
        for method in ["GET", "DELETE", "OPTIONS"] {
            let client = try secure.server.connect()
            client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let answers = client.readToEnd()
            #expect(answers.map(\.status) == [400])
            #expect(answers.first?.body.contains("this port speaks TLS") == true)
            #expect(!client.isReset)
        }
        #expect(try failures(secure, "plain_http", 3))
    }

    /// How many handshakes failed for this reason, once it is as many as expected or 5 s are over: the
    /// client learns of it a little before the server counts it.
    private func failures(_ secure: SecureServer, _ reason: String, _ expected: Int) throws -> Bool
    {
        for _ in 0..<5000 {
            let counts = try secure.tls.counters.failureCounts
            if counts.first(where: { $0.reason == reason })?.count == expected { return true }
            usleep(1000)
        }
        Issue.record("\(try secure.tls.counters.failureCounts)")
        return false
    }

    @Test func `a handshake that does not come, or not to its end, is cut`() throws {
        let secure = try SecureServer { $0.tls?.handshakeDeadline = .milliseconds(150) }
        // The head of a handshake record of 512 bytes.
        for start: [UInt8] in [[], [22], [22, 3, 1, 2, 0, 1]] {
            let client = try secure.server.connect()
            client.send(start)
            #expect(client.readToEnd().isEmpty)
        }
        #expect(try failures(secure, "timeout", 3))
        #expect(try secure.client().send(.get, "/").status == 200)
    }

    @Test func `of too many handshakes the oldest goes`() throws {
        let secure = try SecureServer { configuration in
            configuration.loopCount = 1
            configuration.connectionLimit = 128
        }
        let start: [UInt8] = [22, 3, 1, 2, 0, 1]
        let first = try secure.server.connect()
        first.send(start)
        let others = try (0..<16).map { _ in
            let client = try secure.server.connect()
            client.send(start)
            return client
        }
        #expect(first.readToEnd().isEmpty)
        #expect(try failures(secure, "crowded_out", 1))
        #expect(try secure.client().send(.get, "/").status == 200)
        #expect(try failures(secure, "crowded_out", 2))
        withExtendedLifetime(others) {}
    }

    @Test func `a handshake longer than one is made of is broken off`() throws {
        let secure = try SecureServer()
        let client = try secure.server.connect()
        // The head of a greeting of 128 KiB, then records full of what might be one.
        client.send([22, 3, 1, 0x40, 0, 1, 1, 0xF0, 0] + [UInt8](repeating: 0, count: 0x3FFC))
        for _ in 0..<3 { client.send([22, 3, 1, 0x40, 0] + [UInt8](repeating: 0, count: 0x4000)) }
        #expect(client.readToEnd().isEmpty)
        #expect(try failures(secure, "malformed", 1))
    }

    @Test func `what a record under way holds is charged, and given back`() throws {
        let secure = try SecureServer()
        let charge = secure.server.server.counters
        let client = try secure.server.connect(secure.trust)
        client.send(Self.get)
        #expect(client.read(1).count == 1)
        #expect(charge.bufferBytes.current == 0)
        // The head of a record that never comes whole.
        client.sendRaw([23, 3, 3, 0x20, 0, 1, 2, 3])
        for _ in 0..<5000 where charge.bufferBytes.current == 0 { usleep(1000) }
        #expect(charge.bufferBytes.current == TLSSession.recordByteCount)
        client.finishSending()
        _ = client.readToEnd()
        // The client's end is told by an alert, a little before the server closes.
        for _ in 0..<5000 where charge.bufferBytes.current != 0 { usleep(1000) }
        #expect(charge.bufferBytes.current == 0)
    }

    @Test func `garbage gets an alert and is closed`() throws {
        let secure = try SecureServer()
        let odd = try secure.server.connect()
        // To what is not even a record there is nothing to say.
        odd.send([UInt8](repeating: 0, count: 100))
        #expect(odd.readToEnd().isEmpty && !odd.isReset)
        for garbage: [UInt8] in [
            [22, 3, 1, 0, 4, 9, 9, 9, 9],
            [22, 3, 1, 0xFF, 0xFF, 1],
        ] {
            let client = try secure.server.connect()
            client.send(garbage)
            _ = client.readToEnd()
            #expect(client.received.first == 21)
            #expect(!client.isReset)
        }
        let leaver = try secure.server.connect()
        leaver.send([22, 3, 1])
        leaver.finishSending()
        _ = leaver.readToEnd()
        #expect(try failures(secure, "closed", 1))
        #expect(try secure.client().send(.get, "/").status == 200)
        #expect(secure.server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `connections beyond the limit are told so within TLS`() throws {
        let secure = try SecureServer { $0.connectionLimit = 1 }
        let first = try secure.server.connect(secure.trust)
        first.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        secure.server.handler.hasHeld.wait()
        let second = try secure.server.connect(secure.trust)
        #expect(second.readToEnd().map(\.status) == [503])
        secure.server.handler.releaseAll()
        #expect(first.read(1).count == 1)
        first.send(Self.get)
        #expect(first.read(2).count == 2)
    }

    // MARK: Client certificates

    @Test func `a client's name is that in its certificate`() throws {
        let secure = try SecureServer(.optional)
        let ann = try secure.showing("ann", from: secure.authority)
        #expect(try secure.client(ann).send(.get, "/who").text == "ann")
        #expect(try secure.client().send(.get, "/who").text == "nobody")
    }

    @Test func `a certificate that is wrong is refused whether or not one is needed`() throws {
        let stranger = try TestCertificate("authority", isAuthority: true)
        for mode in [TLSConfiguration.ClientCertificates.optional, .required] {
            let secure = try SecureServer(mode)
            let wrong = try secure.showing("ann", from: stranger)
            #expect(throws: HTTPClientError.self) { _ = try secure.client(wrong).send(.get, "/") }
            let expired = try secure.showing("ann", from: secure.authority, valid: -3600...(-60))
            #expect(throws: HTTPClientError.self) {
                _ = try secure.client(expired).send(.get, "/")
            }
            #expect(try failures(secure, "bad_certificate", 2))
        }
    }

    @Test func `where a certificate is required nobody comes in without`() throws {
        let secure = try SecureServer(.required)
        #expect(throws: HTTPClientError.self) { _ = try secure.client().send(.get, "/") }
        #expect(try failures(secure, "no_certificate", 1))
        let ann = try secure.showing("ann", from: secure.authority)
        #expect(try secure.client(ann).send(.get, "/who").text == "ann")
    }

    // MARK: Reloading

    @Test func `new files are for new connections, and open ones stay`() throws {
        let secure = try SecureServer()
        let old = try secure.server.connect(secure.trust)
        old.send(Self.get)
        #expect(old.read(1).count == 1)
        let renewed = try TestCertificate("server", names: "IP:127.0.0.1", issuer: secure.authority)
        try secure.folder.keep(renewed, as: "server")
        // Once to see that it changed, once to see that it came to rest.
        #expect(try secure.tls.reloadIfChanged() == nil)
        guard case .reloaded? = try secure.tls.reloadIfChanged() else {
            Issue.record("new files are not taken")
            return
        }
        #expect(try secure.tls.reloadIfChanged() == nil)
        let new = TLSClientOptions(trust: .exactly([secure.files.chain]))
        #expect(try secure.client(new).send(.get, "/").status == 200)
        old.send(Self.get)
        #expect(old.read(2).count == 2)
    }

    @Test func `a new pair that does not fit is refused, and the old one stays`() throws {
        let secure = try SecureServer()
        let before = try secure.tls.certificates
        let other = try TestCertificate("server", names: "IP:127.0.0.1", issuer: secure.authority)
        try secure.folder.write(other.certificatePEM, to: "server.pem")
        #expect(try secure.tls.reloadIfChanged() == nil)
        guard case .refused(let error)? = try secure.tls.reloadIfChanged() else {
            Issue.record("a key of another certificate is taken")
            return
        }
        #expect(error.problems.map(\.file) == [secure.files.key])
        #expect(try secure.tls.reloadIfChanged() == nil, "it is told once")
        #expect(try secure.tls.certificates == before)
        #expect(try secure.client().send(.get, "/").status == 200)
        let expired = try TestCertificate("server", valid: -3600...(-1))
        try secure.folder.keep(expired, as: "server")
        let refusal = #expect(throws: TLSError.self) { try secure.tls.reload() }
        #expect(refusal?.description.contains("expired already") == true)
        #expect(try secure.client().send(.get, "/").status == 200)
    }
}
