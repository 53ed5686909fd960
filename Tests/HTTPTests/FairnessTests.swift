// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Testing

@testable import HTTP

@Suite struct FairnessTests {
    private static let long = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func turn(_ name: String) -> String {
        "GET /turn?\(name) HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    @Test func `one client's many requests leave the others their turn`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let stalling = try server.connect()
        let greedy = try server.connect()
        let modest = try server.connect()
        // All three are known to the loop before it stalls.
        for client in [greedy, modest] {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.read(1).count == 1)
        }
        stalling.send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler.hasHeld.wait()
        greedy.send(String(repeating: Self.turn("greedy"), count: 1000))
        modest.send(Self.turn("modest"))
        server.handler.stall.signal()
        #expect(greedy.read(1001).count == 1001)
        #expect(modest.read(2).count == 2)
        let order = server.handler.turns.withLock { $0 }
        let place = try #require(order.firstIndex(of: "modest"))
        #expect(place < 100 && order.count == 1001)
    }

    @Test func `a client that always has a head under way is not timed out`() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(400) }
        let client = try server.connect()
        let request = Self.turn("x")
        let (half, rest) = (String(request.prefix(9)), String(request.dropFirst(9)))
        client.send(half)
        for count in 1...40 {
            client.send(rest + half)
            try #require(client.read(count).count == count)
            #expect(!client.isReadable(within: 20))
        }
        #expect(server.server.counters.timeouts.current == 0)
    }

    @Test func `those who do not read leave room for the bodies of others`() throws {
        let server = try TestServer { $0.bufferByteCount = 10 << 20 }
        let slow = try (0..<3).map { _ in try server.connect() }
        for client in slow { client.send(Self.long) }
        // Of five megabytes one of them gets four, and the others are cut.
        #expect(server.waits { $0.accepted.current == 3 && $0.open.current == 1 })
        let client = try server.connect()
        let body = String(repeating: "b", count: 5 << 20)
        let head = "POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        client.send(head + body)
        #expect(client.read(1).map(\.status) == [204])
    }

    @Test func `who has read nothing for a second makes room for who asks now`() throws {
        let server = try TestServer {
            $0.bufferByteCount = 10 << 20
            $0.loopCount = 1
        }
        let slow = try server.connect()
        slow.send(Self.long)
        #expect(server.waits { $0.bufferBytes.current > 3 << 20 })
        // Nothing is sent to who never asks, so that this waits.
        let silent = try server.connect()
        #expect(!silent.isReadable(within: 1100))
        let client = try server.connect()
        client.send(Self.long)
        #expect(client.read(1).first?.body.utf8.count == 4 << 20)
        #expect(server.server.counters.timeouts.current == 1)
    }
}
