// SPDX-License-Identifier: Apache-2.0
internal import Platform

extension EventLoop {
    /// Reads once and goes as far as the bytes allow.
    func read(_ connection: Connection) {
        let keptCount = connection.kept.count
        takeUpKept(connection)
        let result = receiveInput(of: connection, at: keptCount)
        guard case .count(let count) = result, count > 0 else {
            switch result {
            case .notNow:
                updateInterest(connection)
                noteUnread(connection)
            case .count: closeInOrder(connection)
            case .failed: close(connection)
            }
            return
        }
        counters.receivedBytes.add(count)
        connection.receivedCount &+= count
        if connection.phase == .lingering {
            connection.lingeredByteCount += count
            if connection.lingeredByteCount > 64 << 20 { close(connection) }
            return
        }
        process(connection, count: keptCount + count)
    }

    /// Goes on with the requests that came behind one that is answered now.
    func resume(_ connection: Connection) {
        guard connection.phase == .head, !connection.kept.isEmpty else { return }
        let count = connection.kept.count
        takeUpKept(connection)
        process(connection, count: count)
    }

    /// Puts what the connection kept at the start of the loop's buffer.
    private func takeUpKept(_ connection: Connection) {
        let count = connection.kept.count
        guard count > 0, connection.phase == .head else { return }
        input.replaceSubrange(0..<count, with: connection.kept)
    }

    /// Reads requests from the first `count` bytes of the input and has them answered in order.
    private func process(_ connection: Connection, count: Int) {
        connection.awaitsTurn = false
        let end = readRequests(connection, count: count)
        guard isOpen(connection) else {
            output.removeAll(keepingCapacity: true)
            return
        }
        switch connection.phase {
        case .head, .answering: keep(connection, input[end..<max(end, count)])
        case .body, .closing, .lingering, .handshake: keep(connection, [])
        }
        if connection.phase != .head { connection.awaitsTurn = false }
        flush(connection)
    }

    /// Stores what cannot be used yet; where there is no memory for it, the connection ends with
    /// the answer that is due.
    private func keep(_ connection: Connection, _ bytes: ArraySlice<UInt8>) {
        release(connection.keptCharge)
        connection.keptCharge = 0
        connection.kept = []
        guard !bytes.isEmpty else {
            connection.keptSince = 0
            return
        }
        if connection.keptSince == 0 { connection.keptSince = moment }
        idle.remove(connection.slot)
        guard
            connection.hasOutput
                ? reserveBehindAnswer(bytes.count, connection) : reserve(bytes.count)
        else {
            connection.style.isKeepAlive = false
            if connection.phase == .head { refuse(connection, .bufferMemory) }
            return
        }
        connection.keptCharge = bytes.count
        connection.kept = Array(bytes)
    }

    /// Answers how many of the bytes are used up.
    private func readRequests(_ connection: Connection, count: Int) -> Int {
        // A span needs a local owner; it is gone before the input is written again.
        let input = self.input
        let bytes = input.span.extracting(0..<count)
        var offset = 0
        var begunCount = 0
        while offset < count {
            switch connection.phase {
            case .head:
                guard begunCount < Self.turnRequestCount else {
                    connection.awaitsTurn = true
                    return offset
                }
                begunCount += 1
                offset += RequestParser.blankByteCount(bytes, from: offset)
                guard offset < count else { return offset }
                // A handler that kept the last head against its promise keeps it for itself.
                if !isKnownUniquelyReferenced(&head) { head = RequestHead() }
                let outcome = head.parse(
                    bytes,
                    from: offset,
                    with: parser,
                    on: connection
                )
                switch outcome {
                case .incomplete: return offset
                case .complete(let end): offset = begin(connection, bytes, from: end)
                case .refused(let refusal):
                    connection.style = ResponseEncoder.Style(
                        isHead: RequestParser.isHead(bytes, from: offset)
                    )
                    refuse(connection, refusal)
                }
            case .body: offset = takeBody(connection, bytes, from: offset)
            case .answering, .closing, .lingering, .handshake: return offset
            }
            if output.count > Self.inputByteCount {
                sendOutput(connection)
                if connection.hasOutput || !isOpen(connection) { return offset }
            }
        }
        return offset
    }

