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
        switch connection.waiting {
        case .idle:
            // A request may be there that no event has told yet.
            connection.deadline = .max
            read(connection)
            if isOpen(connection), connection.deadline == .max { close(connection) }
            return
        case .head where connection.kept.isEmpty: close(connection)
        case .head:
            connection.style = .init()
            refuse(connection, .timeout("head"))
            connection.kept = []
            flush(connection)
        case .body:
            refuse(connection, .timeout("body"))
            flush(connection)
        case .answer:
            connection.sequence &+= 1
            refuse(connection, .unanswered)
            flush(connection)
        case .write, .linger: close(connection)
        }
        counters.timeouts.add(1)
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
