// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Bodies as they come: with a length or in chunks, as they are or packed.
///
/// What is packed is unpacked at once and not kept, so that a connection holds what the handler will
/// get and nothing else, and all of that counts as memory of all connections before it is there.
extension EventLoop {
    /// The most that is read of a body at once, before it is the others' turn.
    private static let bodyReadByteCount = 256 << 10
    /// The largest memory that the loop keeps for the next body: what is allocated anew costs a fault
    /// for each page, which is as much as two copies.
    private static let spareByteCount = 1 << 20

    /// Gives the connection memory for the body that follows its head.
    func beginBody(_ connection: Connection, of head: RequestHead) {
        // What was kept may still be read by whoever answers its request.
        let isFree = isKnownUniquelyReferenced(&spare)
        let memory = isFree ? spare ?? BodyMemory() : BodyMemory()
        if isFree { spare = nil }
        var place: Int?
        if let name = configuration.alignedBehind {
            place = head.withHeader(name) { decimal($0) } ?? nil
        }
        memory.begin(aligning: place ?? 0)
        connection.body = memory
    }

    /// Whether what comes of the body can be read straight to where it will be used.
    func readsBodyDirectly(_ connection: Connection) -> Bool {
        connection.phase == .body && connection.bodyRemainder != nil && connection.inflater == nil
    }

    /// Reads more of such a body.
    func readBody(_ connection: Connection) -> IOResult {
        guard let memory = connection.body, let remainder = connection.bodyRemainder else {
            preconditionFailure("a body without memory")
        }
        let expected = memory.count + remainder
        let next = min(remainder, Self.inputByteCount)
        guard makeRoom(connection, memory, for: next, limit: expected) else { return .count(0) }
        let room = connection.bodyCharge - memory.count
        return memory.receive(atMost: min(remainder, room, Self.bodyReadByteCount)) { free in
            receiveBody(into: &free, of: connection)
        }
    }

    /// Counts what was read so; has the body answered when it is all there.
    func noteBodyRead(_ connection: Connection, count: Int) {
        guard let remainder = connection.bodyRemainder else { return }
        connection.bodyRemainder = remainder - count
        if count == remainder { finishBody(connection) }
    }

    /// Takes what came of a body; answers where reading goes on.
    func takeBody(_ connection: Connection, _ bytes: Span<UInt8>, from start: Int) -> Int {
        guard let memory = connection.body else { preconditionFailure("a body without memory") }
        if let remainder = connection.bodyRemainder {
            let end = start + min(remainder, bytes.count - start)
            let came = bytes.extracting(start..<end)
            connection.bodyRemainder = remainder - came.count
            guard append(came, to: connection, memory, limit: memory.count + remainder) else {
                return bytes.count
            }
            if came.count == remainder { finishBody(connection) }
            return end
        }
        return takeChunks(connection, memory, bytes, from: start)
    }

    private func takeChunks(
        _ connection: Connection,
        _ memory: BodyMemory,
        _ bytes: Span<UInt8>,
        from start: Int
    ) -> Int {
        let outcome: ChunkedDecoder.Outcome?
        if connection.inflater == nil {
            let limit = configuration.bodyByteCount
            guard makeRoom(connection, memory, for: bytes.count - start, limit: limit) else {
                return bytes.count
            }
            var sink = memory
            outcome = connection.chunks?.decode(bytes, from: start, into: &sink)
        } else {
            var packed: [UInt8] = []
            outcome = connection.chunks?.decode(bytes, from: start, into: &packed)
            // What is wrong with the bytes comes before what is wrong with the chunks behind them.
            guard unpack(packed.span, of: connection, memory) else { return bytes.count }
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
    private func append(
        _ bytes: Span<UInt8>,
        to connection: Connection,
        _ memory: BodyMemory,
        limit: Int
    ) -> Bool {
        guard connection.inflater == nil else { return unpack(bytes, of: connection, memory) }
        guard makeRoom(connection, memory, for: bytes.count, limit: limit) else { return false }
        memory.append(bytes)
        return true
    }

    private func finishBody(_ connection: Connection) {
        guard let head = connection.head, let memory = connection.body else {
            preconditionFailure("a body without a head")
        }
        guard connection.inflater?.isWhole ?? true else {
            refuse(connection, .badCompression())
            return
        }
        memory.withBytes { callHandler(connection, head, $0, in: memory) }
        releaseBody(connection)
    }

    /// Lets the body grow by doubling, so that memory follows what came and not what was claimed.
    private func makeRoom(
        _ connection: Connection,
        _ memory: BodyMemory,
        for count: Int,
        limit: Int
    ) -> Bool {
        let needed = memory.count + min(count, limit - memory.count)
        guard needed > connection.bodyCharge else { return true }
        let capacity = max(needed, min(limit, max(2 * connection.bodyCharge, 16 << 10)))
        let growth = capacity - connection.bodyCharge
        guard reserve(growth) else {
            refuse(connection, .bufferMemory)
            return false
        }
        connection.bodyCharge = capacity
        memory.reserve(capacity)
        return true
    }

    /// Gives back what the connection's body holds; its memory may be the next body's.
    func releaseBody(_ connection: Connection) {
        connection.head = nil
        connection.chunks = nil
        release(connection.bodyCharge)
        connection.bodyCharge = 0
        if let memory = connection.body, memory.capacity <= Self.spareByteCount,
            memory.capacity > spare?.capacity ?? 0
        {
            spare = memory
        }
        connection.body = nil
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
    private func unpack(
        _ packed: Span<UInt8>,
        of connection: Connection,
        _ memory: BodyMemory
    ) -> Bool {
        guard let inflater = connection.inflater else { return true }
        var sink = memory
        var offset = 0
        var goesOn = !packed.isEmpty
        while goesOn {
            guard
                makeRoom(
                    connection,
                    memory,
                    for: Inflater.blockByteCount,
                    limit: configuration.bodyByteCount
                )
            else { return false }
            do throws(Refusal) {
                goesOn = try inflater.step(packed, from: &offset, into: &sink)
            } catch {
                refuse(connection, error)
                return false
            }
        }
        return true
    }
}

/// The whole number that a field's value is; nil where it is none that can be a length.
private func decimal(_ digits: Span<UInt8>) -> Int? {
    guard 1...18 ~= digits.count else { return nil }
    var number = 0
    for index in digits.indices {
        guard digits[index].isDigit else { return nil }
        number = number * 10 + Int(digits[index] & 15)
    }
    return number
}
