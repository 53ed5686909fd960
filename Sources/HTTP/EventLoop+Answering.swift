// SPDX-License-Identifier: Apache-2.0
internal import Platform

extension EventLoop {
    /// A body of this many bytes is sent from where it is.
    private static let longBodyByteCount = 32 << 10

    /// Takes a promised answer; one whose client or request is gone is dropped.
    func answer(_ ticket: Ticket, _ response: Response) {
        let slot = Int(ticket.slot)
        guard slot < connections.count, let connection = connections[slot],
            connection.ticket == ticket, connection.phase == .answering
        else {
            counters.droppedAnswers.add(1)
            return
        }
        respond(connection, response)
        flush(connection)
    }

    /// Answers with what the protocol itself has to say, and closes.
    func refuse(_ connection: Connection, _ refusal: Refusal) {
        counters.refusals.add(1)
        releaseBody(connection)
        var response = configuration.errorResponse(
            refusal.status,
            refusal.code,
            refusal.sentence
        )
        response.closesConnection = true
        respond(connection, response)
    }

    /// Writes an answer to the loop's output; `flush` has to follow.
    func respond(_ connection: Connection, _ response: Response) {
        if let source = response.source, !connection.style.isHead {
            begin(source, of: response, connection)
            return
        }
        let closes =
            response.closesConnection || isDraining || !connection.style.isKeepAlive
        connection.style.isKeepAlive = !closes
        let style = connection.style
        let isLong = response.body.count >= Self.longBodyByteCount && !style.isHead
        ResponseEncoder.encode(
            response,
            style: style,
            date: date.line,
            leavingBody: isLong,
            into: &output
        )
        connection.servedCount += 1
        connection.phase = closes ? .closing : .head
        if isLong { outputBody = response.body }
    }

    /// Sends the loop's output and brings deadline and interest in line with the state.
    ///
    /// A short answer after which the connection goes on waits for others of the same wake-up: sending
    /// the first of them wakes a client that sleeps, which costs more than all else about a small
    /// answer, and by the next it is awake.
    func flush(_ connection: Connection) {
        if connection.phase == .head, !connection.hasOutput, !pending.isBeingSent,
            outputBody.isEmpty, 1...PendingAnswers.mostBytes ~= output.count - pending.end
        {
            pending.add(connection.token, upTo: output.count)
            if pending.isDue { sendPending() }
            return
        }
        sendOutput(connection)
        settle(connection)
    }

    /// Sends the answers that waited.
    func sendPending() {
        guard !pending.parts.isEmpty else { return }
        pending.isBeingSent = true
        var start = 0
        for part in pending.parts {
            if let connection = connection(part.token) {
                deliver(output, start..<part.end, to: connection)
                settle(connection)
            }
            start = part.end
        }
        pending.removeAll()
        dropOutput()
    }

    /// Forgets what the output holds behind the answers that wait.
    func dropOutput() {
        if pending.end > 0 {
            output.removeLast(output.count - pending.end)
        } else {
            // One long answer must not hold its memory for ever.
            output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
        }
        outputBody = []
    }

    /// Sends the loop's output; what the kernel does not take now becomes the connection's.
    func sendOutput(_ connection: Connection) {
        let (start, end) = (pending.end, output.count)
        guard start < end else { return }
        let body = outputBody
        defer { dropOutput() }
        // The descriptor of a closed connection may be another's by now.
        guard isOpen(connection) else { return }
        guard !connection.hasOutput else {
            let before = connection.output[connection.sentCount...]
            hold(connection, Array(before + output[start...] + body))
            return
        }
        deliver(output, start..<end, to: connection, isFollowed: !body.isEmpty)
        guard !body.isEmpty, isOpen(connection) else { return }
        if connection.hasOutput {
            hold(connection, Array(connection.output[connection.sentCount...] + body))
        } else {
            deliver(body, 0..<body.count, to: connection)
        }
    }

