// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import HTTP

@Suite struct StreamingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private static func stream(_ pieces: Int, path: String = "/stream", _ fields: String = "")
        -> String
    {
        "GET \(path)?\(pieces) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    /// What is left when nobody is served any more.
    private func isClean(_ server: TestServer) -> Bool {
        server.waits {
            $0.bufferBytes.current == 0 && server.handler.sources.withLock { $0 } == 0
        }
    }

    @Test(arguments: ["/stream", "/stream/later"])
    func `long answers and short ones come whole and in the order asked for`(path: String) throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(
            Self.stream(40, path: path) + Self.get + Self.stream(1, path: path)
                + Self.stream(4, path: path) + Self.stream(200, path: path) + Self.close
        )
        let answers = client.readToEnd()
        #expect(
            answers.map(\.body)
                == [
                    CountingSource.whole(40), "GET / ", CountingSource.whole(1),
                    CountingSource.whole(4), CountingSource.whole(200), "GET / ",
                ]
        )
        #expect(answers.first?.head.contains("content-length") == false)
        #expect(isClean(server))
    }

    @Test func `in HTTP 1.0 the body ends with the connection`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("GET /stream?50 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        _ = client.readToEnd()
        let text = String(decoding: client.received, as: UTF8.self)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        let head = text[..<end.lowerBound]
        #expect(!head.contains("transfer-encoding") && !head.contains("content-length"))
        #expect(head.contains("connection: close"))
        #expect(text[end.upperBound...] == CountingSource.whole(50))
        #expect(isClean(server))
    }

    @Test func `HEAD gets the head alone`() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("HEAD /stream?50 HTTP/1.1\r\nHost: a\r\n\r\n" + Self.close)
        let answers = client.readToEnd()
        #expect(answers.map(\.body) == ["", "GET / "])
        #expect(answers.first?.head.contains("transfer-encoding: chunked") == true)
        #expect(server.handler.pieces.withLock { $0 } == 0)
        #expect(isClean(server))
    }

    @Test(arguments: [1, 2, 4, 100])
    func `packed piece by piece it is the same`(pieces: Int) throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(Self.stream(pieces, "Accept-Encoding: gzip\r\n") + Self.close)
        let answers = client.readToEnd()
        let answer = try #require(answers.first)
        #expect(answer.head.contains("content-encoding: gzip"))
        #expect(answer.head.contains("vary: accept-encoding"))
        #expect(unpacked(answer.bytes) == Array(CountingSource.whole(pieces).utf8))
        #expect(answers.count == 2)
        #expect(isClean(server))
    }

    @Test func `a client that does not read holds the values and one piece`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let client = try server.connect()
        client.send(Self.stream(1000) + Self.close)
        // Some megabytes are in the kernel; then nothing moves.
        #expect(
            server.waits {
                let held = $0.bufferBytes.current
                return held > 100_000 && held <= 100_000 + 2 * answerPieceByteCount
            }
        )
        let made = server.handler.pieces.withLock { $0 }
        #expect(made < 900)
        while client.readSome(atMost: 1 << 20) {}
        let answers = client.answers()
        #expect(answers.first?.body == CountingSource.whole(1000))
        #expect(answers.count == 2)
        #expect(isClean(server))
    }

    @Test func `a client that goes away leaves nothing behind`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        for fields in ["", "Accept-Encoding: gzip\r\n"] {
            let client = try server.connect()
            client.send(Self.stream(1_000_000, fields) + Self.get)
            #expect(client.readSome())
        }
        #expect(server.waits { $0.open.current == 0 })
        #expect(isClean(server))
    }

    @Test func `a client that never reads is cut after the deadline`() throws {
        let server = try TestServer { $0.writeDeadline = .milliseconds(300) }
        let client = try server.connect()
        client.send(Self.stream(1_000_000))
        #expect(server.waits { $0.timeouts.current == 1 && $0.open.current == 0 })
        #expect(isClean(server))
    }

    @Test func `an answer for which there is no memory is a 503`() throws {
        let server = try TestServer { $0.bufferByteCount = 150_000 }
        let client = try server.connect()
        client.send(Self.stream(10) + Self.get)
        let answers = client.readToEnd()
        #expect(answers.map(\.status) == [503])
        #expect(isClean(server))
    }

    @Test func `a long answer leaves the others their turn`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let greedy = try server.connect()
        greedy.send(Self.stream(3000) + Self.close)
        let reader = Thread { while greedy.readSome() {} }
        #expect(server.waits { _ in server.handler.pieces.withLock { $0 } > 10 })
        let modest = try server.connect()
        for count in 1...20 {
            modest.send(Self.get)
            #expect(modest.read(count).count == count)
        }
        #expect(server.handler.pieces.withLock { $0 } < 3000)
        reader.join()
    }

    @Test func `a drain waits for what is being sent`() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let client = try server.connect()
        client.send(Self.stream(1000))
        #expect(client.readSome())
        server.server.stopAccepting()
        #expect(client.read(1).first?.body == CountingSource.whole(1000))
        #expect(server.server.drained(within: .seconds(20)))
        #expect(isClean(server))
    }
}
