// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization
import Testing

@testable import HTTP

@Suite struct HTTPServerTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let hold = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    @Test func `a client that expects 100-continue is told to go on, then answered`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(client.read(1).map(\.status) == [100])
        client.send("ab")
        #expect(client.read(2).map(\.body) == ["", "POST / ab"])
    }

    @Test func `a hundred connections are served side by side, again and again`() throws {
        let server = try TestServer()
        let clients = try (0..<100).map { _ in try server.connect() }
        for round in 1...3 {
            for client in clients { client.send(Self.get) }
            for client in clients { #expect(client.read(round).count == round) }
        }
        #expect(server.server.counters.open.current == 100)
        #expect(server.server.counters.requests.current == 300)
    }

    @Test func `a thousand pipelined requests are answered in order`() throws {
        let server = try TestServer()
        let client = try server.connect()
        let paths = (0..<1000).map { $0 % 7 == 0 ? "/later" : "/\($0)" }
        let sender = Thread { [paths] in
            client.send(
                paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined() + Self.close
            )
        }
        let answers = client.readToEnd()
        sender.join()
        #expect(answers.map(\.body) == paths.map { "GET \($0) " } + ["GET / "])
    }

    @Test func `answers longer than the kernel takes at once arrive whole and in order`() throws {
        let server = try TestServer()
        let client = try server.connect()
        let long = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send(long + Self.get + long + Self.close)
        let answers = client.readToEnd()
        #expect(answers.map(\.body.utf8.count) == [4 << 20, 6, 4 << 20, 6])
    }

    @Test func `a long body arrives whole, in one piece or in chunks`() throws {
        let server = try TestServer()
        let body = String(repeating: "0123456789abcdef", count: 20_000)
        let client = try server.connect()
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(client.read(1).first?.body == "POST / " + body)
        let chunk = String(repeating: "x", count: 4096)
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + String(repeating: "1000\r\n\(chunk)\r\n", count: 40) + "0\r\n\r\n"
        )
        #expect(client.read(2).last?.body.utf8.count == 7 + 40 * 4096)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `compressed bodies are unpacked within the limit`() throws {
        let server = try TestServer { $0.bodyByteCount = 1000 }
        // zlib.compress(b"hello") and gzip.compress(b"hello", mtime=0) of Python 3.11.
        let packed: [(coding: String, bytes: [UInt8])] = [
            ("deflate", [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21]),
            (
                "gzip",
                [
                    31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16,
                    54, 5, 0, 0, 0,
                ]
            ),
        ]
        for (coding, bytes) in packed {
            let client = try server.connect()
            client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\n"
                    + "Content-Length: \(bytes.count)\r\n\r\n"
            )
            client.send(bytes)
            #expect(client.read(1).first?.body == "POST / hello")
            client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\n"
                    + "Content-Length: \(bytes.count - 1)\r\n\r\n"
            )
            client.send(bytes.dropLast())
            #expect(client.readToEnd().last?.status == 400)
        }
    }

    @Test func `a compressed body that unpacks beyond the limit is refused`() throws {
        let server = try TestServer { $0.bodyByteCount = 1000 }
        // zlib.compress(b"\\0" * 100000) of Python 3.11.
        let bomb: [UInt8] =
            [120, 156, 237, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 13, 15, 160]
            + [UInt8](repeating: 0, count: 96) + [128, 87, 3, 134, 175, 0, 1]
        let client = try server.connect()
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: deflate\r\n"
                + "Content-Length: \(bomb.count)\r\n\r\n"
        )
        client.send(bomb)
        #expect(client.readToEnd().map(\.status) == [413])
    }

    static let bombs: [(name: String, ratio: Int, body: Int, code: String)] = [
        ("size", 1032, 2 << 20, "body_too_long"), ("ratio", 100, 64 << 20, "unpacked_ratio"),
    ]

    @Test(arguments: bombs, [false, true])
    func `a bomb is refused when its first part has come`(
        bomb: (name: String, ratio: Int, body: Int, code: String),
        isChunked: Bool
    ) throws {
        let server = try TestServer {
            $0.bodyByteCount = bomb.body
            $0.bufferByteCount = bomb.body + (1 << 20)
            $0.unpackedRatio = bomb.ratio
        }
        let zeros = [UInt8](repeating: 0x30, count: 16 << 20)
        let packed = try gzipped(zeros)
        let part = Array(packed[..<(packed.count / 2)])
        let client = try server.connect()
        let framing =
            isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(packed.count)"
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\(framing)\r\n\r\n")
        if isChunked { client.send(String(part.count, radix: 16) + "\r\n") }
        client.send(part)
        let answers = client.readToEnd()
        #expect(answers.map(\.status) == [413])
        #expect(answers.first?.body.contains(bomb.code) == true)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `a broken packed body is refused before the rest of it comes`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
        )
        client.send([31, 139, 7, 0])
        #expect(client.readToEnd().map(\.status) == [400])
    }

    @Test func `packed bodies come one behind the other, in parts and in chunks`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let text = (0..<20_000).map { "\($0 % 977)," }.joined()
        let packed = try gzipped(Array(text.utf8))
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
        let fixed = Array("\(head)Content-Length: \(packed.count)\r\n\r\n".utf8) + packed
        var chunked = Array("\(head)Transfer-Encoding: chunked\r\n\r\n".utf8)
        for start in stride(from: 0, to: packed.count, by: 700) {
            let part = packed[start..<min(start + 700, packed.count)]
            chunked += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
        }
        chunked += Array("0\r\n\r\n".utf8)
        let last = Array(Self.close.utf8)
        for step in [333, 5000, .max] {
            let client = try server.connect()
            client.send(fixed + chunked + Array(Self.get.utf8) + fixed + last, step: step)
            let answers = client.readToEnd().map(\.body)
            let long = "POST / " + text
            #expect(answers == [long, long, "GET / ", long, "GET / "], "in steps of \(step)")
        }
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `what unpacks a body counts as memory while it comes`() throws {
        let server = try TestServer { $0.bufferByteCount = 100_000 }
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
            + "Content-Length: 50\r\n\r\n"
        let first = try server.connect()
        first.send(head)
        #expect(server.waits { $0.bufferBytes.current == Inflater.byteCount })
        let second = try server.connect()
        second.send(head)
        #expect(second.readToEnd().map(\.status) == [503])
        #expect(server.server.counters.bufferBytes.current == Inflater.byteCount)
        first.finishSending()
        #expect(first.readToEnd().isEmpty)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `an answer to a client that is gone is dropped`() throws {
        let server = try TestServer()
        do {
            let client = try server.connect()
            client.send(Self.hold)
            server.handler.hasHeld.wait()
        }
        let counters = server.server.counters
        server.handler.releaseAll()
        let other = try server.connect()
        other.send(Self.close)
        #expect(other.readToEnd().map(\.status) == [200])
        server.server.stopAccepting()
        #expect(server.server.drained(within: .seconds(20)))
        #expect(counters.open.current == 0)
    }

    @Test func `a client that half-closes is still answered`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
        client.finishSending()
        #expect(client.readToEnd().map(\.body) == ["GET /later ", "GET / "])
    }

    @Test func `connections over the limit get 503 while all others are busy`() throws {
        let server = try TestServer {
            $0.connectionLimit = 3
            $0.loopCount = 1
        }
        let clients = try (0..<3).map { _ in try server.connect() }
        for client in clients {
            client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            server.handler.hasHeld.wait()
        }
        let more = try server.connect()
        more.send(Self.get)
        #expect(more.readToEnd().map(\.status) == [503])
        #expect(!more.isReset)
        server.handler.releaseAll()
        for client in clients {
            #expect(client.read(1).count == 1)
            client.send(Self.get)
            #expect(client.read(2).count == 2)
        }
        #expect(server.server.counters.turnedAway.current == 1)
    }

    @Test func `bodies beyond the memory for them get 503`() throws {
        let server = try TestServer { $0.bufferByteCount = 100_000 }
        let half = [UInt8](repeating: 0x61, count: 60_000)
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 120000\r\n\r\n"
        let first = try server.connect()
        first.send(head)
        first.send(half)
        let second = try server.connect()
        second.send(head)
        second.send(half)
        second.send(half)
        first.send(half)
        let statuses = [first.read(1).first?.status, second.read(1).first?.status]
        #expect(statuses.contains(503))
    }

    @Test func `requests behind a promised answer end with it where they find no memory`() throws {
        let server = try TestServer { $0.bufferByteCount = 1000 }
        let client = try server.connect()
        client.send(Self.hold + String(repeating: Self.get, count: 100))
        server.handler.hasHeld.wait()
        server.handler.releaseAll()
        let answers = client.readToEnd()
        #expect(answers.map(\.body) == ["h"])
        #expect(answers.first?.head.contains("connection: close") == true)
        #expect(!client.isReset)
        #expect(server.waits { $0.bufferBytes.current == 0 })
    }

    @Test func `a port that is taken is named with a remedy`() throws {
        let server = try TestServer()
        var configuration = HTTPConfiguration()
        configuration.port = server.server.port
        let error = #expect(throws: ListenError.self) {
            _ = try HTTPServer(configuration: configuration, handler: EchoHandler())
        }
        #expect(error == .addressInUse("127.0.0.1:\(server.server.port)"))
        #expect(error?.description.contains("choose another port") == true)
        configuration.host = "192.0.2.1"
        #expect(throws: ListenError.addressNotHere("192.0.2.1:\(server.server.port)")) {
            _ = try HTTPServer(configuration: configuration, handler: EchoHandler())
        }
    }

    @Test func `the peer is known while the handler runs`() throws {
        struct Peer: Handler {
            func handle(
                _ request: RequestHead,
                body: Span<UInt8>,
                exchange: Exchange
            ) -> Reply { .now(Response(status: 200, body: Array(request.peer.utf8))) }
        }
        let server = try HTTPServer(configuration: HTTPConfiguration(), handler: Peer())
        try server.start()
        let client = try RawClient(port: server.port)
        client.send(Self.get)
        #expect(client.read(1).first?.body.hasPrefix("127.0.0.1:") == true)
        server.stop()
    }
}

/// A thread that the test waits for.
struct Thread {
    private let group = DispatchGroup()

    init(_ body: @escaping () -> Void) {
        nonisolated(unsafe) let body = body
        DispatchQueue(label: "test").async(group: group) { unsafe body() }
    }

    func join() { group.wait() }
}
