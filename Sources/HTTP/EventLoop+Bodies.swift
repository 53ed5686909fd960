// SPDX-License-Identifier: Apache-2.0

/// Bodies as they come: with a length or in chunks, as they are or packed.
///
/// What is packed is unpacked at once and not kept, so that a connection holds what the handler will
/// get and nothing else, and all of that counts as memory of all connections before it is there.
extension EventLoop {
    /// Takes what came of a body; answers where reading goes on.
    func takeBody(_ connection: Connection, _ bytes: Span<UInt8>, from start: Int) -> Int {
        if let remainder = connection.bodyRemainder {
            let end = start + min(remainder, bytes.count - start)
            let came = bytes.extracting(start..<end)
            connection.bodyRemainder = remainder - came.count
            guard append(came, to: connection, limit: connection.body.count + remainder) else {
                return bytes.count
            }
            if came.count == remainder { finishBody(connection) }
            return end
        }
        return takeChunks(connection, bytes, from: start)
    }

    private func takeChunks(
        _ connection: Connection,
        _ bytes: Span<UInt8>,
        from start: Int
    ) -> Int {
        let outcome: ChunkedDecoder.Outcome?
        if connection.inflater == nil {
            let limit = configuration.bodyByteCount
            guard makeRoom(connection, for: bytes.count - start, limit: limit) else {
                return bytes.count
            }
            outcome = connection.chunks?.decode(bytes, from: start, into: &connection.body)
        } else {
            var packed: [UInt8] = []
            outcome = connection.chunks?.decode(bytes, from: start, into: &packed)
            // What is wrong with the bytes comes before what is wrong with the chunks behind them.
            guard unpack(packed.span, of: connection) else { return bytes.count }
        }
        switch outcome {
        case .complete(let end):
            finishBody(connection)
            return end
        case .refused(let refusal): refuse(connection, refusal)
        case .needsMore, nil: break
        }
        return bytes.count
    }

    /// Appends what came to the body; answers false where the request was refused over it.
    private func append(_ bytes: Span<UInt8>, to connection: Connection, limit: Int) -> Bool {
        guard connection.inflater == nil else { return unpack(bytes, of: connection) }
        guard makeRoom(connection, for: bytes.count, limit: limit) else { return false }
        connection.body.append(bytes)
        return true
    }

    private func finishBody(_ connection: Connection) {
        guard let head = connection.head else { preconditionFailure("a body without a head") }
        guard connection.inflater?.isWhole ?? true else {
            refuse(connection, .badCompression())
            return
        }
        let body = connection.body
        callHandler(connection, head, body.span)
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
        guard let inflater = connection.inflater else { return }
        connection.inflater = nil
        release(Inflater.byteCount)
        if inflaters.count < Self.inflaterCount { inflaters.append(inflater) }
    }

    // MARK: Packed bodies

    /// Gives the connection what unpacks its body; answers false where there is no memory for that.
    func beginUnpacking(_ connection: Connection, _ encoding: ContentEncoding) -> Bool {
        guard reserve(Inflater.byteCount) else { return false }
        let limits = Inflater.Limits(
            byteCount: configuration.bodyByteCount,
            ratio: configuration.unpackedRatio
        )
        guard let inflater = inflaters.popLast() ?? Inflater(), inflater.begin(encoding, limits)
        else {
            release(Inflater.byteCount)
            return false
        }
        connection.inflater = inflater
        return true
    }

    /// Appends what the bytes unpack to; answers false where the request was refused over it.
    private func unpack(_ packed: Span<UInt8>, of connection: Connection) -> Bool {
        guard let inflater = connection.inflater else { return true }
        var offset = 0
        var goesOn = !packed.isEmpty
        while goesOn {
            guard
                makeRoom(
                    connection,
                    for: Inflater.blockByteCount,
                    limit: configuration.bodyByteCount
                )
            else { return false }
            do throws(Refusal) {
                goesOn = try inflater.step(packed, from: &offset, into: &connection.body)
            } catch {
                refuse(connection, error)
                return false
            }
        }
        return true
    }
}
