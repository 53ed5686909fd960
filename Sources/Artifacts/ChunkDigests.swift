// SPDX-License-Identifier: Apache-2.0
import Dispatch
import JSON
import Platform

/// The digests of a large file's chunks, one after the other.
///
/// A SHA-256 is one chain, which one core works through; chunks are as many as there are cores to check
/// them. They are signed with the manifest, as the digest of the whole is, and stand for it.
package struct ChunkDigests: Sendable, Equatable {
    /// Of every chunk but the last, which has what is left.
    package let chunkByteCount: Int
    package let digests: [Digest]

    /// What is hashed sooner than threads are started.
    private static let leastByteCount = 32 << 20
    private static let usualByteCount = 4 << 20
    /// A manifest of a file of any size stays small.
    private static let mostChunks = 1024

    /// Hashes the chunks of a file; nil for one that is not large.
    init?(of bytes: Span<UInt8>) {
        guard bytes.count >= Self.leastByteCount else { return nil }
        var size = Self.usualByteCount
        while bytes.count / size >= Self.mostChunks { size *= 2 }
        chunkByteCount = size
        digests = stride(from: 0, to: bytes.count, by: size).map { start in
            sha256(of: bytes.extracting(start..<min(start + size, bytes.count)))
        }
    }

    /// Reads what `document` writes, for a file of so many bytes; nil when it reported problems.
    init?(reading entry: ObjectReader, byteCount: Int) {
        let size = entry.optionalInteger("bytes", in: 4096 ... .max)
        let texts = entry.strings("sha256")
        let digests = texts.compactMap(Digest.init(hexadecimal:))
        entry.finish()
        guard let size else {
            if !entry.has("bytes") {
                entry.report("bytes", "missing; expected the size of a chunk")
            }
            return nil
        }
        let count = byteCount / size + (byteCount % size > 0 ? 1 : 0)
        guard digests.count == texts.count, digests.count == count else {
            entry.report(
                "sha256",
                "expected \(count) digests of 64 lower-case hexadecimal digits, for \(byteCount) bytes "
                    + "in chunks of \(size)",
                hint: "pack the artifact again"
            )
            return nil
        }
        (chunkByteCount, self.digests) = (size, digests)
    }

    var document: JSONValue {
        [
            "bytes": .number(chunkByteCount),
            "sha256": .array(digests.map { .string($0.description) }),
        ]
    }

    /// What names the bytes that have these digests, and no others.
    package var name: Digest {
        let hash = SHA256()
        hash.update(with: Array("\(chunkByteCount) ".utf8).span)
        for digest in digests { hash.update(with: digest.bytes.span) }
        return hash.finish()
    }

    /// Where a chunk lies in a file of so many bytes.
    func range(of index: Int, in byteCount: Int) -> Range<Int> {
        let start = index * chunkByteCount
        return start..<min(start + chunkByteCount, byteCount)
    }

    /// Checks a file of the size they were made for.
    ///
    /// - Returns: where the first chunk begins that has another digest; nil when none has.
    func firstWrong(in file: MappedFile, threads: Int) -> Int? {
        first(in: file, threads: threads) { index, chunk in sha256(of: chunk) != digests[index] }
    }

    /// Where the first chunk begins of which something is so; nil when it is so of none.
    func first(
        in file: MappedFile,
        threads: Int,
        where isSo: @Sendable (Int, Span<UInt8>) -> Bool
    ) -> Int? {
        let found = Guarded<Int?>(nil)
        // Chunks are handed out one by one, as a thread that others keep waiting would be the last.
        let left = Guarded(digests.indices)
        DispatchQueue.concurrentPerform(iterations: min(threads, digests.count)) { _ in
            while let index = left.withLock({ $0.popFirst() }) {
                let isFound = file.withBytes { bytes in
                    isSo(index, bytes.extracting(range(of: index, in: bytes.count)))
                }
                guard isFound else { continue }
                found.withLock { $0 = min($0 ?? .max, index * chunkByteCount) }
                return
            }
        }
        return found.withLock { $0 }
    }
}
