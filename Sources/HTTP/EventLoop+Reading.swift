// SPDX-License-Identifier: Apache-2.0
internal import Platform

extension EventLoop {
    /// Reads once and goes as far as the bytes allow.
    func read(_ connection: Connection) {
        let keptCount = connection.kept.count
        let isBody = readsBodyDirectly(connection)
        let result: IOResult
        if isBody {
            result = readBody(connection)
            guard connection.phase == .body else {
                process(connection, count: 0)
                return
            }
        } else {
            takeUpKept(connection)
            result = receiveInput(of: connection, at: keptCount)
        }
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
        if isBody { noteBodyRead(connection, count: count) }
        process(connection, count: isBody ? 0 : keptCount + count)
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
            dropOutput()
            return
        }
        switch connection.phase {
        case .head, .answering, .streaming: keep(connection, input[end..<max(end, count)])
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
            case .answering, .streaming, .closing, .lingering, .handshake: return offset
            }
            if output.count - pending.end > Self.inputByteCount || !outputBody.isEmpty {
                sendOutput(connection)
            }
            if connection.hasOutput || !isOpen(connection) { return offset }
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
            callHandler(connection, head, bytes.extracting(start..<start))
            return start
        case .fixed(let count):
            guard count <= configuration.bodyByteCount else {
                refuse(connection, .bodyTooLong(limit: configuration.bodyByteCount))
                return start
            }
            if count <= bytes.count - start, parts.contentEncoding == .identity || count == 0 {
                callHandler(connection, head, bytes.extracting(start..<start + count))
                return start + count
            }
            connection.bodyRemainder = count
        case .chunked:
            connection.bodyRemainder = nil
            connection.chunks = ChunkedDecoder(bodyLimit: configuration.bodyByteCount)
        }
        let encoding = parts.contentEncoding
        guard encoding == .identity || beginUnpacking(connection, encoding) else {
            refuse(connection, .bufferMemory)
            return start
        }
        if parts.expectsContinue, start == bytes.count {
            output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
        }
        beginBody(connection, of: head)
        connection.head = head
        head = RequestHead()
        connection.phase = .body
        awaitBody(connection)
        return start
    }

    /// Has the handler answer a request that is all there.
    ///
    /// `memory` is where the body lies, if in memory of its own.
    func callHandler(
        _ connection: Connection,
        _ request: RequestHead,
        _ body: Span<UInt8>,
        in memory: BodyMemory? = nil
    ) {
        counters.requests.add(1)
        if request.method == .options, request.parts.path.isEmpty {
            respond(connection, Response(status: 204, headers: ["allow": Method.all]))
            return
        }
        // The head may have been another client's before, so that nobody's name must stay in it.
        if tls != nil { request.clientName = connection.secure?.clientName }
        let packs = request.withHeader("accept-encoding") { acceptsGzip($0) } ?? false
        let exchange = Exchange(mailbox, connection.ticket, packs: packs, memory)
        switch handler.handle(request, body: body, exchange: exchange) {
        case .now(let response) where packs:
            respond(connection, mailbox.compressor.compress(response))
        case .now(let response):
            respond(connection, response)
        case .later:
            connection.phase = .answering
            setDeadline(connection, .answer, after: deadlines.answer)
        }
    }
}
