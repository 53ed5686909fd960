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
        }
    }
}

/// A small client that waits, for the command line and probes: one request a connection.
package struct HTTPClient: Sendable {
    package var host: String
    package var port: UInt16
    /// For the whole exchange, from connecting to the last byte.
    package var timeout = Duration.seconds(10)
    package var answerByteCount = 64 << 20

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

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
        try sendAll(
            encode(method, target, headers, body),
            to: socket.number,
            deadline: deadline
        )
        return try receiveAnswer(to: method, from: socket.number, deadline: deadline)
    }

    private func connect(deadline: UInt64) throws(SystemError) -> Descriptor {
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
        var head = "\(method.name) \(target) HTTP/1.1\r\nhost: \(address)\r\nconnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == .post || method == .put || method == .patch {
            head += "content-length: \(body.count)\r\n"
        }
        return Array(head.utf8) + [Byte.carriageReturn, Byte.lineFeed] + body
    }

    private func sendAll(
        _ bytes: [UInt8],
        to number: Int32,
        deadline: UInt64
    ) throws(HTTPClientError) {
        var sent = 0
        while sent < bytes.count {
            switch Platform.send(bytes.span, from: sent, to: number) {
            case .count(let count): sent += count
            case .notNow:
                guard waitUntilReady(number, toSend: true, deadline: deadline) else {
                    throw .timedOut(address, timeout)
                }
            // The server may have refused early; its answer says why.
            case .failed: return
            }
        }
    }

    private func receiveAnswer(
        to method: Method,
        from number: Int32,
        deadline: UInt64
    ) throws(HTTPClientError) -> ClientResponse {
        var reader = ResponseReader(isHead: method == .head, bodyLimit: answerByteCount)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let result = Platform.receive(from: number, into: &buffer, at: 0)
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
                    throw .wrong(SystemError(call: "recv", errno: code).reason)
                }
            } catch {
                switch error {
                case .tooLong: throw .tooLong(address, limit: answerByteCount)
                case .wrong(let problem): throw .badAnswer(address, problem)
                }
            }
            guard waitUntilReady(number, toSend: false, deadline: deadline) else {
                throw .timedOut(address, timeout)
            }
        }
    }
}
