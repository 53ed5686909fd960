// SPDX-License-Identifier: Apache-2.0

/// An answer as a client has it.
package struct ClientResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// The value of the first header field with this name, in any case.
    package func header(_ name: String) -> String? {
        for (candidate, value) in headers
        where candidate.utf8.span.equalsIgnoringCase(name.utf8.span) {
            return value
        }
        return nil
    }

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// Reads one answer from the bytes of a connection as they come (RFC 9112 sections 4 and 6).
struct ResponseReader {
    enum Failure: Error, Equatable {
        case tooLong
        case wrong(String)
    }

    private enum Framing {
        case none
        case fixed(Int)
        case chunked
        case untilClosed
    }

    let isHead: Bool
    let bodyLimit: Int
    private var pending: [UInt8] = []
    private var response: ClientResponse?
    private var framing = Framing.untilClosed
    private var chunks: ChunkedDecoder

    init(isHead: Bool, bodyLimit: Int) {
        self.isHead = isHead
        self.bodyLimit = bodyLimit
        chunks = ChunkedDecoder(bodyLimit: bodyLimit)
    }

    /// Takes the next bytes; answers the response when it is whole.
    mutating func take(_ bytes: Span<UInt8>) throws(Failure) -> ClientResponse? {
        pending.append(bytes)
        while response == nil {
            guard let end = headEnd() else {
                guard pending.count <= 64 << 10 else { throw .wrong("its head is too long") }
                return nil
            }
            try readHead(to: end)
            pending.removeFirst(end)
        }
        return try takeBody()
    }

    /// Says that no more will come.
    mutating func finish() throws(Failure) -> ClientResponse {
        guard let response else {
            throw .wrong(
                pending.isEmpty
                    ? "it closed the connection without one" : "it ends within the head"
            )
        }
        guard case .untilClosed = framing else { throw .wrong("it ends within the body") }
        return response
    }

    private mutating func takeBody() throws(Failure) -> ClientResponse? {
        defer { pending.removeAll(keepingCapacity: true) }
        switch framing {
        case .none: return response
        case .fixed(let count):
            let missing = count - (response?.body.count ?? 0)
            response?.body.append(contentsOf: pending.prefix(missing))
            return response?.body.count == count ? response : nil
        case .untilClosed:
            response?.body.append(contentsOf: pending)
            guard response?.body.count ?? 0 <= bodyLimit else { throw .tooLong }
            return nil
        case .chunked:
            var body = response?.body ?? []
            response?.body = []
            let bytes = pending
            let outcome = chunks.decode(bytes.span, from: 0, into: &body)
            response?.body = body
            switch outcome {
            case .needsMore: return nil
            case .complete: return response
            case .refused(let refusal):
                if refusal.status == 413 { throw .tooLong }
                throw .wrong("its chunks are not well-formed")
            }
        }
    }

    /// Behind the empty line, when it is there.
    private func headEnd() -> Int? {
        guard pending.count >= 4 else { return nil }
        for index in 0...(pending.count - 4)
        where pending[index] == Byte.carriageReturn && pending[index + 1] == Byte.lineFeed
            && pending[index + 2] == Byte.carriageReturn && pending[index + 3] == Byte.lineFeed
        {
            return index + 4
        }
        return nil
    }

    private mutating func readHead(to end: Int) throws(Failure) {
        let text = String(decoding: pending[..<(end - 4)], as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let parts = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].utf8.count == 3,
            let status = Int(parts[1]), status >= 100
        else { throw .wrong("it begins with \"\(lines.first?.prefix(40) ?? "")\"") }
        // An interim answer is followed by another; this client asked for none but may get them.
        guard status >= 200 else { return }
        var answer = ClientResponse(status: status, headers: [], body: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else {
                throw .wrong("a header line has no colon")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            answer.headers.append((String(line[..<colon]), String(value)))
        }
        if isHead || status == 204 || status == 304 {
            framing = .none
        } else if let coding = answer.header("transfer-encoding") {
            guard coding.utf8.elementsEqual("chunked".utf8) else {
                throw .wrong("its transfer encoding is \(coding)")
            }
            framing = .chunked
        } else if let length = answer.header("content-length") {
            guard let count = Int(length), count >= 0 else {
                throw .wrong("its Content-Length is \(length)")
            }
            guard count <= bodyLimit else { throw .tooLong }
            framing = .fixed(count)
        }
        response = answer
    }
}