    /// Sends a part of `bytes`; what the kernel does not take now becomes the connection's.
    private func deliver(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        to connection: Connection,
        isFollowed: Bool = false
    ) {
        var sent = 0
        let span = bytes.span.extracting(0..<range.upperBound)
        switch transmit(span, from: range.lowerBound, to: connection, isFollowed: isFollowed) {
        case .count(let count): sent = count
        case .notNow: break
        case .failed: close(connection)
        }
        counters.sentBytes.add(sent)
        connection.transmittedCount &+= sent
        guard sent < range.count, isOpen(connection) else { return }
        let rest = range.lowerBound + sent
        if range.count >= Self.longBodyByteCount, range.upperBound == bytes.count {
            hold(connection, bytes, from: rest)
        } else {
            hold(connection, Array(bytes[rest..<range.upperBound]))
        }
    }

    /// Stores what the kernel does not take now; a client for which there is no memory is let go.
    private func hold(_ connection: Connection, _ bytes: [UInt8], from start: Int = 0) {
        release(connection.outputCharge)
        connection.outputCharge = 0
        guard reserveBehindAnswer(bytes.count, connection) else {
            close(connection)
            return
        }
        connection.outputCharge = bytes.count
        connection.output = bytes
        connection.sentCount = start
        awaitTaking(connection)
    }

    /// Sends more of what the kernel did not take before.
    func goOnSending(_ connection: Connection) {
        let output = connection.output
        let result = transmit(output.span, from: connection.sentCount, to: connection)
        switch result {
        case .count(let count):
            counters.sentBytes.add(count)
            connection.sentCount += count
            connection.transmittedCount &+= count
        case .notNow: break
        case .failed:
            close(connection)
            return
        }
        guard !connection.hasOutput else {
            updateInterest(connection)
            return
        }
        connection.output = []
        connection.sentCount = 0
        release(connection.outputCharge)
        connection.outputCharge = 0
        switch connection.phase {
        case .answering: setDeadline(connection, .answer, after: deadlines.answer)
        case .body: awaitMoreBody(connection)
        case .head, .streaming, .closing, .lingering, .handshake: break
        }
        settle(connection)
    }

    /// Does what follows when the answers so far are written.
    func settle(_ connection: Connection) {
        guard isOpen(connection) else { return }
        if !connection.hasOutput {
            switch connection.phase {
            case .head:
                // What waited behind an answer may hold whole requests.
                if connection.waiting == .write || connection.waiting == .answer,
                    !connection.kept.isEmpty
                {
                    // The time in which a client did not read is not held against its next request.
                    if connection.waiting == .write { connection.keptSince = moment }
                    setDeadline(connection, .head, after: deadlines.head)
                    resume(connection)
                    return
                }
                awaitRequest(connection)
            case .streaming: connection.awaitsTurn = true
            case .closing: if endSending(connection) { linger(connection) }
            case .body, .answering, .lingering, .handshake: break
            }
        }
        updateInterest(connection)
        noteUnread(connection)
    }

    /// Lets the client read what was sent before the connection is closed.
    func linger(_ connection: Connection) {
        shutDownSending(connection.descriptor)
        connection.phase = .lingering
        setDeadline(connection, .linger, after: deadlines.linger)
    }

    /// Sets the deadline for the rest of a head that has begun, or for the next to begin.
    private func awaitRequest(_ connection: Connection) {
        if !connection.kept.isEmpty {
            // Another head than the one that was awaited begins anew.
            guard connection.waiting != .head || connection.keptSince == moment else { return }
            setDeadline(connection, .head, after: deadlines.head)
        } else if connection.servedCount > 0 {
            setDeadline(
                connection,
                .idle,
                after: isDraining ? deadlines.drainGrace : deadlines.idle
            )
        }
    }

    func isOpen(_ connection: Connection) -> Bool {
        connections[Int(connection.slot)] === connection
    }
}
