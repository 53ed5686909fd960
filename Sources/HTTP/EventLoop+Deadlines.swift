// SPDX-License-Identifier: Apache-2.0

/// Deadlines are kept in the connections and looked through in a sweep, which comes when the first
/// of them may have passed: setting one is two stores, and most are replaced long before they pass.
extension EventLoop {
    /// Sets the only deadline that a connection has at a time.
    func setDeadline(_ connection: Connection, _ waiting: Connection.Waiting, after: Duration) {
        setDeadline(connection, waiting, at: now + milliseconds(after))
    }

    func setDeadline(_ connection: Connection, _ waiting: Connection.Waiting, at moment: Int64) {
        connection.waiting = waiting
        connection.deadline = moment
        if moment < nextSweep { nextSweep = moment }
    }

    /// How long the loop may wait for events: for ever, or until the next sweep.
    func waitMilliseconds() -> Int32 {
        nextSweep == .max ? -1 : Int32(clamping: max(0, nextSweep - now))
    }

    /// Ends what is over its deadline.
    func sweep() {
        nextSweep = .max
        resumeAccepting()
        for connection in connections {
            if let connection, connection.deadline <= now { expire(connection) }
        }
        var first = Int64.max
        for connection in connections {
            if let connection, connection.deadline < first { first = connection.deadline }
        }
        // Sweeps keep a distance, so that many deadlines close together cost one.
        if first != .max { nextSweep = min(nextSweep, max(first, now + 10)) }
    }

    private func expire(_ connection: Connection) {
        if connection.waiting == .idle {
            // A request may be there that no event has told yet.
            connection.deadline = .max
            read(connection)
            guard isOpen(connection), connection.deadline == .max else { return }
            counters.timeouts.add(1)
            closeInOrder(connection)
            return
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
}

/// The duration in whole milliseconds, rounded up; a negative one is none.
func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, seconds < 1 << 40, attoseconds >= 0 else {
        return seconds < 0 ? 0 : 1 << 50
    }
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
}
