// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization
import Testing

@testable import HTTP

@Suite struct DrainTests {
    @Test func `draining under load loses no request that was accepted`() throws {
        let server = try TestServer { $0.drainGrace = .seconds(5) }
        let answered = Atomic(0)
        let lost = Atomic(0)
        let port = server.server.port
        let started = DispatchSemaphore(value: 0)
        let group = DispatchGroup()
        for _ in 0..<8 {
            DispatchQueue(label: "client").async(group: group) {
                started.signal()
                // Closed loop: each client asks until it is told that the connection ends.
                guard let client = try? RawClient(port: port) else { return }
                var count = 0
                while true {
                    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
                    let answers = client.read(count + 1)
                    guard answers.count == count + 1, let last = answers.last else {
                        lost.add(1)
                        return
                    }
                    count += 1
                    answered.add(1)
                    if last.head.contains("connection: close") { return }
                }
            }
        }
        for _ in 0..<8 { started.wait() }
        while server.server.counters.requests.current < 100 {}
        server.server.stopAccepting()
        #expect(server.server.drained(within: .seconds(20)))
        group.wait()
        #expect(lost.current == 0)
        #expect(answered.current >= 100)
        #expect(server.server.counters.requests.current == answered.current)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `connections in the listener's queue are served before it closes`() throws {
        var configuration = HTTPConfiguration()
        configuration.loopCount = 2
        let server = try HTTPServer(configuration: configuration, handler: EchoHandler())
        let clients = try (0..<20).map { _ in try RawClient(port: server.port) }
        for client in clients { client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        server.stopAccepting()
        try server.start()
        for client in clients { #expect(client.readToEnd().map(\.body) == ["GET / "]) }
        #expect(server.drained(within: .seconds(20)))
        #expect(throws: (any Error).self) { _ = try RawClient(port: server.port) }
        server.stop()
    }

    @Test func `a drain waits for a promised answer and says when it did not come`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler.hasHeld.wait()
        server.server.stopAccepting()
        #expect(!server.server.drained(within: .milliseconds(20)))
        server.handler.releaseAll()
        #expect(client.readToEnd().map(\.status) == [200])
        #expect(server.server.drained(within: .seconds(20)))
    }

    @Test func `idle connections end with the grace`() throws {
        let server = try TestServer { $0.drainGrace = .milliseconds(30) }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.read(1).count == 1)
        server.server.stopAccepting()
        #expect(client.readToEnd().count == 1)
        #expect(server.server.drained(within: .seconds(20)))
    }
}
