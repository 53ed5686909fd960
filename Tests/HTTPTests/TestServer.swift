// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Platform
import Testing

@testable import HTTP

/// Answers with what it was asked, at once, later, or when the test says so.
final class EchoHandler: Handler {
    let held = Guarded<[Exchange]>([])
    let hasHeld = DispatchSemaphore(value: 0)
    /// Who asked for `/turn?NAME`, in the order in which they were answered.
    let turns = Guarded<[String]>([])
    /// Lets the loop that answers `/stall` go on.
    let stall = DispatchSemaphore(value: 0)
    /// The long answers that are not over, and the pieces that were made of all.
    let sources = Guarded(0)
    let pieces = Guarded(0)

    func handle(_ request: RequestHead, body: Span<UInt8>, exchange: Exchange) -> Reply {
        var text = Array("\(request.method.name) \(request.path) ".utf8)
        for index in body.indices { text.append(body[index]) }
        let answer = Response(
            status: 200,
            headers: ["x-method": request.method.name, "x-split": "a\r\nb: c"],
            body: text
        )
        switch request.path {
        case "/later":
            DispatchQueue.global().async { exchange.complete(answer) }
            return .later
        case "/twice":
            exchange.complete(answer)
            exchange.complete(answer)
            return .later
        case "/hold":
            held.withLock { $0.append(exchange) }
            hasHeld.signal()
            return .later
        case "/turn":
            turns.withLock { $0.append(request.query ?? "") }
            return .now(answer)
        case "/stall":
            hasHeld.signal()
            stall.wait()
            return .now(answer)
        case "/long":
            return .now(Response(status: 200, body: [UInt8](repeating: 0x78, count: 4 << 20)))
        case "/who":
            return .now(Response(status: 200, body: Array((request.clientName ?? "nobody").utf8)))
        case "/stream", "/stream/later":
            var streamed = Response(
                status: 200,
                headers: ["content-type": "text/plain", "x-method": request.method.name]
            )
            streamed.source = CountingSource(
                pieces: Int(request.query ?? "") ?? 1,
                of: self
            )
            guard request.path == "/stream/later" else { return .now(streamed) }
            DispatchQueue.global().async { [streamed] in exchange.complete(streamed) }
            return .later
        case "/empty":
            return .now(Response(status: 204))
        default:
            return .now(answer)
        }
    }

    /// Answers what is held, from this thread.
    func releaseAll() {
        let exchanges = held.withLock { list in
            let taken = list
            list = []
            return taken
        }
        for exchange in exchanges { exchange.complete(Response(status: 200, body: [0x68])) }
    }
}

/// A body of so many pieces, each of numbers; of none where the first is to be empty.
///
/// `@unchecked Sendable`: a source is with one thread at a time.
final class CountingSource: AnswerSource, @unchecked Sendable {
    private let pieces: Int
    private let handler: EchoHandler
    private var next = 0

    init(pieces: Int, of handler: EchoHandler) {
        (self.pieces, self.handler) = (pieces, handler)
        handler.sources.withLock { $0 += 1 }
    }

    deinit { handler.sources.withLock { $0 -= 1 } }

    var expectedByteCount: Int { pieces * answerPieceByteCount }
    var heldByteCount: Int { 100_000 }

    func appendPiece(to bytes: inout [UInt8]) -> Bool {
        // A source may have nothing to say for once.
        if next % 5 != 3 { bytes += Self.piece(next) }
        next += 1
        handler.pieces.withLock { $0 += 1 }
        return next >= pieces
    }

    private static let contents = (0..<10).map { number in
        let part = (0..<1000).map { UInt8(0x30 + ($0 * $0 / 7 + number * $0) % 10) }
        return Array(repeatElement(part, count: 16 + number % 3).joined())
    }

    static func piece(_ number: Int) -> [UInt8] { contents[number % contents.count] }

