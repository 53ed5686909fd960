// SPDX-License-Identifier: Apache-2.0
internal import Platform

extension EventLoop {
    /// How many more connections than the limit may wait for their refusal to be read.
    private static var politeCount: Int { 256 }
    /// Milliseconds.
    private static var pause: Int64 { 100 }

    /// Takes connections until there are none, or some, so that others get their turn.
    func acceptConnections(_ index: Int) {
        guard index < listeners.count else { return }
        let listener = listeners[index]
        for _ in 0..<64 { guard acceptOne(from: listener) else { return } }
    }

    /// Takes what the listeners still hold, and lets the connections end.
    ///
    /// The kernel resets what is in the queue of a listener that is closed. So newcomers are turned away
    /// first, and those on their way have a moment to arrive. A listener that somebody else keeps is let
    /// go at once: its newcomers wait for whoever takes it next.
    func stopAccepting() {
        guard !isDraining else { return }
        isDraining = true
        for listener in listeners where listener.owner == .loop {
            turnAwayNewcomers(of: listener.number)
        }
        acceptWaiting()
        closeListeners { $0.owner == .other }
        closeListenersAt = now + deadlines.closeGrace
        let end = now + deadlines.drainGrace
        for connection in connections {
            guard let connection, connection.isQuiet, end < connection.deadline else { continue }
            setDeadline(connection, .idle, at: end)
        }
    }

    /// Takes what came in the grace, and closes the listeners.
    func finishAccepting() {
        closeListenersAt = .max
        acceptWaiting()
        closeListeners { _ in true }
    }

    private func acceptWaiting() {
        for listener in listeners {
            for _ in 0..<65536 { guard acceptOne(from: listener) else { break } }
        }
    }

    private func closeListeners(where isOver: (Listener) -> Bool) {
        // A socket that others hold too would go on telling of clients.
        for listener in listeners where isOver(listener) { poll.remove(listener.number) }
        let left = listeners.filter { !isOver($0) }
        guard left.count < listeners.count else { return }
        for listener in left { poll.remove(listener.number) }
        listeners = left
        try? listen()
    }

    /// Waits for clients on all listeners.
    func listen() throws(SystemError) {
        for (index, listener) in listeners.enumerated() {
            try poll.add(
                listener.number,
                for: listener.wantedReadiness,
                token: Self.firstListenerToken + UInt64(index)
            )
        }
    }

    /// Takes one connection; answers whether there may be another.
    private func acceptOne(from listener: Listener) -> Bool {
        switch DescriptorReserve.ofProcess.accept(from: listener.number) {
        case .connection(let descriptor): add(descriptor, from: listener)
        case .gone: break
        case .notNow: return false
        case .noDescriptors: return turnAwayOne(from: listener)
        case .failed:
            pauseAccepting()
            return false
        }
        return true
    }

    private func add(_ descriptor: Int32, from listener: Listener) {
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
        if tls != nil, !listener.isLocal {
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
        // A connection whose answer is made and not sent would look like one on which nothing happens.
        sendPending()
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
        guard connection.isSurplus else {
            if isDraining {
                setDeadline(connection, .idle, after: deadlines.drainGrace)
            } else {
                setDeadline(connection, .head, after: deadlines.head)
                idle.append(connection.slot)
            }
            return
        }
        setDeadline(connection, .head, after: deadlines.head)
        refuse(connection, .tooManyConnections)
        flush(connection)
    }

    /// Makes room by giving the reserve away for a moment, so that the client learns why.
    ///
    /// Without it the listener would stay readable and the loop would spin.
    private func turnAwayOne(from listener: Listener) -> Bool {
        let isPlain = tls == nil || listener.isLocal
        let bytes = isPlain ? surplusAnswer() : TLSAlert.internalError
        let result = DescriptorReserve.ofProcess.turnAway(from: listener.number) { descriptor in
            counters.turnedAway.add(1)
            _ = send(bytes.span, from: 0, to: descriptor)
            shutDownSending(descriptor)
            _ = receive(from: descriptor, into: &input, at: 0)
        }
        switch result {
        case .connection, .gone: return true
        case .notNow: return false
        case .noDescriptors, .failed:
            pauseAccepting()
            return false
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

    /// Leaves the listeners alone for a moment when the kernel is out of something.
    private func pauseAccepting() {
        guard !isAcceptingPaused else { return }
        for listener in listeners { poll.remove(listener.number) }
        isAcceptingPaused = true
        acceptAgainAt = now + Self.pause
    }

    /// Listens again after a pause.
    func resumeAccepting() {
        guard isAcceptingPaused else { return }
        do throws(SystemError) {
            try listen()
            isAcceptingPaused = false
            acceptAgainAt = .max
        } catch {
            for listener in listeners { poll.remove(listener.number) }
            acceptAgainAt = now + Self.pause
        }
    }
}
