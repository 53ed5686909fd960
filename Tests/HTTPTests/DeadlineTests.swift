// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
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
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `a body that comes too slowly gets 408 long before its deadline`() throws {
        let server = try TestServer {
            $0.rateWindow = .milliseconds(100)
            $0.minimumRate = 1_000_000
        }
        let client = try server.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        var sent = 0
        while sent < 99, server.server.counters.timeouts.current == 0 {
            if client.send("x") { sent += 1 }
            wait(20)
        }
        #expect(sent < 99)
        #expect(client.readToEnd().map(\.status) == [408])
    }

    @Test func `a body that comes fast enough may take many windows`() throws {
        let server = try TestServer {
            $0.rateWindow = .milliseconds(50)
            $0.minimumRate = 20
        }
        let client = try server.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nConnection: close\r\n\r\n")
        for _ in 0..<40 {
            client.send("x")
            wait(5)
        }
        #expect(client.readToEnd().map(\.status) == [200])
        #expect(server.server.counters.timeouts.current == 0)
    }

    @Test func `a client that takes its answer drop by drop is let go`() throws {
        let server = try TestServer {
            $0.writeDeadline = .seconds(1)
            $0.minimumRate = 100_000_000
        }
        let client = try server.connect()
        for _ in 0..<8 { client.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n") }
        while server.server.counters.timeouts.current == 0 {
            _ = client.readSome(atMost: 100)
            wait(5)
        }
        #expect(client.readToEnd().count < 8)
    }

    @Test func `with too many connections the one that was idle for longest has to go`() throws {
        let server = try TestServer {
            $0.loopCount = 1
            $0.connectionLimit = 3
        }
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let clients = try (0..<3).map { _ in try server.connect() }
        for client in clients {
            client.send(request)
            #expect(client.read(1).map(\.status) == [200])
        }
        // The first is used again, so that the second has been idle for longest.
        clients[0].send(request)
        #expect(clients[0].read(2).map(\.status) == [200, 200])
        let late = try server.connect()
        late.send(request)
        #expect(late.read(1).map(\.status) == [200])
        #expect(clients[1].readToEnd().count == 1)
        for client in [clients[0], clients[2]] {
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        }
        #expect(clients[0].readToEnd().count == 3)
        #expect(clients[2].readToEnd().count == 2)
        #expect(server.server.counters.evicted.current == 1)
        #expect(server.server.counters.turnedAway.current == 0)
    }

    @Test func `an answer that waits to be sent is not lost to a new connection`() throws {
        let server = try TestServer {
            $0.loopCount = 1
            $0.connectionLimit = 2
        }
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let (idle, stalled) = (try server.connect(), try server.connect())
        for client in [idle, stalled] {
            client.send(request)
            #expect(client.read(1).map(\.status) == [200])
        }
        // While the loop stands still a request and a newcomer arrive, for both to be found at once.
        stalled.send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler.hasHeld.wait()
        idle.send(request)
        let late = try server.connect()
        late.send(request)
        server.handler.stall.signal()
        #expect(late.read(1).map(\.status) == [200])
        #expect(idle.read(2).map(\.status) == [200, 200])
        // By then the other was idle for longest.
        #expect(stalled.readToEnd().map(\.status) == [200, 200])
        #expect(server.server.counters.evicted.current == 1)
    }

    @Test func `busy connections are not closed for new ones`() throws {
        let server = try TestServer {
            $0.loopCount = 1
            $0.connectionLimit = 1
        }
        let busy = try server.connect()
        busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler.hasHeld.wait()
        #expect(try server.connect().readToEnd().map(\.status) == [503])
        server.handler.releaseAll()
        #expect(busy.read(1).map(\.status) == [200])
    }

    private func wait(_ milliseconds: UInt64) {
        let end = MonotonicClock.nanoseconds() + milliseconds * 1_000_000
        while MonotonicClock.nanoseconds() < end { spin() }
    }

    @Test func `of answers that nobody reads the kernel holds little`() throws {
        let server = try TestServer { $0.writeDeadline = .milliseconds(300) }
        let client = try server.connect()
        client.send(String(repeating: "GET /long HTTP/1.1\r\nHost: a\r\n\r\n", count: 4))
        while server.server.counters.timeouts.current == 0 { spin() }
        // Of 16 MB: what the client's own kernel takes, and 128 KiB.
        let sent = server.server.counters.sentBytes.current
        #expect(sent > 0 && sent < 2 << 20, "\(sent) bytes")
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
