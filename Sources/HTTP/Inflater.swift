// SPDX-License-Identifier: Apache-2.0
private import CZlib

/// Unpacks gzip (RFC 1952) and zlib (RFC 1950) bodies as they come; one after the other, again and again.
///
/// Packed bytes are not kept: what was unpacked of them is appended to the body, a block at most at a
/// time, so that whoever owns the body can account for it before it grows. What is wrong is told at the
/// byte where it shows.
///
/// Safety: zlib keeps the address of the stream, so it lies in memory of its own, which `init` makes
/// and `deinit` frees.
@safe
final class Inflater {
    /// How much one body may unpack to.
    struct Limits {
        /// Bytes in all.
        var byteCount: Int
        /// Bytes for each that came; looked at from `ratioStart` on, at the end of each block.
        var ratio: Int

        /// Short bodies that repeat themselves are no bombs: no ratio is asked of their first MiB.
        static let ratioStart = 1 << 20
    }

    /// What one takes: the window, the tables, the stream and the block.
    static let byteCount = 64 << 10
    /// The most that one step appends.
    static let blockByteCount = 16 << 10

    private let stream: UnsafeMutablePointer<z_stream>
    private var block = [UInt8](repeating: 0, count: blockByteCount)
    private var limits = Limits(byteCount: 0, ratio: 1)
    private var packedCount = 0
    private var unpackedCount = 0
    private var isAtEnd = false

    /// nil where there is no memory for one.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe inflateInit2_(
            stream,
            Self.windowBits(.gzip),
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        _ = unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Begins another body; answers false where zlib cannot.
    func begin(_ encoding: ContentEncoding, _ limits: Limits) -> Bool {
        self.limits = limits
        (packedCount, unpackedCount, isAtEnd) = (0, 0, false)
        return unsafe inflateReset2(stream, Self.windowBits(encoding)) == Z_OK
    }

    /// 15 is the widest window; 16 more means gzip instead of zlib.
    private static func windowBits(_ encoding: ContentEncoding) -> Int32 {
        encoding == .gzip ? 15 + 16 : 15
    }

    /// Unpacks from `offset` on until a block is full or the bytes are used up.
    ///
    /// - Parameters:
    ///   - packed: what came, from `offset` on.
    ///   - offset: moved behind the bytes that were used.
    ///   - body: what was unpacked is appended to it.
    /// - Returns: whether there is more to be had of the bytes, with another call.
    /// - Throws: 413 at the first byte beyond the limits, 400 at the first that fits no such stream or is
    ///   behind its end.
    func step(
        _ packed: Span<UInt8>,
        from offset: inout Int,
        into body: inout some ByteSink
    ) throws(Refusal) -> Bool {
        guard !isAtEnd else { throw .badCompression() }
        // Blocks end at the same bytes however the body is cut, and one byte too many is enough to know.
        let left = Self.blockByteCount - unpackedCount % Self.blockByteCount
        let room = min(left - 1, limits.byteCount - unpackedCount) + 1
        let given = min(packed.count - offset, Int(UInt32.max))
        let (code, unused, count) = unsafe packed.withUnsafeBufferPointer { source in
            unsafe block.withUnsafeMutableBufferPointer { target in
                // Safety: zlib reads `source` and writes `target` within the counts that it is given. That
                // it only reads through the first its type does not say.
                unsafe stream.pointee.next_in = source.baseAddress.map {
                    unsafe UnsafeMutablePointer(mutating: $0 + offset)
                }
                unsafe stream.pointee.avail_in = UInt32(given)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(room)
                let code = unsafe inflate(stream, Z_NO_FLUSH)
                return unsafe (
                    code, Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out)
                )
            }
        }
        offset += given - unused
        packedCount += given - unused
        unpackedCount += count
        guard unpackedCount <= limits.byteCount else {
            throw .bodyTooLong(limit: limits.byteCount)
        }
        guard code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END else {
            throw code == Z_MEM_ERROR ? .bufferMemory : .badCompression()
        }
        isAtEnd = code == Z_STREAM_END
        if unpackedCount % Self.blockByteCount == 0, unpackedCount > Limits.ratioStart,
            unpackedCount / max(1, limits.ratio) > packedCount
        {
            throw .unpackedRatio(limit: limits.ratio)
        }
        // A span needs a local owner; it is gone before the block is written again.
        let unpacked = block
        body.append(unpacked.span.extracting(0..<count))
        return offset < packed.count || count == room && !isAtEnd
    }

    /// Whether the body may end here: with its stream, or before that began.
    var isWhole: Bool { isAtEnd || packedCount == 0 }
}
