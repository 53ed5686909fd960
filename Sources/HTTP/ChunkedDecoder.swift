// SPDX-License-Identifier: Apache-2.0

/// Takes a chunked body apart as it comes (RFC 9112 section 7.1).
///
///     SIZE[;extension] CR LF  bytes CR LF  …  0 CR LF  [trailer CR LF]…  CR LF
///
/// Extensions and trailers are checked for form and thrown away; together they may have
/// `overheadLimit` bytes, so that nobody sends headers here that the head's limit would refuse.
struct ChunkedDecoder {
    enum Outcome: Equatable {
        /// All bytes were used and the body goes on.
        case needsMore
        /// The body ended before the byte `end`.
        case complete(end: Int)
        case refused(Refusal)
    }

    private enum State {
        case size(digits: Int)
        case `extension`(ChunkExtension)
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case endLineFeed
    }

    let bodyLimit: Int
    let overheadLimit: Int
    private var state = State.size(digits: 0)
    private var remaining = 0
    private var bodyCount = 0
    private var overhead = 0

    init(bodyLimit: Int, overheadLimit: Int = 16 << 10) {
        self.bodyLimit = bodyLimit
        self.overheadLimit = overheadLimit
    }

    /// Reads on at `start`, appending the body's bytes to `body`.
    mutating func decode(
        _ bytes: Span<UInt8>,
        from start: Int,
        into body: inout some ByteSink
    ) -> Outcome {
        var index = start
        while index < bytes.count {
            if case .data = state {
                let count = min(remaining, bytes.count - index)
                body.append(bytes.extracting(index..<index + count))
                remaining -= count
                index += count
                if remaining == 0 { state = .dataCarriageReturn }
                continue
            }
            if case .endLineFeed = state {
                guard bytes[index] == Byte.lineFeed else { return .refused(.badChunk) }
                return .complete(end: index + 1)
            }
            if let refusal = step(bytes[index]) { return .refused(refusal) }
            index += 1
        }
        return .needsMore
    }

    /// Takes one byte that is not of the body; answers why it is wrong.
    private mutating func step(_ byte: UInt8) -> Refusal? {
        switch state {
        case .size(let digits): return stepSize(byte, digits: digits)
        case .extension(var rest):
            switch rest.take(byte) {
            case .goesOn: state = .extension(rest)
            case .ended:
                state = .sizeLineFeed
                return nil
            case .bad: return .badChunk
            }
            return countOverhead(.chunkOverhead)
        case .sizeLineFeed:
            guard byte == Byte.lineFeed else { return .badChunk }
            state = remaining > 0 ? .data : .trailerStart
        case .dataCarriageReturn:
            guard byte == Byte.carriageReturn else { return .badChunk }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == Byte.lineFeed else { return .badChunk }
            state = .size(digits: 0)
        default: return stepTrailer(byte)
        }
        return nil
    }

    private mutating func stepSize(_ byte: UInt8, digits: Int) -> Refusal? {
        if let digit = byte.hexadecimalValue {
            // Sixteen digits are more than any limit; leading zeros do not make it endless.
            guard digits < 16, remaining <= Int.max >> 5 else {
                return digits < 16 ? .bodyTooLong(limit: bodyLimit) : .badChunk
            }
            remaining = remaining << 4 | Int(digit)
            state = .size(digits: digits + 1)
            guard remaining <= bodyLimit - bodyCount else { return .bodyTooLong(limit: bodyLimit) }
            return nil
        }
        guard digits > 0 else { return .badChunk }
        bodyCount += remaining
        if byte == Byte.carriageReturn {
            state = .sizeLineFeed
        } else if let rest = ChunkExtension(first: byte) {
            state = .extension(rest)
        } else {
            return .badChunk
        }
        return nil
    }

    private mutating func stepTrailer(_ byte: UInt8) -> Refusal? {
        switch state {
        case .trailerStart:
            if byte == Byte.carriageReturn {
                state = .endLineFeed
                return nil
            }
            guard ByteSet.token.contains(byte) else { return .badChunk }
            state = .trailerName
        case .trailerName:
            if byte == Byte.colon {
                state = .trailerValue
            } else if !ByteSet.token.contains(byte) {
                return .badChunk
            }
        case .trailerValue:
            if byte == Byte.carriageReturn {
                state = .trailerLineFeed
            } else if !byte.isText {
                return .badChunk
            }
        case .trailerLineFeed:
            guard byte == Byte.lineFeed else { return .badChunk }
            state = .trailerStart
        default:
            preconditionFailure("no byte of the frame is expected now")
        }
        return countOverhead(.headTooLong(limit: overheadLimit))
    }

    private mutating func countOverhead(_ refusal: Refusal) -> Refusal? {
        overhead += 1
        return overhead > overheadLimit ? refusal : nil
    }
    private func isText(_ byte: UInt8) -> Bool {
        byte == Byte.tab || (byte >= 0x20 && byte != 0x7F)
    }
}
