// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct DeadlineTests {
    @Test func `a head that does not end gets 408 and the connection closes`() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(60) }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHos")
        let answers = client.readToEnd()
        #expect(answers.map(\.status) == [408])
        #expect(answers.first?.body.contains("request_timeout") == true)
        #expect(server.server.counters.timeouts.current == 1)
    }

    @Test func `a head that comes byte by byte gets no new deadline for each byte`() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(100) }
        let client = try server.connect()
        var sent = 0
        while client.send("X"), sent < 1 << 14 {
            sent += 1
            if sent % 64 == 0, server.server.counters.timeouts.current > 0 { break }
        }
        #expect(client.readToEnd().first.map(\.status).map { [408, 414].contains($0) } == true)
    }

    @Test func `a body that does not come gets 408`() throws {
        let server = try TestServer { $0.bodyDeadline = .milliseconds(60) }
        let client = try server.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        #expect(client.readToEnd().map(\.status) == [408])
    }

    @Test func `an idle connection and one that never asks are closed without a word`() throws {
        let server = try TestServer {
            $0.idleDeadline = .milliseconds(60)
            $0.headDeadline = .milliseconds(60)
        }
        let silent = try server.connect()
        let idle = try server.connect()
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(idle.readToEnd().map(\.status) == [200])
        #expect(silent.readToEnd().isEmpty)
    }

    @Test func `a client that does not read its answer is let go`() throws {
        let server = try TestServer { $0.writeDeadline = .milliseconds(60) }
        let client = try server.connect()
        for _ in 0..<8 { client.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n") }
        while server.server.counters.timeouts.current == 0 { spin() }
        #expect(client.readToEnd().count < 8)
        server.server.stopAccepting()
        #expect(server.server.drained(within: .seconds(20)))
        #expect(server.server.counters.bufferBytes.current == 0)
    }

    @Test func `a promise that is not kept becomes 503`() throws {
        let server = try TestServer { $0.answerDeadline = .milliseconds(60) }
        let client = try server.connect()
        client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.readToEnd().map(\.status) == [503])
        server.handler.releaseAll()
    }

    private func spin() { for _ in 0..<1000 {} }
}
