// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Deadlines are kept in the connections; the wheel only says whose to look at. Setting one is two
/// stores as long as it is later than the last, which nearly all are.
extension EventLoop {
    /// How long the steps of a connection may take, in milliseconds.
    struct Deadlines {
        let head, body, idle, write, answer, linger, handshake, rateWindow: Int64
        let closeGrace, drainGrace: Int64

        init(_ configuration: HTTPConfiguration) {
            head = milliseconds(configuration.headDeadline)
            body = milliseconds(configuration.bodyDeadline)
            idle = milliseconds(configuration.idleDeadline)
            write = milliseconds(configuration.writeDeadline)
            answer = milliseconds(configuration.answerDeadline)
            linger = milliseconds(configuration.lingerDeadline)
            closeGrace = milliseconds(configuration.closeGrace)
            drainGrace = milliseconds(configuration.drainGrace)
            handshake = milliseconds(configuration.tls?.handshakeDeadline ?? .zero)
            rateWindow = max(1, milliseconds(configuration.rateWindow))
        }
    }

    /// Sets the only deadline that a connection has at a time.
    func setDeadline(_ connection: Connection, _ waiting: Connection.Waiting, after: Int64) {
        setDeadline(connection, waiting, at: now &+ after)
    }

    func setDeadline(_ connection: Connection, _ waiting: Connection.Waiting, at moment: Int64) {
        if waiting == .idle {
            idle.append(connection.slot)
        } else {
            idle.remove(connection.slot)
        }
        connection.waiting = waiting
        connection.deadline = moment
        arm(connection)
    }

    /// Sees to it that the wheel tells of the connection when its deadline passes, or before.
    private func arm(_ connection: Connection) {
        let tick = wheel.tick(of: connection.deadline)
        guard tick < connection.armedTick else { return }
        connection.armedTick = tick
        wheel.add(connection.token, at: tick)
    }

    /// How long the loop may wait for events: for ever, or until a deadline may have passed.
    func waitMilliseconds() -> Int32 {
        let moment = min(wheel.next ?? .max, acceptAgainAt, closeListenersAt)
        return moment == .max ? -1 : Int32(clamping: max(0, moment - now))
    }

    /// Ends what is over its deadline.
    func checkDeadlines() {
        if now >= acceptAgainAt { resumeAccepting() }
        if now >= closeListenersAt { finishAccepting() }
        while let (tick, tokens) = wheel.takeDue(at: now) {
            for token in tokens {
                guard let connection = connection(token), connection.armedTick == tick else {
                    continue
                }
                connection.armedTick = .max
                if connection.deadline <= now {
                    expire(connection)
                } else {
                    arm(connection)
                }
            }
        }
    }

    /// Begins to wait for a body, which has to come at the least rate all the time, and whole in the end.
    func awaitBody(_ connection: Connection) {
        connection.bodyEnd = now + deadlines.body
        awaitMoreBody(connection)
    }

    /// Goes on waiting for a body, a window of time at a time.
    func awaitMoreBody(_ connection: Connection) {
        connection.windowStart = connection.receivedCount
        let end = min(connection.bodyEnd, now + deadlines.rateWindow)
        setDeadline(connection, .body, at: end)
    }

    /// Begins to wait for a client to take what was sent; asked again, it does not begin anew.
    func awaitTaking(_ connection: Connection) {
        guard connection.waiting != .write else { return }
        beginWriteWindow(connection)
    }

    private func beginWriteWindow(_ connection: Connection) {
        connection.windowStart = takenCount(connection)
        setDeadline(connection, .write, after: deadlines.write)
    }

    /// The bytes that the client's side has acknowledged; the kernel's buffer may hold much more.
    func takenCount(_ connection: Connection) -> Int {
        connection.transmittedCount - untakenByteCount(of: connection.descriptor)
    }

    /// Whether enough has come or gone since the window began.
    private func isFast(_ count: Int, _ connection: Connection, over window: Int64) -> Bool {
        let (product, overflows) = Int(window).multipliedReportingOverflow(
            by: configuration.minimumRate
        )
        return !overflows && count - connection.windowStart >= max(1, product / 1000)
    }

    private func expire(_ connection: Connection) {
        switch connection.waiting {
        case .idle:
            if closeIdle(connection) { counters.timeouts.add(1) }
            return
        case .body
        where now < connection.bodyEnd
            && isFast(connection.receivedCount, connection, over: deadlines.rateWindow):
            awaitMoreBody(connection)
            return
        case .write where isFast(takenCount(connection), connection, over: deadlines.write):
            beginWriteWindow(connection)
            return
        default: break
        }
        if connection.waiting != .linger { counters.timeouts.add(1) }
        switch connection.waiting {
        case .head where !connection.kept.isEmpty:
            let kept = connection.kept
            connection.style = .init(
                isHead: RequestParser.isHead(kept.span, from: 0)
            )
            connection.kept = []
            refuse(connection, .timeout("head"))
        case .body: refuse(connection, .timeout("body"))
        case .answer:
            // The promised answer has another number when it comes after all.
            connection.sequence &+= 1
            refuse(connection, .unanswered)
        case .handshake:
            tls?.counters.count(.timeout)
            close(connection)
            return
        case .head, .idle, .write, .linger:
            close(connection)
            return
        }
        flush(connection)
    }

    /// Closes a connection on which nothing is under way.
    ///
    /// - Returns: false where there is something after all: a request of which no event has told yet.
    func closeIdle(_ connection: Connection) -> Bool {
        let received = connection.receivedCount
        if connection.phase != .handshake { read(connection) }
        guard isOpen(connection) else { return true }
        guard connection.receivedCount == received else { return false }
        closeInOrder(connection)
        return true
    }
}

/// The duration in whole milliseconds, rounded up; a negative one is none.
func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, seconds < 1 << 40, attoseconds >= 0 else {
        return seconds < 0 ? 0 : 1 << 50
    }
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
}