    /// Begins a request whose head was read; answers where reading goes on.
    private func begin(_ connection: Connection, _ bytes: Span<UInt8>, from start: Int) -> Int {
        let parts = head.parts
        head.arrival = connection.keptSince == 0 ? moment : connection.keptSince
        connection.keptSince = 0
        connection.sequence &+= 1
        connection.style = ResponseEncoder.Style(
            isHead: parts.method == .head,
            isKeepAlive: parts.isKeepAlive,
            isVersion10: parts.minorVersion == 0
        )
        if parts.framing != .none, parts.contentEncoding == .unknown {
            refuse(connection, .unknownContentEncoding())
            return start
        }
        switch parts.framing {
        case .none:
            answer(connection, head, bytes.extracting(start..<start))
            return start
        case .fixed(let count):
            guard count <= configuration.bodyByteCount else {
                refuse(connection, .bodyTooLong(limit: configuration.bodyByteCount))
                return start
            }
            if count <= bytes.count - start {
                answer(connection, head, bytes.extracting(start..<start + count))
                return start + count
            }
            connection.bodyByteCount = count
        case .chunked:
            connection.bodyByteCount = nil
            connection.chunks = ChunkedDecoder(bodyLimit: configuration.bodyByteCount)
        }
        if parts.expectsContinue, start == bytes.count {
            output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
        }
        connection.head = head
        head = RequestHead()
        connection.phase = .body
        awaitBody(connection)
        return start
    }

    /// Takes what came of a body; answers where reading goes on.
    private func takeBody(_ connection: Connection, _ bytes: Span<UInt8>, from start: Int) -> Int {
        if let expected = connection.bodyByteCount {
            let count = min(expected - connection.body.count, bytes.count - start)
            guard makeRoom(connection, for: count, limit: expected) else { return bytes.count }
            connection.body.append(bytes.extracting(start..<start + count))
            if connection.body.count == expected { finishBody(connection) }
            return start + count
        }
        let limit = configuration.bodyByteCount
        guard makeRoom(connection, for: bytes.count - start, limit: limit) else {
            return bytes.count
        }
        let outcome = connection.chunks?.decode(bytes, from: start, into: &connection.body)
        switch outcome {
        case .complete(let end):
            finishBody(connection)
            return end
        case .refused(let refusal): refuse(connection, refusal)
        case .needsMore, nil: break
        }
        return bytes.count
    }

    private func finishBody(_ connection: Connection) {
        guard let head = connection.head else { preconditionFailure("a body without a head") }
        let body = connection.body
        answer(connection, head, body.span)
        releaseBody(connection)
    }

    /// Lets the body grow by doubling, so that memory follows what came and not what was claimed.
    private func makeRoom(_ connection: Connection, for count: Int, limit: Int) -> Bool {
        let needed = connection.body.count + min(count, limit - connection.body.count)
        guard needed > connection.bodyCharge else { return true }
        let capacity = max(needed, min(limit, max(2 * connection.bodyCharge, 16 << 10)))
        let growth = capacity - connection.bodyCharge
        guard reserve(growth) else {
            refuse(connection, .bufferMemory)
            return false
        }
        connection.bodyCharge = capacity
        connection.body.reserveCapacity(capacity)
        return true
    }

    /// Gives back what the connection's body holds.
    func releaseBody(_ connection: Connection) {
        connection.head = nil
        connection.chunks = nil
        connection.body = []
        release(connection.bodyCharge)
        connection.bodyCharge = 0
    }

    /// Has the handler answer a request that is all there.
    private func answer(_ connection: Connection, _ request: RequestHead, _ body: Span<UInt8>) {
        guard request.parts.contentEncoding == .identity || body.isEmpty else {
            do throws(Refusal) {
                let unpacked = try inflateBody(
                    body,
                    request.parts.contentEncoding,
                    limit: configuration.bodyByteCount
                )
                callHandler(connection, request, unpacked.span)
            } catch {
                refuse(connection, error)
            }
            return
        }
        callHandler(connection, request, body)
    }

    private func callHandler(
        _ connection: Connection,
        _ request: RequestHead,
        _ body: Span<UInt8>
    ) {
        counters.requests.add(1)
        if request.method == .options, request.parts.path.isEmpty {
            respond(connection, Response(status: 204, headers: ["allow": Method.all]))
            return
        }
        // The head may have been another client's before, so that nobody's name must stay in it.
        if tls != nil { request.clientName = connection.secure?.clientName }
        let unpacks = request.withHeader("accept-encoding") { acceptsGzip($0) } ?? false
        let packing = unpacks ? compressor : nil
        let exchange = Exchange(mailbox, connection.ticket, packing)
        let reply = handler.handle(request, body: body, exchange: exchange)
        switch reply {
        case .now(let response):
            respond(connection, packing?.compress(response) ?? response)
        case .later:
            connection.phase = .answering
            setDeadline(connection, .answer, after: deadlines.answer)
        }
    }
}