    static func whole(_ pieces: Int) -> String {
        var bytes: [UInt8] = []
        for number in 0..<pieces where number % 5 != 3 { bytes += piece(number) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A server on a port of its own that ends with the test.
final class TestServer: Sendable {
    let server: HTTPServer
    let handler = EchoHandler()

    init(_ change: (inout HTTPConfiguration) -> Void = { _ in }) throws {
        var configuration = HTTPConfiguration()
        configuration.loopCount = 2
        configuration.lingerDeadline = .milliseconds(500)
        configuration.errorResponse = { status, code, sentence in
            Response(
                status: status,
                headers: ["content-type": "application/json"],
                body: Array(#"{"error": "\#(sentence)", "code": "\#(code)"}"#.utf8)
            )
        }
        change(&configuration)
        server = try HTTPServer(configuration: configuration, handler: handler)
        try server.start()
    }

    deinit { server.stop() }

    /// Whether the counters come to be so within 20 s.
    func waits(until isSo: (ServerCounters) -> Bool) -> Bool { server.waits(until: isSo) }

    func connect() throws -> RawClient { try RawClient(port: server.port) }

    /// A client that has agreed on TLS.
    func connect(_ options: TLSClientOptions) throws -> RawClient {
        let client = try RawClient(port: server.port)
        try client.secure(options)
        return client
    }
}

/// An answer as it came, for comparing.
struct RawAnswer: Equatable {
    var status: Int
    var head: String
    var body: String
    /// The same as bytes, of an answer that came in chunks.
    var bytes: [UInt8] = []
}

/// A socket that sends what it is told and collects what comes; every wait ends after 20 s.
final class RawClient {
    private let socket: Descriptor
    private let deadline: UInt64
    private(set) var received: [UInt8] = []
    private(set) var isReset = false
    private var session: TLSSession?

    init(port: UInt16) throws {
        deadline = MonotonicClock.nanoseconds() + 20_000_000_000
        let addresses = try SocketAddress.resolve(
            host: "127.0.0.1",
            port: port,
            forListening: false
        )
        socket = try connect(to: try #require(addresses.first), deadline: deadline)
    }

    init(socket path: String) throws {
        deadline = MonotonicClock.nanoseconds() + 20_000_000_000
        socket = try Platform.connect(to: .unix(path), deadline: deadline)
    }

    /// Sends in pieces of at most `step` bytes; answers false when the server takes no more.
    @discardableResult
    func send(_ bytes: [UInt8], step: Int = .max) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let piece = Array(
                bytes[
                    sent..<min(
                        bytes.count,
                        sent.addingReportingOverflow(step).overflow ? .max : sent + step
                    )
                ]
            )
            let result =
                session?.send(piece.span, from: 0)
                ?? Platform.send(piece.span, from: 0, to: socket.number)
            switch result {
            case .count(let count): sent += count
            case .notNow: _ = waitUntilReady(socket.number, toSend: true, deadline: deadline)
            case .failed: return false
            }
        }
        return true
    }

    @discardableResult
    func send(_ text: String, step: Int = .max) -> Bool { send(Array(text.utf8), step: step) }

    /// Sends past TLS.
    func sendRaw(_ bytes: [UInt8]) { _ = Platform.send(bytes.span, from: 0, to: socket.number) }

    func finishSending() { shutDownSending(socket.number) }

    func secure(_ options: TLSClientOptions) throws {
        let context = try TLSClientContext(options)
        let session = try #require(context.makeSession(on: socket.number, host: "127.0.0.1"))
        while true {
            switch session.shakeHands() {
            case .done:
                self.session = session
                return
            case .notNow: _ = waitUntilReady(socket.number, toSend: false, deadline: deadline)
            case .failed: throw TestFailure(session.problem)
            }
        }
    }

    /// Reads once; answers false at the end of what comes.
    func readSome(atMost count: Int = 1 << 16) -> Bool {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let result =
                session?.receive(into: &buffer, at: 0)
                ?? receive(from: socket.number, into: &buffer, at: 0)
            switch result {
            case .count(0): return false
            case .count(let count):
                received.append(contentsOf: buffer[..<count])
                return true
            case .notNow:
                guard waitUntilReady(socket.number, toSend: false, deadline: deadline) else {
                    Issue.record("nothing came for 20 s")
                    return false
                }
            case .failed:
                isReset = true
                return false
            }
        }
    }

    /// Whether something comes within the time.
    func isReadable(within milliseconds: UInt64) -> Bool {
        let end = MonotonicClock.nanoseconds() + milliseconds * 1_000_000
        return waitUntilReady(socket.number, toSend: false, deadline: end)
    }

    /// Reads until the server closes.
    func readToEnd() -> [RawAnswer] {
        while readSome() {}
        return answers()
    }

    /// Reads until there are so many whole answers.
    func read(_ count: Int) -> [RawAnswer] {
        while answers().count < count, readSome() {}
        return answers()
    }

    /// The whole answers so far.
    func answers() -> [RawAnswer] {
        var answers: [RawAnswer] = []
        var rest = received[...]
        let end = Array("\r\n\r\n".utf8)
        while let headEnd = rest.firstRange(of: end) {
            let head = String(decoding: rest[..<headEnd.lowerBound], as: UTF8.self)
            let status = Int(head.dropFirst(9).prefix(3)) ?? 0
            let hasBody = status >= 200 && status != 204 && !head.contains("x-method: HEAD")
            if hasBody, head.contains("transfer-encoding: chunked") {
                var decoder = ChunkedDecoder(bodyLimit: 1 << 30)
                var body: [UInt8] = []
                let bytes = Array(rest[headEnd.upperBound...])
                guard
                    case .complete(let end) = decoder.decode(bytes.span, from: 0, into: &body)
                else { break }
                let text = String(decoding: body, as: UTF8.self)
                answers.append(RawAnswer(status: status, head: head, body: text, bytes: body))
                rest = rest[(headEnd.upperBound + end)...]
                continue
            }
            var length = 0
            for line in head.split(separator: "\r\n") where line.hasPrefix("content-length: ") {
                length = hasBody ? Int(line.dropFirst(16)) ?? 0 : 0
            }
            let bodyEnd = headEnd.upperBound + length
            guard bodyEnd <= rest.endIndex else { break }
            answers.append(
                RawAnswer(
                    status: status,
                    head: head,
                    body: String(decoding: rest[headEnd.upperBound..<bodyEnd], as: UTF8.self)
                )
            )
            rest = rest[bodyEnd...]
        }
        return answers
    }
}

extension HTTPServer {
    /// Whether the counters come to be so within 20 s.
    func waits(until isSo: (ServerCounters) -> Bool) -> Bool {
        let end = MonotonicClock.nanoseconds() + 20_000_000_000
        while !isSo(counters) {
            guard MonotonicClock.nanoseconds() < end else { return false }
            // Not in the loop's way, where cores are few.
            usleep(1000)
        }
        return true
    }
}
