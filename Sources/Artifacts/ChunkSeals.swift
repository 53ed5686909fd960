// SPDX-License-Identifier: Apache-2.0
package import JSON
import Platform

/// Recognises a large file that was hashed here before, several times as fast as it can be hashed.
///
/// Each chunk has a key that nobody else knows and that is for this chunk alone, and the chunk's Poly1305
/// under it. Whoever does not know the keys cannot make other bytes of the same tags: a try succeeds with
/// a chance of 2^-85 for 4 MiB (Bernstein, "The Poly1305-AES message-authentication code", 2005,
/// theorem 3.3). So seals are as secret as what else lies in the state directory.
package struct ChunkSeals: Sendable, Equatable {
    /// A key and a tag for each chunk.
    private let seals: [[UInt8]]

    private static let sealByteCount = Poly1305.keyByteCount + Poly1305.tagByteCount
    /// What is copied, hashed and sealed at once.
    private static let sliceByteCount = 64 << 10

    /// Hashes a file and seals what was hashed.
    ///
    /// Both are done with a copy of each slice, so that what is written to the file meanwhile is not
    /// sealed as what was hashed. Fails where a chunk is not what its digest says, or OpenSSL cannot seal.
    ///
    /// - Parameters:
    ///   - file: of the size that the digests were made for.
    ///   - chunks: its digests.
    ///   - rests: how much longer than it works this rests, chunk by chunk, so that others get on.
    init?(of file: MappedFile, _ chunks: ChunkDigests, rests: Int = 0) {
        var seals: [[UInt8]] = []
        for index in chunks.digests.indices {
            let started = MonotonicClock.now
            let seal = file.withBytes { bytes in
                Self.seal(bytes.extracting(chunks.range(of: index, in: bytes.count)))
            }
            guard let seal, seal.digest == chunks.digests[index], !file.isDamaged else {
                return nil
            }
            seals.append(seal.bytes)
            if rests > 0 { sleepFor((MonotonicClock.now - started) * rests) }
        }
        self.seals = seals
    }

    private static func seal(_ chunk: Span<UInt8>) -> (digest: Digest, bytes: [UInt8])? {
        let key = randomBytes(Poly1305.keyByteCount)
        guard let tag = Poly1305(key: key) else { return nil }
        let hash = SHA256()
        for start in stride(from: 0, to: chunk.count, by: sliceByteCount) {
            let slice = chunk.extracting(start..<min(start + sliceByteCount, chunk.count))
            let copy = unsafe slice.withUnsafeBufferPointer { unsafe Array($0) }
            hash.update(with: copy.span)
            tag.update(with: copy.span)
        }
        return (hash.finish(), key + tag.finish())
    }

    /// Reads what `document` writes; nil for anything else.
    package init?(_ document: JSONValue) {
        guard let texts = document.asArray else { return nil }
        var seals: [[UInt8]] = []
        for text in texts {
            guard let digits = text.asString,
                let seal = bytes(hexadecimal: digits, count: Self.sealByteCount)
            else { return nil }
            seals.append(seal)
        }
        self.seals = seals
    }

    package var document: JSONValue { .array(seals.map { .string(hexadecimal($0)) }) }

    /// Whether a file has the bytes that were sealed, in those chunks.
    func match(_ file: MappedFile, _ chunks: ChunkDigests, threads: Int) -> Bool {
        guard seals.count == chunks.digests.count else { return false }
        return chunks.first(in: file, threads: threads) { index, chunk in
            let seal = seals[index]
            guard let tag = Poly1305(key: Array(seal.prefix(Poly1305.keyByteCount))) else {
                return true
            }
            // A page at a time, two pages ahead: a Poly1305 is quicker than memory is.
            let page = 4096
            for start in stride(from: 0, to: chunk.count, by: page) {
                let ahead = min(start + 2 * page, chunk.count)
                chunk.extracting(ahead..<min(ahead + page, chunk.count)).fetchAhead()
                tag.update(with: chunk.extracting(start..<min(start + page, chunk.count)))
            }
            return tag.finish() != Array(seal.suffix(Poly1305.tagByteCount))
        } == nil
    }
}
