// SPDX-License-Identifier: Apache-2.0
private import Platform

/// Why a client got no answer.
package enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
    case unknownHost(String)
    case nothingListens(String)
    case timedOut(String, Duration)
    case badAnswer(String, String)
    case tooLong(String, limit: Int)
    case failed(String, String)
    case insecure(String, String)
    case tls(TLSError)

    package var description: String {
        switch self {
        case .unknownHost(let host): "nobody knows the host \(host)"
        case .nothingListens(let address): "nothing listens on \(address)"
        case .timedOut(let address, let limit): "\(address) did not answer within \(limit)"
        case .badAnswer(let address, let problem):
            "\(address) gave no well-formed HTTP answer: \(problem)"
        case .tooLong(let address, let limit):
            "the answer of \(address) is longer than \(limit) bytes"
        case .failed(let address, let reason): "\(address): \(reason)"
        case .insecure(let address, let reason): "no TLS with \(address): \(reason)"
        case .tls(let error): error.description
        }
    }
}

/// A small client that waits, for the command line and probes: one request a connection.
package struct HTTPClient: Sendable {
    package var host: String
    package var port: UInt16
    /// The file of a Unix-domain socket, which is asked instead of host and port.
    package var socket: String?
    /// For the whole exchange, from connecting to the last byte.
    package var timeout = Duration.seconds(10)
    /// Whom to trust where the server speaks TLS; nil where it does not.
    package var tls: TLSClientOptions?
    package var answerByteCount = 64 << 20

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package init(socket: String) {
        host = "localhost"
        port = 0
        self.socket = socket
    }

    package var address: String { socket.map { "unix:\($0)" } ?? authority }

    /// For the field `host`; a socket's file has no name there.
    private var authority: String {
        if socket != nil { return "localhost" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Sends a request and waits for the whole answer.
    package func send(
        _ method: Method,
        _ target: String,
        headers: [(String, String)] = [],
        body: [UInt8] = []
    ) throws(HTTPClientError) -> ClientResponse {
        let deadline =
            MonotonicClock.nanoseconds() + UInt64(clamping: milliseconds(timeout)) * 1_000_000
        let socket: Descriptor
        do throws(SystemError) {
            socket = try connect(deadline: deadline)
        } catch {
            throw explained(error)
        }
        let session = try secure(socket.number, deadline: deadline)
        let link = Link(socket: socket, session: session)
        try sendAll(encode(method, target, headers, body), over: link, deadline: deadline)
        return try receiveAnswer(to: method, over: link, deadline: deadline)
    }

    /// Agrees on TLS where it is wanted.
    private func secure(
        _ number: Int32,
        deadline: UInt64
    ) throws(HTTPClientError) -> TLSSession? {
        guard let tls else { return nil }
        let context: TLSClientContext
        do throws(TLSError) {
            context = try TLSClientContext(tls)
        } catch {
            throw .tls(error)
        }
        guard let session = context.makeSession(on: number, host: host) else {
            throw .insecure(address, "\(tls.serverName ?? host) is no name of a server")
        }
        while true {
            switch session.shakeHands() {
            case .done: return session
            case .failed: throw .insecure(address, session.problem)
            case .notNow: break
            }
            guard
                waitUntilReady(
                    number,
                    toSend: session.receiveWaits == .writable,
                    deadline: deadline
                )
            else { throw .timedOut(address, timeout) }
        }
    }

    private func connect(deadline: UInt64) throws(SystemError) -> Descriptor {
        if let socket {
            return try Platform.connect(to: .unix(socket), deadline: deadline)
        }
        let addresses = try SocketAddress.resolve(host: host, port: port, forListening: false)
        var failure: SystemError?
        for address in addresses {
            do throws(SystemError) {
                return try Platform.connect(to: address, deadline: deadline)
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? SystemError(call: "getaddrinfo", errno: 99, subject: host)
    }

    private func explained(_ error: SystemError) -> HTTPClientError {
        switch error.symbol {
        case "ECONNREFUSED": .nothingListens(address)
        case "ENOENT" where socket != nil: .nothingListens(address)
        case "ETIMEDOUT": .timedOut(address, timeout)
        case "EADDRNOTAVAIL": .unknownHost(host)
        default: .failed(address, error.reason)
        }
    }

    private func encode(
        _ method: Method,
        _ target: String,
        _ headers: [(String, String)],
        _ body: [UInt8]
    ) -> [UInt8] {
        var head = "\(method.name) \(target) HTTP/1.1\r\n"
        head += "host: \(authority)\r\nconnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == .post || method == .put || method == .patch {
            head += "content-length: \(body.count)\r\n"
        }
        return Array(head.utf8) + [Byte.carriageReturn, Byte.lineFeed] + body
    }

    private func sendAll(
        _ bytes: [UInt8],
        over link: borrowing Link,
        deadline: UInt64
    ) throws(HTTPClientError) {
        var sent = 0
        while sent < bytes.count {
            switch link.send(bytes.span, from: sent) {
            case .count(let count): sent += count
            case .notNow:
                guard link.waitToSend(deadline: deadline) else { throw .timedOut(address, timeout) }
            // The server may have refused early; its answer says why.
            case .failed: return
            }
        }
    }

    private func receiveAnswer(
        to method: Method,
        over link: borrowing Link,
        deadline: UInt64
    ) throws(HTTPClientError) -> ClientResponse {
        var reader = ResponseReader(isHead: method == .head, bodyLimit: answerByteCount)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let result = link.receive(into: &buffer)
            do throws(ResponseReader.Failure) {
                switch result {
                case .count(0): return try reader.finish()
                case .count(let count):
                    if let response = try reader.take(buffer.span.extracting(0..<count)) {
                        return response
                    }
                    continue
                case .notNow: break
                case .failed(let code):
                    if let session = link.session {
                        throw .wrong("the connection broke: \(session.problem)")
                    }
                    throw .wrong(SystemError(call: "recv", errno: code).reason)
                }
            } catch {
                switch error {
                case .tooLong: throw .tooLong(address, limit: answerByteCount)
                case .wrong(let problem): throw .badAnswer(address, problem)
                }
            }
            guard link.waitToReceive(deadline: deadline) else { throw .timedOut(address, timeout) }
        }
    }
}

/// A connected socket, with TLS or without.
private struct Link: ~Copyable {
    let socket: Descriptor
    let session: TLSSession?

    func send(_ bytes: Span<UInt8>, from start: Int) -> IOResult {
        guard let session else { return Platform.send(bytes, from: start, to: socket.number) }
        return session.send(bytes, from: start)
    }

    func receive(into bytes: inout [UInt8]) -> IOResult {
        guard let session else {
            return Platform.receive(from: socket.number, into: &bytes, at: 0)
        }
        return session.receive(into: &bytes, at: 0)
    }

    func waitToSend(deadline: UInt64) -> Bool {
        let waits = session?.sendWaits ?? .writable
        return waitUntilReady(socket.number, toSend: waits == .writable, deadline: deadline)
    }

    func waitToReceive(deadline: UInt64) -> Bool {
        let waits = session?.receiveWaits ?? .readable
        return waitUntilReady(socket.number, toSend: waits == .writable, deadline: deadline)
    }
}
