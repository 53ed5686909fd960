// SPDX-License-Identifier: Apache-2.0
internal import Platform

extension EventLoop {
    /// How many more connections than the limit may wait for their refusal to be read.
    private static var politeCount: Int { 256 }

    /// Takes connections until there are none, or some, so that others get their turn.
    func acceptConnections() {
        for _ in 0..<64 { guard acceptOne() else { return } }
    }

    /// Takes what the listener still holds, closes it, and lets the connections end.
    func stopAccepting() {
        guard !isDraining else { return }
        // The kernel resets what is in the queue of a listener that is closed.
        for _ in 0..<65536 { guard acceptOne() else { break } }
        if let number = listener?.number { poll.remove(number) }
        listener = nil
        isDraining = true
        let end = now + deadlines.drainGrace
        for connection in connections {
            guard let connection, connection.waiting == .idle, end < connection.deadline else {
                continue
            }
            setDeadline(connection, .idle, at: end)
        }
    }

    /// Takes one connection; answers whether there may be another.
    private func acceptOne() -> Bool {
        guard let number = listener?.number else { return false }
        switch acceptConnection(from: number) {
        case .connection(let descriptor): add(descriptor)
        case .gone: break
        case .notNow: return false
        case .noDescriptors: return turnAwayOne(from: number)
        case .failed:
            pauseAccepting()
            return false
        }
        return true
    }

    private func add(_ descriptor: Int32) {
        counters.accepted.add(1)
        let open = counters.open.add(1)
        guard open <= configuration.connectionLimit + Self.politeCount else {
            counters.turnedAway.add(1)
            counters.open.add(-1)
            closeDescriptor(descriptor)
            return
        }
        lastGeneration &+= 1
        let slot = freeSlots.popLast() ?? UInt32(connections.count)
        let connection = Connection(
            descriptor: descriptor,
            slot: slot,
            generation: lastGeneration
        )
        if Int(slot) == connections.count {
            connections.append(connection)
        } else {
            connections[Int(slot)] = connection
        }
        openCount += 1
        do throws(SystemError) {
            try poll.add(descriptor, for: .readable, token: connection.token)
        } catch {
            close(connection)
            return
        }
        connection.isSurplus = open > configuration.connectionLimit && !evict()
        if connection.isSurplus { counters.turnedAway.add(1) }
        if tls != nil {
            // Not before its first byte: who sends nothing costs nothing.
            connection.phase = .handshake
            setDeadline(connection, .handshake, after: deadlines.handshake)
            idle.append(connection.slot)
        } else {
            welcome(connection)
        }
    }

    /// Makes room for a new connection by closing the one on which nothing has happened for longest.
    ///
    /// - Returns: false where all are busy.
    private func evict() -> Bool {
        for _ in 0..<8 {
            guard let slot = idle.first, let oldest = connections[Int(slot)] else { return false }
            idle.remove(slot)
            if closeIdle(oldest) {
                counters.evicted.add(1)
                return true
            }
        }
        return false
    }

    /// Waits for the first request, or says why there will be none.
    func welcome(_ connection: Connection) {
        setDeadline(connection, .head, after: deadlines.head)
        guard connection.isSurplus else {
            idle.append(connection.slot)
            return
        }
        refuse(connection, .tooManyConnections)
        flush(connection)
    }

    /// Makes room by giving the reserve away for a moment, so that the client learns why.
    ///
    /// Without it the listener would stay readable and the loop would spin.
    private func turnAwayOne(from number: Int32) -> Bool {
        guard let reserveDescriptor else {
            pauseAccepting()
            return false
        }
        closeDescriptor(reserveDescriptor)
        let result = acceptConnection(from: number)
        if case .connection(let descriptor) = result {
            counters.turnedAway.add(1)
            let bytes = tls == nil ? surplusAnswer() : TLSAlert.internalError
            _ = send(bytes.span, from: 0, to: descriptor)
            shutDownSending(descriptor)
            _ = receive(from: descriptor, into: &input, at: 0)
            closeDescriptor(descriptor)
        }
        self.reserveDescriptor = openReserveDescriptor()
        switch result {
        case .connection, .gone: return true
        default: return false
        }
    }

    private func surplusAnswer() -> [UInt8] {
        let refusal = Refusal.tooManyConnections
        var bytes: [UInt8] = []
        ResponseEncoder.encode(
            configuration.errorResponse(refusal.status, refusal.code, refusal.sentence),
            style: ResponseEncoder.Style(isKeepAlive: false),
            date: date.line,
            into: &bytes
        )
        return bytes
    }

    /// Leaves the listener alone for a moment when the kernel is out of something.
    private func pauseAccepting() {
        guard let number = listener?.number else { return }
        try? poll.change(number, to: [], token: Self.listenerToken)
        isAcceptingPaused = true
        acceptAgainAt = now + 100
    }

    /// Listens again after a pause.
    func resumeAccepting() {
        guard isAcceptingPaused, let number = listener?.number else { return }
        isAcceptingPaused = false
        acceptAgainAt = .max
        try? poll.change(number, to: .readable, token: Self.listenerToken)
    }
}
