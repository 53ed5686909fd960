// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import HTTP

@Suite struct BodyMemoryTests {
    @Test(arguments: [0, 1, 7, 63, 64, 65, 1000])
    func `the byte that matters is at a multiple of 64, however the memory grows`(
        place: Int
    ) {
        let memory = BodyMemory()
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for round in 0..<2 {
            memory.begin(aligning: place)
            for start in stride(from: 0, to: bytes.count, by: 100) {
                if start.isMultiple(of: 1000) { memory.reserve(start + 1000) }
                let end = round == 0 ? start + 100 : min(start + 100, 2000)
                guard start < end else { break }
                memory.append(bytes.span.extracting(start..<end))
            }
            memory.withBytes { span in
                let found = unsafe span.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
                #expect((found + place) % 64 == 0)
                #expect(span.count == (round == 0 ? 5000 : 2000))
                for index in span.indices where span[index] != bytes[index] {
                    Issue.record("byte \(index)")
                }
            }
        }
    }

    /// Answers where the body lies, or later and with how many of its bytes are the first one.
    private final class Keeper: Handler {
        let kept = Guarded<[Exchange]>([])

        func handle(_ request: RequestHead, body: Span<UInt8>, exchange: Exchange) -> Reply {
            if request.path == "/keep" {
                kept.withLock { $0.append(exchange) }
                return .later
            }
            let place = request.header("x-aligned-behind").flatMap { Int($0) } ?? 0
            let address = unsafe body.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            let isOwn = exchange.body != nil
            let rest = (address &+ UInt(bitPattern: place)) % 64
            return .now(Response(status: 200, body: Array("\(isOwn) \(rest)".utf8)))
        }

        /// Waits until so many bodies are kept.
        func wait(for count: Int) {
            let end = MonotonicClock.nanoseconds() + 20_000_000_000
            while kept.withLock({ $0.count }) < count, MonotonicClock.nanoseconds() < end {}
        }

        /// Answers what waits, each with the bytes of its body that are all alike.
        func release() {
            let exchanges = kept.withLock { list in
                defer { list = [] }
                return list
            }
            for exchange in exchanges {
                let text = exchange.body?.withBytes { body in
                    let alike = body.indices.count { body[$0] == body[0] }
                    return "\(Character(UnicodeScalar(body[0]))) \(alike)"
                }
                exchange.complete(Response(status: 200, body: Array((text ?? "none").utf8)))
            }
        }
    }

    private static func server(_ handler: Keeper, bufferByteCount: Int = 8 << 20) throws
        -> HTTPServer
    {
        var configuration = HTTPConfiguration()
        configuration.loopCount = 1
        configuration.alignedBehind = "x-aligned-behind"
        configuration.bufferByteCount = bufferByteCount
        let server = try HTTPServer(configuration: configuration, handler: handler)
        try server.start()
        return server
    }

    private static func request(_ path: String, _ count: Int, _ fill: String, _ place: String = "")
        -> String
    {
        "POST \(path) HTTP/1.1\r\nHost: a\r\n\(place)Content-Length: \(count)\r\n\r\n"
            + String(repeating: fill, count: count)
    }

    @Test(arguments: [0, 1, 63, 64, 517])
    func `a long body lies so that what the head says is aligned`(place: Int) throws {
        let server = try Self.server(Keeper())
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        for round in 1...3 {
            client.send(Self.request("/", 200_000, "a", "X-Aligned-Behind: \(place)\r\n"))
            #expect(client.read(round).last?.body == "true 0")
        }
    }

    @Test(arguments: ["-1", "x", "", "9999999999999999999999", "1.5"])
    func `a field that is no length aligns nothing`(value: String) throws {
        let server = try Self.server(Keeper())
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        client.send(Self.request("/", 200_000, "a", "X-Aligned-Behind: \(value)\r\n"))
        #expect(client.read(1).last?.body.hasPrefix("true ") == true)
    }

    @Test func `a body that is kept stays as it is while others come`() throws {
        let handler = Keeper()
        let server = try Self.server(handler)
        defer { server.stop() }
        let clients = try (0..<4).map { _ in try RawClient(port: server.port) }
        for (index, fill) in ["a", "b", "c"].enumerated() {
            clients[index].send(Self.request("/keep", 300_000, fill))
            handler.wait(for: index + 1)
        }
        // What is kept does not count as the server's any more.
        #expect(server.waits { $0.bufferBytes.current == 0 })
        for round in 1...3 {
            clients[3].send(Self.request("/", 300_000, "d"))
            #expect(clients[3].read(round).last?.body.hasPrefix("true ") == true)
        }
        handler.release()
        for (client, fill) in zip(clients, ["a", "b", "c"]) {
            #expect(client.read(1).map(\.body) == ["\(fill) 300000"])
        }
        // A client that leaves takes nothing away from whoever still reads.
        clients[0].send(Self.request("/keep", 300_000, "e"))
        handler.wait(for: 1)
        let exchange = try #require(handler.kept.withLock { $0.first })
        server.stop()
        #expect(exchange.body?.withBytes { $0[0] == 0x65 && $0[299_999] == 0x65 } == true)
    }

    @Test func `requests behind a long body are answered, and one that lacks room is refused`()
        throws
    {
        let server = try Self.server(Keeper(), bufferByteCount: 100_000)
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        let short = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send(Self.request("/", 90_000, "a") + short + Self.request("/", 90_000, "b") + short)
        #expect(
            client.read(4).map { String($0.body.prefix(5)) } == [
                "true ", "false", "true ", "false",
            ]
        )
        client.send(Self.request("/", 200_000, "c"))
        #expect(client.readToEnd().last?.status == 503)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }
}
