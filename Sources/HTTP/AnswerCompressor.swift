// SPDX-License-Identifier: Apache-2.0
private import Platform

/// Packs answers for clients that can unpack them, where it is worth the time.
final class AnswerCompressor: Sendable {
    /// Bodies below are sent as they are: a packet less is the least that packing must bring.
    private let minimumByteCount: Int
    /// How many encoders are kept.
    private let keptCount: Int

    /// Encoders on their way between the list and a thread.
    ///
    /// `@unchecked Sendable`: an encoder is in the list or with the one thread that took it.
    private struct Encoders: @unchecked Sendable {
        var list: [GzipEncoder] = []
    }

    /// Those that nobody uses now.
    private let encoders = Guarded(Encoders())

    init(minimumByteCount: Int, keptCount: Int) {
        self.minimumByteCount = minimumByteCount
        self.keptCount = keptCount
    }

    /// The answer, packed where that makes it shorter.
    func compress(_ response: consuming Response) -> Response {
        let byteCount = response.source?.expectedByteCount ?? response.body.count
        guard byteCount >= minimumByteCount, response.status == 200,
            response.headers.isWorthPacking
        else { return response }
        response.headers.append("vary", "accept-encoding")
        guard let encoder = take() else { return response }
        if let source = response.source {
            response.source = PackedAnswer(source, encoder, of: self)
            response.headers.append("content-encoding", "gzip")
            return response
        }
        defer { giveBack(encoder) }
        guard let packed = encoder.encode(response.body.span) else { return response }
        response.body = packed
        response.headers.append("content-encoding", "gzip")
        return response
    }

    private func take() -> GzipEncoder? {
        encoders.withLock { Encoders(list: $0.list.popLast().map { [$0] } ?? []) }.list.first
            ?? GzipEncoder()
    }

    fileprivate func giveBack(_ encoder: GzipEncoder) {
        let returned = Encoders(list: [encoder])
        encoders.withLock { encoders in
            if encoders.list.count < keptCount { encoders.list += returned.list }
        }
    }
}

/// A long answer that is packed piece by piece.
///
/// `@unchecked Sendable`: a source is with one thread at a time.
private final class PackedAnswer: AnswerSource, @unchecked Sendable {
    private let source: any AnswerSource
    private let encoder: GzipEncoder
    private let compressor: AnswerCompressor

    init(_ source: any AnswerSource, _ encoder: GzipEncoder, of compressor: AnswerCompressor) {
        self.source = source
        self.encoder = encoder
        self.compressor = compressor
        encoder.begin()
    }

    deinit { compressor.giveBack(encoder) }

    var expectedByteCount: Int { source.expectedByteCount }

    var heldByteCount: Int {
        source.heldByteCount + GzipEncoder.byteCount + answerPieceByteCount
    }

    func appendPiece(to bytes: inout [UInt8]) -> Bool {
        var piece: [UInt8] = []
        let isLast = source.appendPiece(to: &piece)
        encoder.encode(piece.span, isLast: isLast, to: &bytes)
        return isLast
    }
}

extension HeaderFields {
    /// Whether the body is text that nothing has packed yet.
    fileprivate var isWorthPacking: Bool {
        guard let type = self["content-type"], self["content-encoding"] == nil else { return false }
        return type.hasPrefix("text/") || type.hasPrefix("application/json")
            || type.hasPrefix("application/x-ndjson")
    }
}
