// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The one place where connections with TLS and without differ: everything else receives, transmits and
/// ends through here.
///
/// Handshakes run on the loop: one takes 0.3 to 0.8 ms of the processor, by the kind of key and whether a
/// ticket spares the signature. All else of the loop waits meanwhile, as it would for a dear request.
extension EventLoop {
    /// Receives into the input from index `start` on.
    func receiveInput(of connection: Connection, at start: Int) -> IOResult {
        guard let secure = connection.secure else {
            return receive(from: connection.descriptor, into: &input, at: start)
        }
        return secure.receive(into: &input, at: start)
    }

    /// Receives into memory, at most as much as there is.
    func receiveBody(into bytes: inout MutableRawSpan, of connection: Connection) -> IOResult {
        guard let secure = connection.secure else {
            return receive(from: connection.descriptor, into: &bytes)
        }
        return secure.receive(into: &bytes)
    }

    /// Transmits bytes from index `start` on, as much as the kernel takes.
    ///
    /// `isFollowed` says that more comes right behind, so that it need not be sent by itself.
    func transmit(
        _ bytes: Span<UInt8>,
        from start: Int,
        to connection: Connection,
        isFollowed: Bool = false
    ) -> IOResult {
        guard let secure = connection.secure else {
            return send(bytes, from: start, to: connection.descriptor, isFollowed: isFollowed)
        }
        return secure.send(bytes, from: start)
    }

    /// Says that all has been sent; answers false where that has to wait for the kernel.
    ///
    /// What still comes is thrown away and need not be understood, so that TLS is over with that.
    func endSending(_ connection: Connection) -> Bool {
        guard let secure = connection.secure else { return true }
        guard secure.finish() != .notNow else {
            awaitTaking(connection)
            return false
        }
        dropSession(connection)
        return true
    }

    /// Closes a connection on which nothing is under way.
    func closeInOrder(_ connection: Connection) {
        _ = connection.secure?.finish()
        close(connection)
    }

    /// Looks after a connection when the loop turns to others: charges for the buffers of its session, and
    /// remembers it where no event will tell of its bytes.
    func noteUnread(_ connection: Connection) {
        guard isOpen(connection) else { return }
        guard chargeSession(connection) else {
            close(connection)
            return
        }
        if connection.awaitsTurn || hasUnread(connection) { unread.append(connection) }
    }

    /// Has a session's buffers count as memory of all connections; answers false where there is no more.
    private func chargeSession(_ connection: Connection) -> Bool {
        guard let secure = connection.secure else { return true }
        let held = (secure.holdsRecord ? 1 : 0) + (connection.hasOutput ? 1 : 0)
        let byteCount = held * TLSSession.recordByteCount
        guard byteCount != connection.secureCharge else { return true }
        release(connection.secureCharge)
        connection.secureCharge = 0
        guard reserve(byteCount) else { return false }
        connection.secureCharge = byteCount
        return true
    }

    func dropSession(_ connection: Connection) {
        endHandshake(connection)
        connection.secure = nil
        release(connection.secureCharge)
        connection.secureCharge = 0
    }

    /// Whether OpenSSL has bytes that were not read, and they can be.
    private func hasUnread(_ connection: Connection) -> Bool {
        connection.secure?.hasUnread == true && connection.wantedReadiness == .readable
    }

    /// Goes on with each connection that had more; what is left then is for the next round, so that
    /// one client that sends much does not keep the others waiting.
    func readUnread() {
        let connections = unread
        unread.removeAll(keepingCapacity: true)
        for connection in connections where isOpen(connection) {
            if connection.stream != nil {
                if !connection.hasOutput { goOnStreaming(connection) }
            } else if connection.awaitsTurn {
                // Answers that the client does not take now come before more of them.
                if !connection.hasOutput { resume(connection) }
            } else if hasUnread(connection) {
                read(connection)
            }
        }
    }

    // MARK: The handshake

    /// Goes on with a handshake as far as the socket allows.
    func secure(_ connection: Connection) {
        guard let session = connection.secure ?? beginHandshake(connection) else { return }
        switch session.shakeHands() {
        case .done: finishHandshake(connection, session)
        case .notNow where session.isHandshakeTooLong: breakOff(connection, .malformed)
        case .notNow: updateInterest(connection)
        case .failed: breakOff(connection, .last())
        }
    }

    /// Makes a session, unless the first byte is not of TLS.
    private func beginHandshake(_ connection: Connection) -> TLSSession? {
        if let first = firstByte(from: connection.descriptor), isLetter(first) {
            tls?.counters.count(.plainHTTP)
            connection.style = .init()
            refuse(connection, .plainOnTLSPort)
            flush(connection)
            return nil
        }
        makeRoomForHandshake()
        guard let session = tls?.makeSession(on: connection.descriptor) else {
            close(connection)
            return nil
        }
        idle.remove(connection.slot)
        connection.secure = session
        connection.isShakingHands = true
        handshakes.append(connection.slot)
        handshakeCount += 1
        return session
    }

    /// A request without TLS begins with a method, a handshake with the byte 22.
    private func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 }

    /// Lets the handshake go that has taken longest where there are as many as may be.
    ///
    /// One holds three times what an idle connection does, and one that is meant well is over within a
    /// round trip or two: the oldest is most probably not.
    private func makeRoomForHandshake() {
        guard handshakeCount >= configuration.handshakesPerLoop, let slot = handshakes.first,
            let oldest = connections[Int(slot)]
        else { return }
        tls?.counters.count(.crowdedOut)
        close(oldest)
    }

    private func endHandshake(_ connection: Connection) {
        guard connection.isShakingHands else { return }
        connection.isShakingHands = false
        handshakes.remove(connection.slot)
        handshakeCount -= 1
    }

    private func finishHandshake(_ connection: Connection, _ session: TLSSession) {
        endHandshake(connection)
        session.takePeerName()
        tls?.counters.count(session)
        // Nothing goes back then, and many clients send no request before their last word is acknowledged.
        if session.isResumed, !session.isTLS13 { acknowledgeAtOnce(connection.descriptor) }
        connection.phase = .head
        updateInterest(connection)
        welcome(connection)
        noteUnread(connection)
    }

    /// Ends a connection whose handshake failed; OpenSSL has told the client why, which it may still read.
    private func breakOff(_ connection: Connection, _ reason: TLSFailure) {
        tls?.counters.count(reason)
        dropSession(connection)
        guard reason != .closed else {
            close(connection)
            return
        }
        linger(connection)
        updateInterest(connection)
    }
}

/// What can be said to a client of TLS before anything is agreed on (RFC 8446 section 6).
enum TLSAlert {
    /// A record with the fatal alert `internal_error`.
    static let internalError: [UInt8] = [21, 3, 3, 0, 2, 2, 80]
}
